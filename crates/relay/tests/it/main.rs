//! The relay over a real outbox and a scripted platform.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail where it stands")]

mod house;
mod people;
mod scripted;

mod changes;
mod commands;
mod conversation;
mod driver_fails;
mod echo_before_answer;
mod held_in_order;
mod incomplete_events;
mod killed_mid_send;
mod lanes;
mod mentions;
mod reloads;
mod unknown_outcome;
