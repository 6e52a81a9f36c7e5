//! Everything that touches the network or the disk on behalf of a driver, and knows no platform.
//!
//! - [`client`](mod@client): the one HTTP client builder, and what an error of it means for a send.

pub mod client;
mod failure;
mod tls;

pub use client::{ClientError, ClientSettings, Transport, client, describe, install_crypto, outcome};
