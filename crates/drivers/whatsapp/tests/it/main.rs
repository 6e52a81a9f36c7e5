//! The driver as a whole.

mod addon;
mod changes;
mod completion;
mod condition;
mod fixtures;
mod history;
mod offers;
mod outcomes;
mod sends;
mod webhook;
