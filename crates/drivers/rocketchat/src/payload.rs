//! The body of an Outgoing Webhook's call, as the server writes it. Unknown fields are ignored.

use serde::Deserialize;
use serde_json::Value;

/// What a call carries. Every field may be missing: a guard in the server leaves most of them out for events that are
/// about no message.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Payload {
    pub(crate) token: Option<String>,
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
    pub(crate) message: Option<Value>,
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
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Account {
    pub(crate) name: Option<String>,
}

/// A time: ISO 8601, or milliseconds since 1970.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a time as text or in milliseconds")]
pub(crate) enum Time {
    Text(String),
    Millis(i64),
}

impl Time {
    pub(crate) fn parse(&self) -> Option<jiff::Timestamp> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Millis(millis) => jiff::Timestamp::from_millisecond(*millis).ok(),
        }
    }
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBody {
    /// It is no JSON.
    #[error("the body is not JSON: {0}")]
    Json(String),
    /// A field holds something else than it should.
    #[error("`{0}`: {1}")]
    Field(String, String),
}

/// Reads a body.
pub(crate) fn read(body: &[u8]) -> Result<Payload, BadBody> {
    // Nearly every body is sound and read in one go; only what is not is taken apart to say what is wrong with it.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(payload) = serde_json::from_slice(body)
    {
        return Ok(payload);
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| BadBody::Json(error.to_string()))?;
    if !value.is_object() {
        return Err(BadBody::Field(".".to_owned(), "expected an object".to_owned()));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let words = error.inner().to_string();
        // What was found is not repeated: it may be the token.
        let expected = words.rsplit_once("expected ").map_or("another type", |(_, expected)| expected);
        BadBody::Field(error.path().to_string(), format!("expected {expected}"))
    })
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

    #[test]
    fn wrong_bodies_are_explained_without_what_they_hold() {
        assert!(matches!(read(b"{"), Err(BadBody::Json(_))));
        assert!(matches!(read(b"[]"), Err(BadBody::Field(..))));
        let wrong = read(br#"{"token":424242}"#).err().expect("wrong").to_string();
        assert!(wrong.contains("token") && wrong.contains("a string") && !wrong.contains("424242"), "{wrong}");
        assert!(read(br#"{"bot":"yes"}"#).err().expect("wrong").to_string().contains("true, false"));
    }
}
