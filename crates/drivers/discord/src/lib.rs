//! Discord: gateway in, webhooks or the bot out.
//!
//! [`Discord`] is the platform as the host knows it.
//!
//! - Receiving: the gateway, a WebSocket whose rules are a state machine without I/O under a small loop. Where Discord
//!   replays what was missed, it is asked to; where it does not, the channels' history is read.
//! - Sending: by a channel's webhook, which shows each writer's name and picture, or by the bot.
//! - Both through the instance's proxy. Payloads are read leniently: only what is needed, whatever stands beside it.

mod account;
mod address;
mod api;
mod cdn;
mod change;
mod code;
mod complete;
mod cut;
mod deferred;
mod directory;
mod doctor;
mod doubts;
mod driver;
mod factory;
mod fields;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod gateway;
mod guild;
mod history;
mod how;
mod instance;
mod intent;
mod kind;
mod label;
mod limits;
mod look_up;
mod markup;
mod me;
mod media;
mod message;
mod missing;
mod names;
mod parse;
mod part;
mod permission;
mod place;
mod reconcile;
mod refusal;
mod remedy;
mod resolve;
mod rooms;
mod send;
mod settings;
mod snowflake;
mod typing;
mod understand;
mod upload;
mod webhook_url;
mod webhooks;

pub use factory::Discord;
