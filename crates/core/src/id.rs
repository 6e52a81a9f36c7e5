//! Names of things: instances, rules, messages, rows of the outbox.
//!
//! Ids are compared byte for byte and never case-folded: `Work` and `work` are two instances.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The text is longer than 256 bytes.
    #[error("an id is at most 256 bytes long, this one has {0}")]
    TooLong(usize),
    /// The text has a control character or a space where none may be.
    #[error("an id must not contain {0:?}")]
    Forbidden(char),
}

const MAX_ID_BYTES: usize = 256;

fn checked(text: &str, spaces: bool) -> Result<Arc<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong(text.len()));
    }
    if let Some(bad) = text.chars().find(|c| c.is_control() || (!spaces && c.is_whitespace())) {
        return Err(IdError::Forbidden(bad));
    }
    Ok(Arc::from(text))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, spaces: $spaces:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text: 1 to 256 bytes without control characters.
            pub fn new(text: &str) -> Result<Self, IdError> {
                checked(text, $spaces).map(Self)
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

text_id! {
    /// The id that a user chose for one configured account or workspace.
    InstanceId, spaces: false
}
text_id! {
    /// The id of a rule: chosen by the user, or derived from the rule's routing part.
    RuleId, spaces: true
}
text_id! {
    /// A message's id on its platform, unique within the instance's [realm](crate::driver::InstanceConfig::realm).
    ///
    /// Where a platform's own ids are unique only per chat, the driver makes them unique by putting the chat in front.
    MessageId, spaces: true
}
text_id! {
    /// What identifies a channel within its instance, in the driver's canonical spelling.
    ///
    /// Rocket.Chat: the room id. For an Incoming Webhook that decides the room itself: a name made from the hook.
    ChannelKey, spaces: true
}

impl MessageId {
    /// What the id of an event begins with that tieline made itself: a thread's opener, a notice. No platform gives ids
    /// with a space in them.
    const OURS: &str = "tieline ";

    /// The id of an event that tieline makes itself; `what` tells it apart and is at most 200 bytes long.
    pub fn ours(what: &str) -> Result<Self, IdError> {
        Self::new(&format!("{}{what}", Self::OURS))
    }

    /// Whether it names an event that tieline made itself, so that no platform knows it.
    pub fn is_ours(&self) -> bool {
        self.as_str().starts_with(Self::OURS)
    }
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

row_id! {
    /// The number under which the outbox keeps an event, ascending in order of receipt.
    ///
    /// Shown as `tl-42`, it is the trace id of the message: logs, `dead` and `trace` name it.
    EventSeq, "tl-"
}
row_id! {
    /// The number of a delivery: one event on its way to one target channel. It never changes, also not by a retry.
    DeliveryId, ""
}
row_id! {
    /// The number of a lane in the outbox.
    LaneId, ""
}

impl std::str::FromStr for EventSeq {
    type Err = std::num::ParseIntError;

    /// Understands both `tl-42` and `42`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("tl-").unwrap_or(text).parse().map(Self)
    }
}

/// One channel of one instance: the place a message comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Channel {
    /// The instance it belongs to.
    pub instance: InstanceId,
    /// Which channel of that instance.
    pub key: ChannelKey,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.instance, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_case_and_refuse_what_cannot_be_shown() {
        assert_ne!(InstanceId::new("Work").unwrap(), InstanceId::new("work").unwrap());
        assert_eq!(InstanceId::new(""), Err(IdError::Empty));
        assert_eq!(InstanceId::new("a b"), Err(IdError::Forbidden(' ')));
        assert_eq!(ChannelKey::new("a\nb"), Err(IdError::Forbidden('\n')));
        assert_eq!(MessageId::new(&"x".repeat(257)), Err(IdError::TooLong(257)));
        assert!(RuleId::new("two words").is_ok());
    }

    #[test]
    fn a_trace_id_reads_back() {
        assert_eq!(EventSeq(42).to_string().parse(), Ok(EventSeq(42)));
        assert_eq!("42".parse(), Ok(EventSeq(42)));
    }
}
