//! Rocket.Chat: REST and webhooks, in and out.
//!
//! [`RocketChat`] is the platform as the host knows it.
//!
//! - Receiving: the Outgoing Webhook calls us; its payload becomes an event, which is answered once it is on disk. What
//!   the payload leaves out (display names, files) is fetched afterwards by REST. Or the realtime API tells all of it.
//! - Sending: by REST under an id of ours, or by an Incoming Webhook. What was said is changed by REST.
//! - The markup: what the server's own parser takes, and nothing that a person typed elsewhere is any of it.

mod address;
mod api;
mod catch_up;
mod change;
mod classify;
mod closing;
mod complete;
mod cut;
mod cut_change;
mod dialect;
mod doctor;
mod download;
mod driver;
mod escape;
mod factory;
mod files;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod gate;
mod hook;
mod how;
mod inbound;
mod instance;
mod intake;
mod lenient;
mod login;
mod mask;
mod members;
mod next;
mod openers;
mod parse;
mod part;
mod payload;
mod quotation;
mod realtime;
mod receive;
mod reconcile;
mod refusal;
mod render;
mod resolve;
mod room;
mod send_api;
mod send_hook;
mod settings;
mod turns;
mod unquoted;

pub use factory::RocketChat;
