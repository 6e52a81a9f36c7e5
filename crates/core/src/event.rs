//! What happened on a platform, in the words of all platforms.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::Address;
use crate::compose::one_line;
use crate::id::{ChannelKey, InstanceId, MessageId};
use crate::markup::{Block, Markup, Span};
use crate::spool::SpoolId;

/// One thing that happened in one channel, as a driver received it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The instance that received it.
    pub instance: InstanceId,
    /// The instance's platform, as rules name it: `rocketchat`.
    pub platform: Arc<str>,
    /// The channel it happened in.
    pub channel: ChannelKey,
    /// The channel that this one belongs to, where channels have parents (a thread of Discord).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ChannelKey>,
    /// Everything about the place that a rule's source address may test, by the driver's address keys.
    pub address: Address,
    /// The name of the room that is shown to people, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The message that it is about.
    pub message_id: MessageId,
    /// The platform's mark of this state of the message: its edit time. `None` for a new message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When it happened, by the platform's clock.
    pub time: Timestamp,
    /// Who did it.
    pub author: Author,
    /// What it is.
    pub body: Body,
    /// What the driver still has to fetch before the event may be sent on, in the driver's own words.
    /// `None`: the event is whole. See [`Driver::complete`](crate::driver::Driver::complete).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Value>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The platform's id of the account; on WhatsApp the phone digits where known.
    pub id: String,
    /// The account name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// The display name of the account, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// The name that this one message was sent under, if another than the account's, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alias: String,
    /// The address of a picture, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub avatar: String,
    /// What kind of author this is.
    #[serde(default, skip_serializing_if = "Authorship::is_person")]
    pub kind: Authorship,
}

/// Who stands behind a message, as far as the driver can tell from the event alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorship {
    /// A person.
    #[default]
    Person,
    /// A bot or an integration of somebody else, for certain.
    Bot,
    /// A bot or an integration that may be ours: links, and the texts of copies without an id, decide.
    BotOrOurs,
    /// A person's account through which we may have sent it (the owner's phone): links decide.
    PersonOrOurs,
}

impl Authorship {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to `skip_serializing_if`")]
    fn is_person(&self) -> bool {
        *self == Self::Person
    }

    /// Whether `filter.bots` decides over it, once it is known not to be ours.
    pub fn is_bot(self) -> bool {
        matches!(self, Self::Bot | Self::BotOrOurs)
    }

    /// Whether it may be the echo of one of our own sends.
    pub fn may_be_ours(self) -> bool {
        matches!(self, Self::BotOrOurs | Self::PersonOrOurs)
    }
}

impl Author {
    /// `{nickname}`: the name that is shown, without an alias.
    pub fn nickname(&self) -> &str {
        [&self.display_name, &self.username, &self.id].into_iter().find(|name| !name.is_empty()).map_or("", |n| n)
    }

    /// `{user}`: the name that is shown.
    pub fn shown_name(&self) -> &str {
        if self.alias.is_empty() { self.nickname() } else { &self.alias }
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A new message.
    Message(Message),
    /// The files of a message that arrived before or after the message itself, in a second event of its own.
    Files(Message),
    /// A message has this content now.
    Edit(Message),
    /// A message is gone.
    Delete,
    /// Somebody reacted to a message, or took the reaction back.
    Reaction(Reaction),
    /// The author came into the room.
    Joined,
    /// The author left the room, or was taken out of it.
    Left,
    /// The room's topic is this now.
    Topic(String),
}

/// A reaction to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// A Unicode emoji, or, of one that only the platform or the server has, its short code without colons; see
    /// [`emoji::canonical`](crate::emoji::canonical). Empty where all were taken back at once.
    pub emoji: String,
    /// `false`: the reaction was taken back. By an author without an id: everybody's with this emoji were.
    pub added: bool,
}

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The text; empty for a file without a caption.
    #[serde(default)]
    pub text: Markup,
    /// The files that belong to it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The message that this one answers, or whose thread it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// What that one says, where the platform tells it: shown where the target does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<Quoted>,
}

/// A message that another one answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// The shown name of who wrote it; empty if it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// What it says.
    pub text: Markup,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name, without any path.
    pub name: String,
    /// What it is shown as.
    pub kind: AttachmentKind,
    /// Its MIME type: sniffed from the bytes once they are here, else what the platform said, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mime: String,
    /// Its size in bytes, where the platform said one or the bytes are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// An address at which a person can open it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Where the bytes are.
    pub content: Content,
}

/// Where the bytes of an attachment are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Not fetched yet: the driver's own words for where to get them.
    Remote(Value),
    /// In the spool.
    Spooled(SpoolId),
    /// Not to be had, with the reason that stands in the label.
    Unavailable(String),
}

/// What an attachment is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A still or moving picture.
    Image,
    /// A film.
    Video,
    /// Sound.
    Audio,
    /// Sound that was recorded as a voice message.
    Voice,
    /// A sticker.
    Sticker,
    /// Any other file.
    Document,
}

impl AttachmentKind {
    /// The kind that a MIME type stands for.
    pub fn of_mime(mime: &str) -> Self {
        match mime.split('/').next() {
            // Browsers and chat servers treat SVG as a document that can hold scripts, not as a picture.
            Some("image") if !mime.starts_with("image/svg") => Self::Image,
            Some("video") => Self::Video,
            Some("audio") => Self::Audio,
            _ => Self::Document,
        }
    }

    /// The word for it in a label: `Image` in `[Image: cat.png]`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "Image",
            Self::Video => "Video",
            Self::Audio => "Audio",
            Self::Voice => "Voice message",
            Self::Sticker => "Sticker",
            Self::Document => "File",
        }
    }
}

impl Event {
    /// The message in it, if it is about one's content.
    pub fn message(&self) -> Option<&Message> {
        match &self.body {
            Body::Message(message) | Body::Files(message) | Body::Edit(message) => Some(message),
            Body::Delete | Body::Reaction(_) | Body::Joined | Body::Left | Body::Topic(_) => None,
        }
    }

    /// What it says: a message its text, news of the room a line of their own.
    pub fn text(&self) -> Cow<'_, Markup> {
        let line = |words: String| Markup { blocks: vec![Block::Line(vec![Span::Italic(vec![Span::Text(words)])])] };
        match &self.body {
            Body::Message(message) | Body::Files(message) | Body::Edit(message) => Cow::Borrowed(&message.text),
            Body::Joined => Cow::Owned(line("joined".to_owned())),
            Body::Left => Cow::Owned(line("left".to_owned())),
            Body::Topic(topic) => Cow::Owned(line(match one_line(topic) {
                topic if topic.is_empty() => "removed the topic".to_owned(),
                topic => format!("changed the topic to: {topic}"),
            })),
            Body::Delete | Body::Reaction(_) => Cow::default(),
        }
    }

    /// Whether it is about a message that was there before, and does something to that one's copies.
    pub fn is_change(&self) -> bool {
        matches!(self.body, Body::Edit(_) | Body::Delete | Body::Reaction(_))
    }

    /// The message in it, to be changed.
    pub fn message_mut(&mut self) -> Option<&mut Message> {
        match &mut self.body {
            Body::Message(message) | Body::Files(message) | Body::Edit(message) => Some(message),
            Body::Delete | Body::Reaction(_) | Body::Joined | Body::Left | Body::Topic(_) => None,
        }
    }

    /// The word for what it is, as logs and `events` of a rule say it.
    pub fn kind(&self) -> &'static str {
        match self.body {
            Body::Message(_) => "message",
            Body::Files(_) => "files",
            Body::Edit(_) => "edit",
            Body::Delete => "delete",
            Body::Reaction(_) => "reaction",
            Body::Joined | Body::Left => "join",
            Body::Topic(_) => "topic",
        }
    }

    /// The files in the spool that it refers to.
    pub fn spooled(&self) -> impl Iterator<Item = &SpoolId> {
        self.message().into_iter().flat_map(|message| &message.attachments).filter_map(|file| match &file.content {
            Content::Spooled(id) => Some(id),
            Content::Remote(_) | Content::Unavailable(_) => None,
        })
    }
}
