//! Messages as a room shows them.

use jiff::Timestamp;
use serde_json::Value;

use super::file::FakeFile;
use super::snowflake::Snowflake;

/// The message begins a thread of its id.
pub(crate) const HAS_THREAD: u64 = 1 << 5;
/// The message is a bot's answer that is yet to come.
pub(crate) const LOADING: u64 = 1 << 7;
/// The message holds a forwarded one.
pub(crate) const HAS_SNAPSHOT: u64 = 1 << 14;

/// The type of a usual message.
pub(crate) const DEFAULT: u64 = 0;
/// The type of an answer.
pub(crate) const REPLY: u64 = 19;
/// The type of what a thread begins with: empty, it only refers to the message that it came from.
pub(crate) const THREAD_STARTER: u64 = 21;

/// A message as a room shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeMessage {
    /// Its id.
    pub id: Snowflake,
    /// The channel or thread.
    pub channel: Snowflake,
    /// Its type, as Discord numbers them: 0 is usual, 19 a reply.
    pub kind: u64,
    /// The account that wrote it, or the webhook.
    pub author: Snowflake,
    /// The name that is shown: a webhook's, else the nickname, else the display name, else the username.
    pub author_name: String,
    /// The URL of the picture that is shown; `None`: the default one.
    pub avatar: Option<String>,
    /// The webhook that wrote it.
    pub webhook_id: Option<Snowflake>,
    /// The application that owns the webhook, or whose answer it is.
    pub application_id: Option<Snowflake>,
    /// Its text.
    pub content: String,
    /// Its files.
    pub files: Vec<FakeFile>,
    /// Its embeds.
    pub embeds: Vec<Value>,
    /// Its stickers (`sticker_items`).
    pub stickers: Vec<Value>,
    /// Its components.
    pub components: Vec<Value>,
    /// Its poll.
    pub poll: Option<Value>,
    /// Its flags.
    pub flags: u64,
    /// What it answers or forwards.
    pub reference: Option<Reference>,
    /// The forwarded message as it was then.
    pub snapshot: Option<Box<FakeMessage>>,
    /// The sender's own id for it.
    pub nonce: Option<Value>,
    /// Who was pinged by it.
    pub pinged: Pinged,
    /// Who reacted with what.
    pub reactions: Vec<Reaction>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// When its text was last edited.
    pub edited: Option<Timestamp>,
}

/// What a message refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Whether it forwards, instead of answering.
    pub forward: bool,
    /// The other message.
    pub message: Snowflake,
    /// The other message's channel.
    pub channel: Snowflake,
}

/// Who was pinged: what the text names, as far as `allowed_mentions` and permissions let it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pinged {
    /// Whether `@everyone` or `@here` pinged.
    pub everyone: bool,
    /// Users, in the order in which the text names them; who is answered comes first.
    pub users: Vec<Snowflake>,
    /// Roles, in the order in which the text names them.
    pub roles: Vec<Snowflake>,
}

impl Pinged {
    /// Whether nobody was pinged.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An emoji under a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Which emoji.
    pub emoji: Emoji,
    /// Who gave it, in order.
    pub users: Vec<Snowflake>,
}

/// An emoji.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Emoji {
    /// One of Unicode's.
    Unicode(String),
    /// One of a guild's.
    Custom {
        /// Its id.
        id: Snowflake,
        /// Its name, without colons.
        name: String,
        /// Whether it moves.
        animated: bool,
    },
}

impl From<&str> for Emoji {
    fn from(unicode: &str) -> Self {
        Self::Unicode(unicode.to_owned())
    }
}
