//! What an event still lacks when it is received: what [`Event::missing`](tieline_core::event::Event::missing) holds.
//!
//! All of it is looked up after the event is on disk, and none of it may hold a message up for long: without a name, the
//! number stands.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jid::Jid;

/// What is to be looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Missing {
    /// The chat whose name becomes `Event::room`: a group's subject, a channel's name, the partner's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chat: Option<Jid>,
    /// The author, whose name the message does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Jid>,
    /// The author is the account's owner. Of their name and number `/status` tells what the message leaves out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) owner: bool,
    /// Whose picture becomes `Author::avatar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<Jid>,
    /// Who wrote what the message answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quotes: Option<Jid>,
    /// Who is mentioned in the text, each once, by what [`Jid::shown`] says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) mentions: Vec<Jid>,
    /// Why it is history that is not relayed, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) past: Option<String>,
    /// Whether there are files to be fetched.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) files: bool,
}

impl Missing {
    /// As an event holds it; `None` if nothing is missing.
    pub(crate) fn into_value(self) -> Option<Value> {
        (self != Self::default()).then(|| serde_json::to_value(self).unwrap_or_default())
    }

    /// Reads back what an event holds. What another version wrote and this one does not understand is not missed.
    pub(crate) fn of(missing: Option<&Value>) -> Self {
        missing.and_then(|missing| Self::deserialize(missing).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_reads_back() {
        assert_eq!(Missing::default().into_value(), None);
        let missing = Missing { chat: Jid::parse("1@g.us"), files: true, ..Missing::default() };
        let value = missing.clone().into_value().expect("something");
        assert_eq!(value, serde_json::json!({ "chat": "1@g.us", "files": true }));
        assert_eq!(Missing::of(Some(&value)), missing);
        assert_eq!(Missing::of(None), Missing::default());
    }
}
