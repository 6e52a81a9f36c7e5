//! Calls that are odd, but say enough: a lost message is worse than an odd one.
//!
//! What a message cannot do without (its token, channel, id, author and text) must have its type; everything else is
//! taken for what it most likely means, or left out. Half a character, which JavaScript writes where it cut a text within
//! an emoji, becomes U+FFFD.

use std::borrow::Cow;

use serde_json::{Map, Value};
use tieline_core::secret::Secret;

use crate::payload::{Account, BadCall, Bot, Integration, Payload, Time};

/// Reads a body that cannot be read in one go.
pub(crate) fn read(body: &[u8]) -> Result<Payload, BadCall> {
    let value: Value = serde_json::from_slice(&whole_characters(body)).map_err(|error| {
        let why = format!("the body is not JSON: {error}");
        BadCall { field: None, why, token: token_in(body) }
    })?;
    let Value::Object(fields) = value else {
        return Err(BadCall { field: None, why: "the body is not an object".to_owned(), token: None });
    };
    Reader { token: fields.get("token").and_then(Value::as_str).map(Secret::new), fields }.payload()
}

struct Reader {
    token: Option<Secret>,
    fields: Map<String, Value>,
}

impl Reader {
    fn payload(mut self) -> Result<Payload, BadCall> {
        Ok(Payload {
            bot: self.fields.get("bot").and_then(bot),
            channel_id: self.id("channel_id")?,
            channel_name: self.word("channel_name"),
            message_id: self.id("message_id")?,
            timestamp: self.fields.get("timestamp").and_then(time),
            user_id: self.id("user_id")?,
            user_name: self.word("user_name"),
            text: self.text()?,
            alias: self.word("alias"),
            is_edited: self.fields.get("isEdited").filter(|value| !value.is_null()).map(is_true),
            tmid: self.fields.get("tmid").and_then(Value::as_str).map(str::to_owned),
            user: self
                .fields
                .get("user")
                .and_then(Value::as_object)
                .map(|account| Account { name: account.get("name").and_then(Value::as_str).map(str::to_owned) }),
            message: self.fields.remove("message").filter(Value::is_object),
            token: self.token,
        })
    }

    /// An id: a text, or nothing.
    fn id(&self, field: &'static str) -> Result<Option<String>, BadCall> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(id)) => Ok(Some(id.clone())),
            Some(_) => Err(BadCall::field(field, "expected a string", self.token.as_ref())),
        }
    }

    fn text(&self) -> Result<Option<String>, BadCall> {
        match self.fields.get("text") {
            Some(Value::Array(_) | Value::Object(_)) => {
                Err(BadCall::field("text", "expected a string", self.token.as_ref()))
            }
            _ => Ok(self.word("text")),
        }
    }

    /// A text that the message can do without.
    fn word(&self, field: &str) -> Option<String> {
        match self.fields.get(field)? {
            Value::String(text) => Some(text.clone()),
            other @ (Value::Number(_) | Value::Bool(_)) => Some(other.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn bot(value: &Value) -> Option<Bot> {
    match value {
        Value::Null => None,
        Value::Object(integration) => {
            let i = integration.get("i").and_then(Value::as_str).map(str::to_owned);
            Some(Bot::Integration(Integration { i }))
        }
        other => Some(Bot::Flag(may_be_true(other))),
    }
}

fn time(value: &Value) -> Option<Time> {
    match value {
        Value::String(text) => Some(Time::Text(text.clone())),
        Value::Number(millis) => millis.as_i64().or_else(|| Some(millis.as_f64()? as i64)).map(Time::Millis),
        // As the realtime interface writes it.
        Value::Object(date) => time(date.get("$date").filter(|date| !date.is_object())?),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

/// Whether a flag is set for certain. An edit that is taken for a message is known by its id; a message that is taken for
/// an edit would be lost.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => matches!(text.trim(), "true" | "1" | "yes"),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether a flag is not denied. A bot that is taken for a person could speak to itself for ever.
fn may_be_true(value: &Value) -> bool {
    match value {
        Value::String(text) => !matches!(text.trim(), "" | "0" | "false" | "no"),
        Value::Array(_) => true,
        other => is_true(other),
    }
}

/// The body with each half of a character (`\ud83d` without its other half) replaced by U+FFFD. Outside of strings JSON
/// has no backslash, so nothing else is touched.
fn whole_characters(body: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(step) = body.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += step;
        at += match unit_at(body, at) {
            None => 2,
            Some(0xd800..=0xdbff) if matches!(unit_at(body, at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                mended.extend_from_slice(&body[copied..at]);
                mended.extend_from_slice(b"\\ufffd");
                copied = at + 6;
                6
            }
            Some(_) => 6,
        };
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    mended.extend_from_slice(&body[copied..]);
    Cow::Owned(mended)
}

/// The number of the escape `\uXXXX` that stands there.
fn unit_at(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}

/// The token of a body that is no JSON, so that the operator can be told that it was the server who sent it.
fn token_in(body: &[u8]) -> Option<Secret> {
    const KEY: &[u8] = b"\"token\"";
    let at = body.windows(KEY.len()).position(|window| window == KEY)?;
    let rest = body[at + KEY.len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(Secret::new(std::str::from_utf8(&rest[..length]).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload;
    use proptest::prelude::*;

    fn sound(body: &str) -> Payload {
        payload::read(body.as_bytes()).expect("it says enough")
    }

    fn bad(body: &str) -> BadCall {
        payload::read(body.as_bytes()).expect_err(body)
    }

    #[test]
    fn half_a_character_becomes_a_replacement() {
        for (text, read) in [
            (r"cut \ud83d", "cut \u{fffd}"),
            (r"\ude00 cut", "\u{fffd} cut"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
            (r"\ud83d\ude00 \uD83D", "\u{1f600} \u{fffd}"),
            (r"\\ud83d \ud83d", "\\ud83d \u{fffd}"),
        ] {
            assert_eq!(sound(&format!(r#"{{"text":"{text}"}}"#)).text.as_deref(), Some(read), "{text}");
        }
        let nested = sound(r#"{"message":{"file":{"_id":"F","name":"\ud83d.png"}}}"#).message.expect("an object");
        assert_eq!(nested["file"]["name"], "\u{fffd}.png");
    }

    #[test]
    fn odd_fields_are_taken_for_what_they_mean() {
        let time = |written: &str| sound(&format!(r#"{{"timestamp":{written}}}"#)).timestamp.and_then(|t| t.parse());
        let noon = "2026-03-01T12:00:00Z".parse().ok();
        for written in [
            r#""2026-03-01T12:00:00.000Z""#,
            "1772366400000",
            "1772366400000.0",
            "1.7723664e12",
            r#""1772366400000""#,
            r#"{"$date":1772366400000}"#,
        ] {
            assert_eq!(time(written), noon, "{written}");
        }
        for none in ["null", "true", "[]", "1e300", r#""yesterday""#, r#"{"$date":{"$date":1}}"#] {
            assert_eq!(time(none), None, "{none}");
        }
        for (written, edited) in [
            ("true", Some(true)),
            ("1", Some(true)),
            (r#""true""#, Some(true)),
            (r#""false""#, Some(false)),
            (r#""who knows""#, Some(false)),
            ("{}", Some(false)),
            ("0", Some(false)),
            (r#""""#, Some(false)),
            ("null", None),
        ] {
            assert_eq!(sound(&format!(r#"{{"isEdited":{written}}}"#)).is_edited, edited, "{written}");
        }
        for (written, bot) in
            [(r#""yes""#, true), (r#""BotId""#, true), ("1", true), (r#""false""#, false), ("0", false)]
        {
            assert_eq!(sound(&format!(r#"{{"bot":{written}}}"#)).bot, Some(Bot::Flag(bot)), "{written}");
        }
        let odd = sound(
            r#"{"text":null,"alias":null,"user_name":7,"channel_name":[],"tmid":{},"user":"ann","message":"m","bot":0}"#,
        );
        let expected = Payload { user_name: Some("7".into()), bot: Some(Bot::Flag(false)), ..Payload::default() };
        assert_eq!(odd, expected);
        assert_eq!(sound(r#"{"text":5,"bot":null,"message":[]}"#).text.as_deref(), Some("5"));
    }

    #[test]
    fn what_a_message_needs_must_have_its_type() {
        for field in ["channel_id", "message_id", "user_id"] {
            for wrong in ["{}", "[]", "5", "true"] {
                assert_eq!(bad(&format!(r#"{{"{field}":{wrong}}}"#)).field, Some(field));
            }
        }
        for wrong in ["[]", r#"{"a":"b"}"#] {
            assert_eq!(bad(&format!(r#"{{"text":{wrong}}}"#)).field, Some("text"));
        }
    }

    #[test]
    fn wrong_calls_are_explained_without_what_they_hold() {
        let told = bad(r#"{"message_id":424242,"token":"t0ken"}"#);
        assert_eq!(told.to_string(), "`message_id`: expected a string");
        assert_eq!(told.token, Some(Secret::new("t0ken")));
        assert!(!format!("{told:?}").contains("t0ken"));
        for broken in [r#"{"token" : "t0ken", "text": "secret wo"#, r#"{"token":"t0ken"]"#] {
            let told = bad(broken);
            assert_eq!((told.field, told.token.as_ref().map(Secret::reveal)), (None, Some("t0ken")));
            assert!(told.why.starts_with("the body is not JSON") && !told.why.contains("secret"), "{}", told.why);
        }
        for (body, token) in [("{", None), ("[]", None), (r#"{"token":"#, None), (r#"{"token":"open"#, None)] {
            assert_eq!(bad(body).token, token, "{body}");
        }
        assert_eq!(sound(r#"{"token":5}"#).token, None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _read = read(&body);
        }

        #[test]
        fn escapes_cut_anywhere_are_read_or_refused(body in r#"\{"text":"(\\\\|\\u[d0][89c0][0-9a]{0,2}|x){0,8}"?\}?"#) {
            let _read = read(body.as_bytes());
        }

        #[test]
        fn what_is_sound_is_read_alike_either_way(
            text in "[a-z\u{1f600}\u{e9}]{0,9}", edited in any::<bool>(), bot in any::<bool>(), millis in 0_i64..4_000_000_000_000,
        ) {
            let body = serde_json::json!({
                "token": "t", "bot": bot, "channel_id": "R", "channel_name": "r", "message_id": "m", "timestamp": millis,
                "user_id": "u", "user_name": "ann", "text": text, "alias": "A", "isEdited": edited, "tmid": "t1",
                "user": { "name": "Ann" }, "message": { "files": [] }, "siteUrl": "https://chat.example.com",
            })
            .to_string();
            let (at_once, by_field) = (payload::read(body.as_bytes()), read(body.as_bytes()));
            prop_assert_eq!(at_once, by_field);
        }
    }
}
