//! One side of the demo: a simulated platform with one room and one person.

use std::net::SocketAddr;

use serde_json::Value;

/// A simulated platform.
pub(super) trait Side: Send + Sync {
    /// What stands before each line of its room.
    fn place(&self) -> String;

    /// Its platform, as the configuration names it.
    fn platform(&self) -> &'static str;

    /// Its instance's id.
    fn instance(&self) -> String;

    /// Where its webhook is received, if it has one.
    fn path(&self) -> Option<String> {
        None
    }

    /// Its instance's settings.
    fn settings(&self) -> Value;

    /// Its room's address, with how messages look there.
    fn address(&self) -> Value;

    /// Lets it tell the relay of each message by its webhook.
    fn call_us_at(&self, address: SocketAddr) {
        let _: SocketAddr = address;
    }

    /// Whether the relay hears already what is said there, where it calls the platform instead of being called.
    fn is_heard(&self) -> bool {
        true
    }

    /// Lets its person say something. `Err`: why that is not possible.
    fn say(&self, text: &str) -> Result<(), String>;

    /// What was said in its room, oldest first.
    fn lines(&self) -> Vec<Line>;
}

/// A message, as the room shows it.
pub(super) struct Line {
    /// Under which name.
    pub(super) name: String,
    /// Whether tieline sent it.
    pub(super) brought: bool,
    /// What it says.
    pub(super) text: String,
}
