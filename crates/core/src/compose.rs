//! From an event and a frame to what is said in the target channel.

use std::collections::BTreeMap;

use crate::event::Event;
use crate::frame::Frame;
use crate::markup::Dialect;

/// What will be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The text in the target's dialect; empty if the message has only files.
    pub text: String,
    /// The same with the author's name in it, whatever the format says.
    pub named_text: String,
    /// The message keys, as plain text.
    pub keys: BTreeMap<String, String>,
}
