//! What the pure heart promises, seen from outside: laws over random rules, and meanings by example.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod choose;
mod compose;
mod frame;
mod replacement;
mod route;
mod rules;
mod template;
mod words;
