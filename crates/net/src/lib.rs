//! Everything that touches the network or the disk on behalf of a driver, and knows no platform.
//!
//! - [`client`](mod@client): the one HTTP client builder, and what an error of it means for a send.
//! - [`store`]: an answer's body into the spool.
//! - [`Endpoint`]: one address that is posted to over and over.
//! - [`guard`]: fetching what strangers name.
//! - [`listener`]: HTTP for strangers, within limits.
//! - [`limit`]: how often something may happen.
//! - [`spool`]: files on their way, on disk.
//! - [`websocket`]: connections that stay open, through the same proxies as the HTTP client.

pub mod client;
mod dial;
mod download;
mod endpoint;
mod failure;
pub mod guard;
pub mod limit;
pub mod listener;
pub mod spool;
mod straight;
mod tls;
pub mod websocket;

pub use client::{ClientError, ClientSettings, Transport, client, describe, install_crypto, outcome};
pub use download::{StoreError, store};
pub use endpoint::{Answered, Endpoint, Unanswered, read_whole};
pub use guard::{Fetched, GuardError, GuardedFetch, is_public};
pub use limit::KeyedLimiter;
pub use listener::{Accept, ListenerLimits, Listeners, serve};
pub use spool::Spool;
pub use websocket::{WebSocket, WebSocketError, WebSocketSettings};
