//! Under which keys messages are known: hashes, so that a row of the largest table stays small.

use sha2::{Digest, Sha256};
use tieline_core::event::{Body, Event};
use tieline_core::id::MessageId;

/// A row's key in `ids`: the message's name, one byte for [`As`], seven bytes of what else tells two events apart.
pub(crate) type Key = [u8; 24];

/// As what a message id is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// A copy that we sent.
    Copy = 0,
    /// A message that was received.
    Message = 1,
    /// The files of a message that was received.
    Files = 2,
    /// An edit.
    Edit = 3,
    /// A deletion.
    Delete = 4,
    /// A reaction.
    Reaction = 5,
    /// News of the room.
    News = 6,
}

impl As {
    fn of(body: &Body) -> Self {
        match body {
            Body::Message(_) => Self::Message,
            Body::Files(_) => Self::Files,
            Body::Edit(_) => Self::Edit,
            Body::Delete => Self::Delete,
            Body::Reaction(_) => Self::Reaction,
            Body::Joined | Body::Left | Body::Topic(_) => Self::News,
        }
    }
}

/// The name of a message: 16 bytes made from its realm and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name([u8; 16]);

impl Name {
    pub(crate) fn new(realm: &str, message: &MessageId) -> Self {
        Self(first(&digest(&[realm, message.as_str()])))
    }

    /// The name of the message that a key is about.
    pub(crate) fn of(key: &Key) -> Self {
        Self(first(key))
    }

    fn key(self, known: As, mark: [u8; 7]) -> Key {
        let mut key = [0; 24];
        key[..16].copy_from_slice(&self.0);
        key[16] = known as u8;
        key[17..].copy_from_slice(&mark);
        key
    }

    /// The key as a copy of ours.
    pub(crate) fn copy(self) -> Key {
        self.key(As::Copy, [0; 7])
    }

    /// The first and the last key that the message can have.
    pub(crate) fn range(self) -> (Key, Key) {
        (self.key(As::Copy, [0; 7]), self.key(As::News, [255; 7]))
    }

    /// The first and the last key that it can have as something that was said.
    pub(crate) fn range_said(self) -> (Key, Key) {
        (self.key(As::Message, [0; 7]), self.key(As::Files, [255; 7]))
    }

    /// The key of an event about the message.
    pub(crate) fn event(self, event: &Event) -> Key {
        self.key(As::of(&event.body), mark(event, event.revision.as_deref(), None))
    }

    /// The key that the other half of a message has: its files, or the message that they belong to.
    pub(crate) fn twin(self, event: &Event) -> Option<Key> {
        let other = match event.body {
            Body::Message(_) => As::Files,
            Body::Files(_) => As::Message,
            Body::Edit(_) | Body::Delete | Body::Reaction(_) | Body::Joined | Body::Left | Body::Topic(_) => {
                return None;
            }
        };
        Some(self.key(other, mark(event, None, None)))
    }

    /// The key of the reaction that this one takes back, or gives again.
    pub(crate) fn opposite(self, event: &Event) -> Option<Key> {
        let Body::Reaction(reaction) = &event.body else { return None };
        Some(self.key(As::Reaction, mark(event, event.revision.as_deref(), Some(!reaction.added))))
    }
}

/// What tells apart two events of one kind about one message.
fn mark(event: &Event, revision: Option<&str>, added: Option<bool>) -> [u8; 7] {
    let place = [event.instance.as_str(), event.channel.as_str(), revision.map_or("", |_| "r"), revision.unwrap_or("")];
    match &event.body {
        // Reactions are states: whoever reacts, takes it back and reacts again, did three things.
        Body::Reaction(reaction) => {
            let state = if added.unwrap_or(reaction.added) { "+" } else { "-" };
            let [instance, channel, some, revision] = place;
            first(&digest(&[instance, channel, some, revision, &event.author.id, &reaction.emoji, state]))
        }
        _ => first(&digest(&place)),
    }
}

/// The hash by which the text of a copy without an id is recognised in a channel.
pub(crate) fn claim(realm: &str, channel: &str, text: &str) -> i64 {
    i64::from_be_bytes(first(&digest(&[realm, channel, text.trim()])))
}

/// The hash of what a message says, formatting included; `None` if it says nothing.
pub(crate) fn text(event: &Event) -> Result<Option<i64>, serde_json::Error> {
    let Some(message) = event.message() else { return Ok(None) };
    let json = serde_json::to_string(&message.text)?;
    Ok(Some(i64::from_be_bytes(first(&digest(&[&json])))))
}

/// Each text is preceded by its length, so that no two lists of texts run into each other.
fn digest(texts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

fn first<const N: usize>(digest: &[u8]) -> [u8; N] {
    std::array::from_fn(|index| digest[index])
}
