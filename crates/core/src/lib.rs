//! The words of the trade.
//!
//! tieline joins chat platforms: a message that is said in one room is heard in the others that a rule names, once, in
//! order. This crate holds what every other crate talks about: events, addresses, markup, templates, the rule engine,
//! and the traits that a driver and an outbox fulfil. It opens no socket, file or clock, and knows no platform.
//!
//! A message's way, with the types that carry it:
//!
//! [`Event`](event::Event) → [`Plan::route`](plan::Plan::route) → [`Planned`](outbox::Planned) →
//! [`Outbox::accept`](outbox::Outbox::accept) → [`Delivery`](outbox::Delivery) → [`compose`](compose::compose) →
//! [`Outgoing`](send::Outgoing) → [`Driver::cut`](driver::Driver::cut) → [`Part`](send::Part) →
//! [`Driver::send`](driver::Driver::send) → [`Sent`](send::Sent).

pub mod address;
pub mod backoff;
pub mod binding;
pub mod claims;
pub mod clock;
pub mod compose;
mod context;
pub mod driver;
pub mod emoji;
pub mod event;
pub mod family;
pub mod fields;
pub mod file_name;
pub mod filter;
pub mod frame;
pub mod id;
pub mod markup;
pub mod offer;
pub mod outbox;
pub mod plan;
pub mod problem;
mod recipient;
pub mod replacement;
pub mod secret;
pub mod send;
pub mod settings;
pub mod split;
pub mod spool;
pub mod template;
pub mod throttle;
pub mod webhook;
