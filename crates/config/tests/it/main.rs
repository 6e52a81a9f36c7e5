//! The configuration as its users meet it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod broken;
mod examples;
mod merging;
mod references;
mod rules;
mod surroundings;
mod testchat;
