//! The driver as a whole.

mod fixtures;
mod webhook;
