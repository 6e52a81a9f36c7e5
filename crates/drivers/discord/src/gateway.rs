//! The gateway: the WebSocket over which Discord tells what happens (`/developers/events/gateway`, version 10).

pub(crate) mod backoff;
pub(crate) mod budget;
pub(crate) mod close;
pub(crate) mod heart;
pub(crate) mod machine;
#[cfg(test)]
mod model;
pub(crate) mod payload;
