//! What is sent, in how many parts, and how a send can end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::Address;
use crate::event::Attachment;
use crate::id::{ChannelKey, DeliveryId, MessageId};
use crate::spool::SpoolId;

/// A message, or a change of one, ready for a target channel: templates are filled, files are in the spool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The delivery it belongs to.
    pub delivery: DeliveryId,
    /// Where to, normalised by the driver.
    pub target: Address,
    /// What is to be done there.
    pub action: Action,
    /// The text in the target's dialect; empty if there are only files.
    pub text: String,
    /// The same with the sender's name in it, for a send that cannot show the identity in `keys`.
    pub named_text: String,
    /// The driver's message keys (`rc_alias`, `rc_avatar`), filled in, as plain text.
    pub keys: BTreeMap<String, String>,
    /// The files, in order.
    pub attachments: Vec<Attachment>,
    /// The copy, in the target channel, of the message that this one answers, if there is one.
    pub reply_to: Option<MessageId>,
    /// The accounts that the text calls, as the dialect writes mentions, each once: nobody else may be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// When the message was written.
    pub time: Timestamp,
}

/// What is to be done in a target channel. Each change may be done again without harm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Say it.
    #[default]
    Say,
    /// Let the copies of an earlier message say this instead, in their order. Files stay as they are.
    Edit(Vec<Copied>),
    /// Take these messages away, all of which stand for one.
    Delete(Vec<Copied>),
    /// React to a message, or take that back.
    React(React),
}

/// A message in the target channel that a change is about: a copy, or the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its id.
    pub id: MessageId,
    /// The channel that the platform said it is in, where it is another than the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelKey>,
    /// See [`Sent::how`]. `None` of what somebody else wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// See [`Sent::wordless`].
    #[serde(default)]
    pub wordless: bool,
    /// Whether somebody on the platform wrote it: it is no copy of ours.
    #[serde(default)]
    pub original: bool,
}

/// A reaction as it is to stand under a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct React {
    /// The message.
    pub to: Copied,
    /// See [`Reaction::emoji`](crate::event::Reaction::emoji).
    pub emoji: String,
    /// Whether it is given or taken back.
    pub added: bool,
    /// What people elsewhere have left standing under their copies of the message, newest first, each once: for
    /// platforms where an account can react only once.
    pub standing: Vec<String>,
}

/// Why an [`Outgoing`] cannot be cut into parts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// The platform, or this way of sending, has nothing like it; `docs/conversation.md` says so. It is recorded, and
    /// nobody is to do anything about it.
    #[error("{0}")]
    Impossible(String),
    /// It will never be sent as it is: a dead letter, with what people can do about it.
    #[error("{0}")]
    Permanent(String),
}

/// One send of a delivery: a text, an upload, a confirmation. It is stored as it is before the first attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What to send, in the driver's own words; no secret is in it. Every text that will be visible is.
    pub body: Value,
    /// The files whose bytes it sends, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SpoolId>,
}

/// A part on its way, with all that its send needs.
#[derive(Debug, Clone)]
pub struct Sending {
    /// The part.
    pub part: Part,
    /// Where to.
    pub target: Address,
    /// The key under which the platform may recognise a repeat.
    pub key: SendKey,
    /// The opener of the thread that it goes into, in the target; this wins over what it answers.
    pub thread: Option<MessageId>,
    /// What came of the parts before it, in order.
    pub before: Vec<Sent>,
    /// When this part was first tried.
    pub since: Timestamp,
}

/// The name of one part of one delivery towards the platform: 17 letters and digits, the same at every attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SendKey(String);

impl SendKey {
    /// The key of a part. `outbox` is a random text that was made with the outbox, so that two outboxes never meet; and
    /// the source's `message` is in it, since an outbox that was restored from an older copy gives its numbers again.
    pub fn new(outbox: &str, delivery: DeliveryId, message: &MessageId, part: u16) -> Self {
        use sha2::{Digest, Sha256};
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let digest = Sha256::new()
            .chain_update(outbox)
            .chain_update(delivery.0.to_be_bytes())
            .chain_update(message.as_str())
            .chain_update(part.to_be_bytes())
            .finalize();
        // 17 characters of 62 hold 101 bits; a byte modulo 62 favours some letters a little, which does no harm here.
        Self(digest.iter().take(17).map(|byte| char::from(ALPHABET[usize::from(*byte) % 62])).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part that arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The messages that it became, under the target platform's ids. Empty where the platform names none,
    /// and for a part that makes no message (an upload).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<MessageId>,
    /// The channel that the platform says they are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelKey>,
    /// What later parts of the same delivery need to know, in the driver's own words.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub carry: Value,
    /// The text of a message that arrived without an id, as its echo will show it. See `Outbox::claim`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed_text: Option<String>,
    /// How the messages were sent, as far as a later edit or deletion must know, in the driver's own words: which account
    /// or webhook. One line of at most 100 characters, without a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// The messages hold files only: a later edit of the text is not about them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wordless: bool,
    /// Copies that a change has taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<MessageId>,
    /// The platform said that the next call of a scope must wait.
    #[serde(default, skip)]
    pub pause: Option<Pause>,
}

/// A wait that the platform asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// What must wait.
    pub scope: Scope,
    /// Until when; never earlier.
    pub until: Timestamp,
}

/// What a limit holds for: a route, a hook, a channel, by the driver's name; or the whole instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Every call of the instance.
    Instance,
    /// Every call that the driver names so in [`Driver::scopes`](crate::driver::Driver::scopes).
    Named(String),
}

/// How a send ends when the part did not arrive for certain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nothing was sent: the platform asked to wait.
    #[error("rate limited until {}", .0.until)]
    RateLimited(Pause),
    /// Nothing was sent; it may work later.
    #[error("{reason}")]
    Retryable {
        /// What happened, for people.
        reason: String,
        /// What kind of trouble it is.
        trouble: Trouble,
        /// A wait that the platform asked for.
        after: Option<Duration>,
    },
    /// It may have arrived: the answer was lost. [`Driver::reconcile`](crate::driver::Driver::reconcile) comes next.
    #[error("{reason}")]
    Ambiguous {
        /// What happened, for people.
        reason: String,
    },
    /// Nothing was sent: the opener named by [`Sending::thread`] was deleted. A new one is made.
    #[error("the thread's opener is gone")]
    ThreadGone,
    /// Nothing was done, and nobody is to do anything about it: what is to be changed is not there any more, or the
    /// platform does not have the like. It is recorded with this reason.
    #[error("{reason}")]
    Impossible {
        /// Why, for people.
        reason: String,
    },
    /// It will never arrive as it is.
    #[error("{reason}")]
    Permanent {
        /// Why, for people, and what they can do.
        reason: String,
    },
}

/// What stands between a send and its success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The platform cannot be reached, or says that it is broken.
    Unreachable,
    /// The platform refuses our credentials: every lane of the instance waits.
    Credentials,
    /// Only this send is concerned.
    Other,
}

/// What a look at the platform says about a send of unknown outcome.
#[expect(clippy::large_enum_variant, reason = "it is handed on once, and never kept")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// It arrived.
    Arrived(Sent),
    /// It did not arrive: send it again.
    Missing,
    /// The platform has no way to tell: it is sent again, and counted as a possible duplicate.
    Unknowable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_are_stable_distinct_and_short() {
        let messages = ["m1", "m2"].map(|id| MessageId::new(id).unwrap());
        assert_eq!(
            SendKey::new("o", DeliveryId(1), &messages[0], 0),
            SendKey::new("o", DeliveryId(1), &messages[0], 0)
        );
        let mut seen = HashSet::new();
        for outbox in ["a", "b"] {
            for delivery in 0..50 {
                for (message, part) in messages.iter().flat_map(|message| (0..4).map(move |part| (message, part))) {
                    let key = SendKey::new(outbox, DeliveryId(delivery), message, part);
                    assert!(key.as_str().len() <= 25 && key.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
                    assert!(seen.insert(key));
                }
            }
        }
    }
}
