//! The fakes, from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod catch_up;
mod client;
mod discord_changes;
mod discord_client;
mod discord_events;
mod discord_faults;
mod discord_files;
mod discord_gateway;
mod discord_gateway_client;
mod discord_gateway_faults;
mod discord_gateway_resume;
mod discord_gateway_strict;
mod discord_limits;
mod discord_messages;
mod discord_strict;
mod discord_webhooks;
mod downloads;
mod faults;
mod hooks;
mod limits;
mod pigeon;
mod proxies;
mod published_client;
mod realtime;
mod rocketchat_changes;
mod strict;
mod whatsapp_client;
mod whatsapp_faults;
mod whatsapp_media;
mod whatsapp_payloads;
mod whatsapp_samples;
mod whatsapp_traps;
mod whatsapp_webhooks;
