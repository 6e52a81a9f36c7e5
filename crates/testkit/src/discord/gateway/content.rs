//! What a bot sees of messages without the `MESSAGE_CONTENT` intent (Discord's `/developers/events/gateway`).

use std::borrow::Cow;

use serde_json::{Value, json};

use super::intents::MESSAGE_CONTENT;

/// An event as a bot with these intents sees it.
pub(crate) fn seen<'a>(event: &str, data: &'a Value, intents: u64, bot: &str) -> Cow<'a, Value> {
    let is_message = matches!(event, "MESSAGE_CREATE" | "MESSAGE_UPDATE");
    // Without a guild it is a direct message.
    if !is_message || intents & MESSAGE_CONTENT != 0 || data["guild_id"].is_null() {
        return Cow::Borrowed(data);
    }
    let mut data = data.clone();
    if concerns_others(&data, bot) {
        blank(&mut data);
    }
    if let Some(answered) = data.get_mut("referenced_message").filter(|answered| answered.is_object())
        && concerns_others(answered, bot)
    {
        blank(answered);
    }
    Cow::Owned(data)
}

/// Whether a message is neither of the bot nor mentions it.
fn concerns_others(message: &Value, bot: &str) -> bool {
    let mentions = message["mentions"].as_array().is_some_and(|all| all.iter().any(|user| user["id"] == bot));
    message["author"]["id"] != bot && !mentions
}

/// Takes out what was said; a forward says it in its snapshots.
fn blank(message: &mut Value) {
    let Some(fields) = message.as_object_mut() else { return };
    for (key, nothing) in
        [("content", json!("")), ("embeds", json!([])), ("attachments", json!([])), ("components", json!([]))]
    {
        if let Some(said) = fields.get_mut(key) {
            *said = nothing;
        }
    }
    fields.remove("poll");
    for snapshot in fields.get_mut("message_snapshots").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(forwarded) = snapshot.get_mut("message") {
            blank(forwarded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Value {
        json!({
            "guild_id": "1", "author": { "id": "7" }, "mentions": [], "content": "hello", "sticker_items": [{ "id": "3" }],
            "embeds": [{}], "attachments": [{}], "components": [{}], "poll": {},
            "message_snapshots": [{ "message": { "content": "forwarded", "attachments": [{}] } }],
            "referenced_message": { "author": { "id": "5" }, "mentions": [], "content": "asked" },
        })
    }

    #[test]
    fn without_the_intent_nothing_is_said() {
        let blanked = seen("MESSAGE_CREATE", &message(), !MESSAGE_CONTENT, "9").into_owned();
        let expected = json!({
            "guild_id": "1", "author": { "id": "7" }, "mentions": [], "content": "", "sticker_items": [{ "id": "3" }],
            "embeds": [], "attachments": [], "components": [],
            "message_snapshots": [{ "message": { "content": "", "attachments": [] } }],
            "referenced_message": { "author": { "id": "5" }, "mentions": [], "content": "" },
        });
        assert_eq!(blanked, expected);
    }

    #[test]
    fn own_words_mentions_and_direct_messages_are_seen() {
        let with = |key: &str, value: Value| {
            let mut message = message();
            message[key] = value;
            message
        };
        let seen_by_9 = |data: &Value| seen("MESSAGE_UPDATE", data, 0, "9").into_owned();
        for exempt in [with("author", json!({ "id": "9" })), with("mentions", json!([{ "id": "9" }]))] {
            assert_eq!(seen_by_9(&exempt)["content"], "hello");
            assert_eq!(seen_by_9(&exempt)["referenced_message"]["content"], "");
        }
        let direct = with("guild_id", Value::Null);
        assert_eq!(seen_by_9(&direct), direct);
        let own_was_answered = with("referenced_message", json!({ "author": { "id": "9" }, "content": "asked" }));
        assert_eq!(seen_by_9(&own_was_answered)["referenced_message"]["content"], "asked");
    }

    #[test]
    fn with_the_intent_and_in_other_events_all_is_seen() {
        assert_eq!(*seen("MESSAGE_CREATE", &message(), MESSAGE_CONTENT, "9"), message());
        assert_eq!(*seen("THREAD_CREATE", &message(), 0, "9"), message());
    }
}
