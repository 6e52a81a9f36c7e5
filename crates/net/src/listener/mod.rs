//! The hardened listener: HTTP/1 for strangers.
//!
//! What a stranger can do with a connection is bounded in number, size and time ([`ListenerLimits`]): half a request
//! head, a body that never ends, an answer that is never read, more connections than files can be open. All of it ends
//! by a limit, and what it cost is given back.
//!
//! - [`serve`] is the accept loop, for any stream and any hyper service; the control API runs on it.
//! - [`Listeners`] are the webhook listeners: one accept loop for each host and port, shared by path. Beside webhooks
//!   they serve files of the spool to whoever holds a signed link ([`Webhooks::offer`]).
//!
//! [`Webhooks::offer`]: tieline_core::webhook::Webhooks::offer

mod accept;
mod connection;
mod files;
mod limits;
mod linger;
mod links;
mod port;
mod range;
mod refusal;
mod request;
mod stall;
mod webhooks;
mod wording;

pub use accept::{Accept, serve};
pub use limits::ListenerLimits;
pub use webhooks::Listeners;
