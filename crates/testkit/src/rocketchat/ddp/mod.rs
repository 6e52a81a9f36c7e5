//! The realtime API: DDP version 1 over the WebSocket `/websocket`.
//!
//! Each connection is a [conversation] that writes what is queued for it in the [connections](connection) and tells
//! them what it [heard](hearing). What happens in rooms is [told](telling) to whoever subscribed: the whole message at
//! every change, deletions in two ways, and who joined or left.

mod connection;
mod conversation;
mod handshake;
mod hearing;
mod realtime;
mod telling;

pub use realtime::{Realtime, RealtimeDial, Subscribed};

pub(crate) use connection::Ddp;
pub(crate) use handshake::answer;

/// The path of the WebSocket.
pub(crate) const PATH: &str = "/websocket";
