//! The relay over a real outbox and a scripted platform.

mod house;
mod scripted;

mod driver_fails;
mod echo_before_answer;
mod incomplete_events;
mod killed_mid_send;
mod lanes;
mod unknown_outcome;
