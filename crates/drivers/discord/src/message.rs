//! A message object, as far as all of its kinds share it (reference/discord.md §2).

use std::borrow::Cow;

use serde_json::Value;

use crate::fields::{id, part, text, whole};
use crate::snowflake::Snowflake;

/// What the bits of `flags` mean.
pub(crate) mod flags {
    pub(crate) const SUPPRESS_EMBEDS: u64 = 1 << 2;
    pub(crate) const EPHEMERAL: u64 = 1 << 6;
    pub(crate) const LOADING: u64 = 1 << 7;
    pub(crate) const VOICE_MESSAGE: u64 = 1 << 13;
    pub(crate) const COMPONENTS_V2: u64 = 1 << 15;
}

/// Types: what people write, that somebody came, what a slash command and what a context menu answers.
pub(crate) const MESSAGE: u64 = 0;
pub(crate) const JOINED: u64 = 7;
pub(crate) const COMMAND: u64 = 20;
pub(crate) const CONTEXT_MENU: u64 = 23;

/// A message, of which an id and a channel are known.
#[derive(Debug, Clone)]
pub(crate) struct Message<'v> {
    /// All of it.
    pub(crate) raw: &'v Value,
    pub(crate) id: Snowflake,
    pub(crate) channel: Snowflake,
    /// The type; one that cannot be read is that of what people write.
    pub(crate) kind: u64,
    pub(crate) flags: u64,
    /// The webhook that posted it; `author` is then that one.
    pub(crate) webhook: Option<Snowflake>,
    /// The application that answered, or that owns the webhook.
    pub(crate) application: Option<Snowflake>,
    /// When it was edited last, as it is written.
    pub(crate) edited: Option<Cow<'v, str>>,
}

impl<'v> Message<'v> {
    /// Reads a message object. `Err`: why nothing can be made of it.
    pub(crate) fn read(raw: &'v Value) -> Result<Self, &'static str> {
        Ok(Self {
            raw,
            id: id(raw, "id").ok_or("the message has no `id`")?,
            channel: id(raw, "channel_id").ok_or("the message has no `channel_id`")?,
            kind: whole(raw, "type").unwrap_or(MESSAGE),
            flags: whole(raw, "flags").unwrap_or_default(),
            webhook: id(raw, "webhook_id"),
            application: id(raw, "application_id"),
            edited: text(raw, "edited_timestamp"),
        })
    }

    pub(crate) fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }

    /// Whether it answers a command, so that its text may come later than itself.
    pub(crate) fn is_answer_of_command(&self) -> bool {
        matches!(self.kind, COMMAND | CONTEXT_MENU)
    }

    /// The author's account.
    pub(crate) fn author(&self) -> &'v Value {
        part(self.raw, "author")
    }

    /// Why it is none that people should see elsewhere; `None` if it is.
    pub(crate) fn passed_over(&self) -> Option<&'static str> {
        match self.kind {
            1..=5 | 8..=12 | 14..=17 | 22 | 24..=29 | 31 | 32 | 36..=39 | 44 => {
                Some("it is one of Discord's own notices")
            }
            6 | 18 | 46 => Some("it tells of a pin, a thread or the end of a poll"),
            JOINED => Some("it tells of a newcomer"),
            21 => Some("it repeats the message that a thread begins with"),
            _ if self.has(flags::EPHEMERAL) => Some("only one person may see it"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let raw = json!({ "id": 5, "channel_id": "6", "type": {}, "flags": "128", "edited_timestamp": null });
        let message = Message::read(&raw).expect("an id and a channel are all that it takes");
        assert_eq!((message.id, message.channel), (Snowflake(5), Snowflake(6)));
        assert_eq!((message.kind, message.has(flags::LOADING), message.edited.is_none()), (MESSAGE, true, true));
        assert!(Message::read(&json!({ "id": "1" })).is_err());
        assert!(Message::read(&json!(null)).is_err());
    }

    #[test]
    fn kinds_are_sorted_as_the_reference_lists_them() {
        let passed = |kind: u64| {
            let raw = json!({ "id": "1", "channel_id": "2", "type": kind });
            Message::read(&raw).expect("sound").passed_over().is_some()
        };
        let taken: Vec<u64> = (0..=46).filter(|kind| !passed(*kind)).collect();
        let unlisted = [13, 30, 33, 34, 35, 40, 41, 42, 43, 45];
        let listed: Vec<u64> = taken.into_iter().filter(|kind| !unlisted.contains(kind)).collect();
        assert_eq!(listed, [0, 19, 20, 23]);
        assert!(!passed(4711), "what is new says what it says");
    }
}
