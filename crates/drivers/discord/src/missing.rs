//! What an event carries for its driver alone: what [`Event::missing`](tieline_core::event::Event::missing) holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_core::id::InstanceId;

/// What is to be fetched after the event is on disk, and whether it is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Missing {
    /// This instance posted it. It is handed in nevertheless, because a send of unknown end may be looking for its echo;
    /// but no rule takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own: Option<Own>,
    /// Whether there are files to be fetched.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) files: bool,
}

/// Which account of this instance posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Own {
    /// The bot.
    Bot,
    /// A webhook that the instance posts through.
    Webhook,
}

impl Own {
    /// Why no rule takes it.
    pub(crate) fn reason(self, instance: &InstanceId) -> String {
        let account = match self {
            Self::Bot => "the bot",
            Self::Webhook => "a webhook",
        };
        format!("{account} of `{instance}` posted it")
    }
}

impl Missing {
    /// As an event holds it; `None` if there is nothing to say.
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
        let missing = Missing { own: Some(Own::Webhook), files: true };
        let value = missing.clone().into_value().expect("something");
        assert_eq!(value, serde_json::json!({ "own": "webhook", "files": true }));
        assert_eq!(Missing::of(Some(&value)), missing);
        assert_eq!(Missing::of(Some(&serde_json::json!({ "own": 7 }))), Missing::default());
    }
}
