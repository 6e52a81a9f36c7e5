//! The body of an Outgoing Webhook's call, as the server writes it. Unknown fields are ignored.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tieline_core::secret::Secret;

use crate::lenient;

/// What a call carries. Every field may be missing: a guard in the server leaves most of them out for events that are
/// about no message.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Payload {
    #[serde(deserialize_with = "secret")]
    pub(crate) token: Option<Secret>,
    pub(crate) bot: Option<Bot>,
    pub(crate) channel_id: Option<String>,
    pub(crate) channel_name: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) timestamp: Option<Time>,
    pub(crate) user_id: Option<String>,
    pub(crate) user_name: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) alias: Option<String>,
    #[serde(rename = "isEdited")]
    pub(crate) is_edited: Option<bool>,
    pub(crate) tmid: Option<String>,
    /// Only in `fileUploaded`: the account.
    pub(crate) user: Option<Account>,
    /// Only in `fileUploaded`: the message, whole.
    #[serde(deserialize_with = "object")]
    pub(crate) message: Option<Value>,
}

fn secret<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(value)?.map(Secret::new))
}

fn object<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Ok(Option::deserialize(value)?.filter(Value::is_object))
}

/// `true` or `false`; on older servers the integration: `{"i": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected true, false or an object")]
pub(crate) enum Bot {
    Flag(bool),
    Integration(Integration),
}

/// The integration that posted a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Integration {
    pub(crate) i: Option<String>,
}

/// An account, as far as we read it.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Account {
    pub(crate) name: Option<String>,
}

/// A time: ISO 8601, or milliseconds since 1970, which may also come as text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a time as text or in milliseconds")]
pub(crate) enum Time {
    Text(String),
    Millis(i64),
}

impl Time {
    pub(crate) fn parse(&self) -> Option<jiff::Timestamp> {
        match self {
            Self::Text(text) => text.parse().ok().or_else(|| Self::after_1970(text.trim().parse().ok()?)),
            Self::Millis(millis) => Self::after_1970(*millis),
        }
    }

    fn after_1970(millis: i64) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_millisecond(millis).ok()
    }
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct BadCall {
    /// The field that holds something else than it should; `None`: the body is no JSON object.
    pub(crate) field: Option<&'static str>,
    /// What is wrong, without what was found: it may be a token or somebody's text.
    pub(crate) why: String,
    /// The token that came along, as far as it can be made out.
    pub(crate) token: Option<Secret>,
}

impl BadCall {
    /// A call with something wrong in a field.
    pub(crate) fn field(field: &'static str, why: &str, token: Option<&Secret>) -> Self {
        Self { field: Some(field), why: format!("`{field}`: {why}"), token: token.cloned() }
    }
}

/// Reads a body.
pub(crate) fn read(body: &[u8]) -> Result<Payload, BadCall> {
    // Nearly every body is sound and read in one go; only what is not is looked at field by field.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(payload) = serde_json::from_slice(body)
    {
        return Ok(payload);
    }
    lenient::read(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_reference_is_read() {
        let body = r#"{"token":"s3cret","bot":false,"channel_id":"GENERAL","channel_name":"general",
            "message_id":"aB3dE6gH9jK2mN5pQ","timestamp":"2026-03-01T10:00:00.000Z","user_id":"u9","user_name":"ann",
            "text":"hi *all*","siteUrl":"https://chat.example.com","tmid":"zz1"}"#;
        let payload = read(body.as_bytes()).expect("sound");
        assert_eq!(payload.bot, Some(Bot::Flag(false)));
        assert_eq!(payload.tmid.as_deref(), Some("zz1"));
        assert_eq!(payload.timestamp.and_then(|time| time.parse()), "2026-03-01T10:00:00Z".parse().ok());
    }

    #[test]
    fn both_kinds_of_bot_and_missing_fields_are_read() {
        let old = read(br#"{"bot":{"i":"abc"},"alias":null}"#).expect("sound");
        assert_eq!(old.bot, Some(Bot::Integration(Integration { i: Some("abc".into()) })));
        assert!(read(b"{}").expect("sound").message_id.is_none());
    }
}
