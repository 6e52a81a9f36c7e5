//! A fake Rocket.Chat server with state: accounts, rooms, messages, files, integrations; REST, `/hooks`, Outgoing
//! Webhooks, and the realtime API. It is strict: what the platform refuses, it refuses with the same status and body.
//!
//! What it does follows servers of versions 6 to 8; [`RocketChatScript::version`] decides where they differ.

mod changing;
mod ddp;
mod faults;
mod files;
mod incoming;
mod inside;
mod limits;
mod mention;
mod message;
mod outgoing;
mod posting;
mod refusal;
mod rest;
mod route;
mod script;
mod server;
mod shape;
mod state;
mod storage;

pub use ddp::{Realtime, RealtimeDial, Subscribed};
pub use faults::{Fault, Faults, FaultsOn};
pub use incoming::{HookOptions, IncomingHook};
pub use inside::RecordedRequest;
pub use limits::Limit;
pub use message::{FakeFile, FakeMessage};
pub use outgoing::{HookCall, HookEvent, HookVerdict, OutgoingHook, Retry};
pub use route::Route;
pub use script::RocketChatScript;
pub use server::{FakeRocketChat, Refused};
pub use state::{RoomKind, User};
pub use storage::StorageRequest;
