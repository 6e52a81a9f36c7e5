//! A channel or thread, as it was told.

use serde_json::Value;

use crate::fields::{id, name};
use crate::kind::ChannelKind;
use crate::snowflake::Snowflake;

/// A channel or thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: Snowflake,
    pub(crate) guild: Option<Snowflake>,
    /// Of a thread: the channel that it belongs to. A category is no parent.
    pub(crate) parent: Option<Snowflake>,
    pub(crate) kind: ChannelKind,
    /// The name without `#`, or empty.
    pub(crate) name: String,
    pub(crate) last_message: Option<Snowflake>,
    /// What it is about, empty if nothing is; `None`: that was not told.
    pub(super) topic: Option<Box<str>>,
}

impl Seen {
    /// Reads a channel object.
    pub(super) fn read(channel: &Value, guild: Option<Snowflake>) -> Option<Self> {
        let kind = ChannelKind::of(channel);
        Some(Self {
            id: id(channel, "id")?,
            guild: id(channel, "guild_id").or(guild),
            parent: id(channel, "parent_id").filter(|_| kind.is_thread()),
            kind,
            name: name(channel, "name").unwrap_or_default(),
            last_message: id(channel, "last_message_id"),
            topic: topic(channel),
        })
    }

    /// Whether it is a thread.
    pub(crate) fn is_thread(&self) -> bool {
        self.kind.is_thread()
    }
}

/// The topic that a channel object tells; `None` if it tells none.
pub(super) fn topic(channel: &Value) -> Option<Box<str>> {
    match channel.get("topic")? {
        Value::String(topic) => Some(topic.as_str().into()),
        Value::Null => Some("".into()),
        _ => None,
    }
}
