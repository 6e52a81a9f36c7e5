//! The fakes, from outside.

mod client;
mod strict;
