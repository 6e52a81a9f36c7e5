//! Rocket.Chat: REST and webhooks, in and out.
//!
//! [`RocketChat`] is the platform as the host knows it.

mod address;
mod dialect;
mod factory;
mod hook;
mod instance;
mod resolve;
mod settings;

pub use factory::RocketChat;
