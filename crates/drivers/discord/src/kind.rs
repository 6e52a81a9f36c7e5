//! What kinds of channels there are (D/resources/channel).

use serde_json::Value;

use crate::fields::whole;

/// What a channel is, as far as it matters to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelKind {
    Text,
    Direct,
    Voice,
    Category,
    News,
    Thread,
    PrivateThread,
    /// A forum, or one of pictures: it holds posts, which are threads.
    Forum,
    Other,
}

impl ChannelKind {
    /// The kind of a channel object.
    pub(crate) fn of(channel: &Value) -> Self {
        match whole(channel, "type") {
            Some(0) => Self::Text,
            Some(1 | 3) => Self::Direct,
            Some(2 | 13) => Self::Voice,
            Some(4) => Self::Category,
            Some(5) => Self::News,
            Some(10 | 11) => Self::Thread,
            Some(12) => Self::PrivateThread,
            Some(15 | 16) => Self::Forum,
            _ => Self::Other,
        }
    }

    /// Whether it belongs to another channel, whose permissions and webhooks it has.
    pub(crate) fn is_thread(self) -> bool {
        matches!(self, Self::Thread | Self::PrivateThread)
    }

    /// Whether messages of a guild are written in it.
    pub(crate) fn holds_messages(self) -> bool {
        matches!(self, Self::Text | Self::Voice | Self::News | Self::Thread | Self::PrivateThread)
    }

    /// Discord's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Direct => "direct message",
            Self::Voice => "voice",
            Self::Category => "category",
            Self::News => "announcement",
            Self::Thread => "thread",
            Self::PrivateThread => "private thread",
            Self::Forum => "forum",
            Self::Other => "channel",
        }
    }
}
