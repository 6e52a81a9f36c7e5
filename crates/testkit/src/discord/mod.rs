//! A fake Discord with state: guilds, channels, threads, members, webhooks, messages, files; its REST API, its CDN and
//! its gateway on one port, and the people who write there.

mod server;

pub use server::FakeDiscord;
