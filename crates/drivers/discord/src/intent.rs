//! Whether Discord hands on what messages say.
//!
//! Without the privileged intent MESSAGE CONTENT all messages come empty, but for our own, those that mention us, and
//! direct ones. A bot that asks for the intent and may not have it is refused (close code 4014); a compatible server, or
//! a bot whose review ran out, may just get empty messages. That is explained, once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tieline_core::driver::HealthReport;
use tieline_core::id::InstanceId;

use crate::fields::{flag, id, list, part, text, whole};
use crate::me::Account;
use crate::message::MESSAGE;

/// What is wrong, and what to do.
const WHY: &str = "Discord leaves out what messages say: switch MESSAGE CONTENT INTENT on (Discord Developer Portal → the \
    application → Bot → Privileged Gateway Intents), then restart tieline";
/// What the intent is about, beside the text and a poll.
const WITHHELD: [&str; 3] = ["embeds", "attachments", "components"];
/// What says something and comes anyway, if only as an empty shell.
const SHELLS: [&str; 2] = ["sticker_items", "message_snapshots"];

/// What is known of the intent in this run.
#[derive(Default)]
pub(crate) struct ContentIntent(Mutex<State>);

#[derive(Default)]
struct State {
    known: Known,
    told: bool,
    health: Option<Arc<dyn HealthReport>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    /// A message came with what it says.
    Given,
    /// Messages come empty.
    Missing,
}

impl fmt::Debug for ContentIntent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ContentIntent").field(&self.state().known).finish()
    }
}

impl ContentIntent {
    /// Names whom to tell about it.
    pub(crate) fn tell(&self, health: Arc<dyn HealthReport>) {
        self.state().health = Some(health);
    }

    /// Looks at a new message.
    pub(crate) fn look_at(&self, instance: &InstanceId, message: &Value, me: Option<Account>) {
        if !me.is_some_and(|me| tells(message, me)) {
            return;
        }
        let Some(given) = is_given(message) else { return };
        let mut state = self.state();
        match (state.known, given) {
            (Known::Given, _) => {}
            (Known::Nothing | Known::Missing, false) => {
                state.known = Known::Missing;
                if !std::mem::replace(&mut state.told, true) {
                    tracing::warn!(instance = %instance, why = WHY, "Messages of Discord cannot be relayed");
                }
                if let Some(health) = &state.health {
                    health.failing(WHY);
                }
            }
            (Known::Nothing, true) => state.known = Known::Given,
            (Known::Missing, true) => {
                state.known = Known::Given;
                tracing::info!(instance = %instance, "Discord hands on what messages say");
                if let Some(health) = &state.health {
                    health.ready();
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it would come empty without the intent: somebody's message in a guild that does not mention us.
fn tells(message: &Value, me: Account) -> bool {
    let author = part(message, "author");
    let mentioned = || list(message, "mentions").iter().any(|user| id(user, "id") == Some(me.bot));
    whole(message, "type").unwrap_or(MESSAGE) == MESSAGE
        && id(message, "guild_id").is_some()
        && id(message, "webhook_id").is_none()
        && id(author, "id").is_some_and(|author| author != me.bot)
        && !flag(author, "bot")
        && !mentioned()
}

/// Whether it came with what it says; `None` if that cannot be told.
fn is_given(message: &Value) -> Option<bool> {
    let any = |keys: &[&str]| keys.iter().any(|key| !list(message, key).is_empty());
    let given = text(message, "content").is_some() || any(&WITHHELD) || !part(message, "poll").is_null();
    (given || !any(&SHELLS)).then_some(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snowflake::Snowflake;
    use serde_json::json;
    use tieline_testkit::{Health, RecordingHealth, RecordingLog};

    const ME: Account = Account { bot: Snowflake(5), application: Snowflake(5) };

    fn empty() -> Value {
        json!({
            "id": "1", "channel_id": "2", "guild_id": "3", "type": 0, "author": { "id": "7", "username": "ann" },
            "content": "", "embeds": [], "attachments": [], "components": [], "mentions": [],
        })
    }

    #[test]
    fn empty_messages_are_explained_once_and_content_ends_it() {
        let log = RecordingLog::start();
        let health = Arc::<RecordingHealth>::default();
        let (intent, id) = (ContentIntent::default(), InstanceId::new("dc").unwrap());
        intent.tell(Arc::clone(&health) as _);
        let look = |message: &Value| intent.look_at(&id, message, Some(ME));
        look(&empty());
        look(&empty());
        let warnings = log.warnings();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("MESSAGE CONTENT INTENT"), "{warnings:?}");
        assert_eq!(health.said(), [Health::Failing(WHY.to_owned()), Health::Failing(WHY.to_owned())]);
        let mut whole = empty();
        whole["content"] = json!("hi");
        look(&whole);
        assert_eq!(health.said().last(), Some(&Health::Ready));
        look(&empty());
        assert_eq!(health.said().last(), Some(&Health::Ready), "what cannot be read is no proof any more");
    }

    #[test]
    fn messages_that_may_be_empty_or_come_anyway_prove_nothing() {
        let with = |key: &str, value: Value| {
            let mut message = empty();
            message[key] = value;
            message
        };
        assert!(tells(&empty(), ME));
        for (key, value) in [
            ("author", json!({ "id": "5" })),
            ("author", json!({ "id": "8", "bot": true })),
            ("author", json!(null)),
            ("mentions", json!([{ "id": "5" }])),
            ("webhook_id", json!("9")),
            ("guild_id", json!(null)),
            ("type", json!(19)),
        ] {
            assert!(!tells(&with(key, value.clone()), ME), "{key} {value}");
        }
        for (key, value) in [
            ("content", json!("x")),
            ("embeds", json!([{}])),
            ("attachments", json!([{}])),
            ("components", json!([{}])),
            ("poll", json!({})),
        ] {
            assert_eq!(is_given(&with(key, value)), Some(true), "{key}");
        }
        for key in ["sticker_items", "message_snapshots"] {
            assert_eq!(is_given(&with(key, json!([{}]))), None, "{key}");
        }
        assert_eq!(is_given(&empty()), Some(false));
    }
}
