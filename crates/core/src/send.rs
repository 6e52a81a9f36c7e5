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

/// A message, ready to be said in a target channel: templates are filled, files are in the spool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The delivery it belongs to.
    pub delivery: DeliveryId,
    /// Where to, normalised by the driver.
    pub target: Address,
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
    /// When the message was written.
    pub time: Timestamp,
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
