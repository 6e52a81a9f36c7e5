//! The gateway: the WebSocket over which a bot hears what happens (Discord's `/developers/events/gateway`, version 10).
//!
//! [`Gateway`] is what the server and a test hold. Each connection is a [conversation] that writes what
//! the [state] queued for it and tells the state what it heard; all rules are in the state, all sockets in the
//! conversation. A [session] is a log of numbered events: what a connection misses is sent to the next one.

mod allowance;
mod close;
mod compression;
mod content;
mod controls;
mod conversation;
mod handshake;
mod hearing;
mod inside;
mod intents;
mod payload;
mod records;
mod script;
mod server;
mod session;
mod starting;
mod state;

pub use records::{Dial, Heard, Heartbeat, Identify, Resume, SessionSeen};
pub use script::GatewayScript;
pub use server::{Gateway, ReadyData};
