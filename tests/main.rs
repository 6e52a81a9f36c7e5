//! The end-to-end suite: the real binary over real sockets, one file a theme.

mod bad_input;
mod broken_configuration;
mod control_listener;
mod dead_letters;
mod demo;
mod destination_fails;
mod destination_hangs;
mod destination_refuses;
mod documented_configurations;
mod duplicate_webhook;
mod kill9_mid_send;
mod many_rooms;
mod memory;
mod outgoing_call;
mod proxy_in_the_path;
mod rate_limit_storm;
mod relays_messages;
mod same_room_id;
mod secret_guard;
mod shutdown;
mod tidy;
mod workspace;
mod wrong_credentials;
