//! WhatsApp through the Home Assistant addon: webhook in, HTTP out.
//!
//! [`WhatsApp`] is the platform as the host knows it.
//!
//! - Receiving: the addon's webhook calls us, once, whatever we answer; its event becomes ours and is answered when it is
//!   on disk. What the event leaves out (files, names, pictures) is fetched afterwards.
//! - Catching up: the addon's store shows what was written while we did not listen.
//! - Sending: by the addon's HTTP calls, which know no repeat; so an unknown end is looked into before another try.
//! - Chats are named by their JID; a phone number becomes one.

mod address;
mod api;
mod body;
mod book;
mod change;
mod complete;
mod cut;
mod doctor;
mod doubts;
mod driver;
mod factory;
mod fields;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod health;
mod history;
mod inbound;
mod instance;
mod jid;
mod kinds;
mod markup;
mod media;
mod mention;
mod missing;
mod names;
mod offer;
mod parse;
mod part;
mod payload;
mod people;
mod quoted;
mod recipient;
mod reconcile;
mod refusal;
mod registered;
mod resolve;
mod rooms;
mod send;
mod settings;
mod typing;
mod unwrap;

pub use factory::WhatsApp;
