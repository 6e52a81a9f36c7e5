//! Everything that touches the network or the disk on behalf of a driver, and knows no platform.
//!
//! - [`client`](mod@client): the one HTTP client builder, and what an error of it means for a send.
//! - [`listener`]: HTTP for strangers, within limits.
//! - [`limit`]: how often something may happen.

pub mod client;
mod failure;
pub mod limit;
pub mod listener;
mod tls;

pub use client::{ClientError, ClientSettings, Transport, client, describe, install_crypto, outcome};
pub use limit::KeyedLimiter;
pub use listener::{Accept, ListenerLimits, Listeners, serve};
