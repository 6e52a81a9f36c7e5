//! A fake Discord with state: guilds, channels, threads, members, webhooks, messages, files; its REST API (version 10),
//! its CDN and its gateway on one port, and the people who write there. Its oddities are Discord's.
//!
//! [`FakeDiscord`] is all of it. [`FakeDiscord::add_guild`] and its neighbours make the place, [`FakeDiscord::say`] and
//! its neighbours play the people; each happening is told over the [`Gateway`](gateway::Gateway). `messages` is what a
//! room shows, `requests` every call, `violations` what was wrong with calls although Discord took them, `early` the
//! calls that came before a wait was over, `invalid` how many answers count towards a ban.
//!
//! Events go to every session that has the intent: the fake does not look whether a bot may see the channel. So a test
//! that plays two bots plays them in one guild.

mod calls;
mod cdn;
mod fault;
mod file;
pub mod gateway;
mod inside;
mod intent;
mod limits;
mod links;
mod mention;
mod message;
mod people;
mod permission;
mod post;
mod posting;
mod refusal;
mod rest;
mod route;
mod script;
mod server;
mod shape;
mod snowflake;
mod state;
mod telling;
mod webhook;
mod world;

pub use calls::{RecordedRequest, Violation};
pub use fault::{Fault, Faults, FaultsOn, Scope};
pub use file::FakeFile;
pub use limits::{EarlyCall, Limit, Limits};
pub use message::{Emoji, FakeMessage, Pinged, Reaction, Reference};
pub use permission::Permission;
pub use post::Post;
pub use route::Route;
pub use script::DiscordScript;
pub use server::FakeDiscord;
pub use snowflake::{NotASnowflake, Snowflake};
pub use state::ChannelKind;
pub use webhook::Webhook;
pub use world::Bot;
