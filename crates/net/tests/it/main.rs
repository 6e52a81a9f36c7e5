//! What the network does to us, with real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, though clippy cannot see it")]

mod client;
mod closing;
mod downloads;
mod listener;
mod newcomers;
mod offers;
mod peer;
mod serve;
mod spool;
mod websocket;
mod wording;
