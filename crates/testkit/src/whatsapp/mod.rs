//! A fake of the Home Assistant addon for WhatsApp (version 2.1.1) with state: accounts, chats, groups, media; its HTTP
//! API, its webhooks, and the people who write to it. Its oddities are the addon's.
//!
//! [`FakeWhatsApp`] is the addon. [`FakeAccount`] is one of its WhatsApp accounts (a session): through it a test or the
//! demo plays the people on the other side. A [`Message`] is what they say. `messages` is what their phones show,
//! `sent` what the relay asked for, `requests` every call, `violations` what was wrong with the calls although the addon
//! took them.

mod account;
mod calls;
mod event;
mod fault;
mod fetch;
mod fields;
mod form;
mod inside;
mod jid;
mod kind;
mod media;
mod message;
mod own;
mod person;
mod refusal;
mod rest;
mod route;
mod script;
mod server;
mod state;
mod upsert;
mod webhook;

pub use account::FakeAccount;
pub use calls::{Command, RecordedRequest, Sent, Violation, WebhookCall};
pub use fault::{Fault, Faults, FaultsOn};
pub use jid::get_jid;
pub use media::FakeMedia;
pub use message::{Addressing, Message};
pub use person::{Group, Participant, Person};
pub use route::Route;
pub use script::{AccountScript, Echo, WebhookScript, WhatsAppScript};
pub use server::FakeWhatsApp;
pub use state::{Connection, FakeMessage};
