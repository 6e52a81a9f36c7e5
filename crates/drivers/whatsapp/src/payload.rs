//! The body of the addon's webhook, read leniently: every field may be missing, null or of another type, and what is not
//! known is ignored. The addon never repeats a call, so nothing is refused that can be relayed in some way.

use serde_json::Value;

use crate::fields::{flag, list, text};
use crate::jid::Jid;
use crate::resolve::session_name;

/// What a call carries (`app/src/whatsapp/events/index.js`).
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    /// The message's id.
    pub(crate) id: Option<String>,
    /// `message`, `poll`, `poll_update`, `event`, `event_response`; later versions may have more.
    pub(crate) kind: String,
    /// What the addon would show: the text with labels of its own in the group's language. The last resort.
    pub(crate) content: String,
    /// What was voted for.
    pub(crate) vote: Vec<String>,
    /// The chat.
    pub(crate) from: Option<Jid>,
    /// Who wrote it, in a group.
    pub(crate) sender: Option<Jid>,
    /// Who wrote it, by another rule of the addon.
    pub(crate) person: Option<Jid>,
    /// The sender's own name, or the one in the contacts.
    pub(crate) sender_name: Option<String>,
    /// Whether it was passed on.
    pub(crate) is_forwarded: bool,
    /// Where the addon offers the file, relative to itself.
    pub(crate) media_url: Option<String>,
    /// `image`, `video`, `audio`, `document`, `sticker`; and others that are no files.
    pub(crate) media_type: Option<String>,
    /// The file's type, maybe with parameters.
    pub(crate) media_mimetype: Option<String>,
    /// What was written under the file.
    pub(crate) caption: Option<String>,
    /// The session, as the addon stores it.
    pub(crate) session: String,
    /// WhatsApp's own message; `null` where it is missing.
    pub(crate) raw: Value,
}

/// Reads a body. `Err`: why it is none of the addon's.
pub(crate) fn read(body: &[u8]) -> Result<Payload, String> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    if !value.is_object() {
        return Err("the body is not a JSON object".to_owned());
    }
    let raw = value.get_mut("raw").map(Value::take).filter(Value::is_object).unwrap_or_default();
    let session = session_name(&text(&value, "session_id").unwrap_or_default());
    let stored = of_raw(raw, &session);
    let jid = |key: &str| text(&value, key).and_then(|text| Jid::parse(&text));
    Ok(Payload {
        id: text(&value, "id"),
        kind: text(&value, "type").unwrap_or_else(|| "message".to_owned()),
        content: text(&value, "content").unwrap_or_default(),
        vote: list(&value, "vote").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        from: jid("from"),
        sender: jid("sender"),
        person: jid("person_jid"),
        sender_name: text(&value, "sender_name"),
        is_forwarded: flag(&value, "is_forwarded"),
        media_url: text(&value, "media_url").or(stored.media_url),
        media_type: text(&value, "media_type").or(stored.media_type),
        media_mimetype: text(&value, "media_mimetype").or(stored.media_mimetype),
        caption: text(&value, "caption").or(stored.caption),
        ..stored
    })
}

/// A message as the addon stores it, without what its webhook says besides.
pub(crate) fn of_raw(raw: Value, session: &str) -> Payload {
    Payload {
        id: raw.get("key").and_then(|key| text(key, "id")),
        kind: "message".to_owned(),
        content: String::new(),
        vote: Vec::new(),
        from: None,
        sender: None,
        person: None,
        sender_name: None,
        is_forwarded: false,
        media_url: text(&raw, "_mediaUrl"),
        media_type: text(&raw, "_mediaType"),
        media_mimetype: text(&raw, "_mediaMime"),
        caption: text(&raw, "_caption"),
        session: session.to_owned(),
        raw,
    }
}

impl Payload {
    /// WhatsApp's key of the message: who, where, whether by us. `null` where it is missing.
    pub(crate) fn key(&self) -> &Value {
        self.raw.get("key").unwrap_or(&Value::Null)
    }

    /// A JID within the key.
    pub(crate) fn key_jid(&self, name: &str) -> Option<Jid> {
        text(self.key(), name).and_then(|text| Jid::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: &Value) -> Payload {
        read(value.to_string().as_bytes()).expect("an object")
    }

    #[test]
    fn nothing_but_an_object_is_needed() {
        let empty = of(&json!({}));
        assert_eq!((empty.id, empty.from, empty.kind.as_str()), (None, None, "message"));
        assert_eq!((empty.session.as_str(), empty.raw), ("default", Value::Null));
        let odd = of(&json!({
            "id": 5, "type": null, "content": [], "vote": "x", "from": 7, "raw": "none", "is_forwarded": "yes",
            "session_id": "WORK", "media_url": { }, "later": { "more": true },
        }));
        assert_eq!((odd.id.as_deref(), odd.session.as_str(), odd.vote.len()), (Some("5"), "work", 0));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "{", "[]", "null", "5", "\"x\""] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
