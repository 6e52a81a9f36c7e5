//! A message within its wrappers.
//!
//! In disappearing chats, for media to be viewed once, and for documents with a caption, WhatsApp puts the message itself
//! into another one: `{"ephemeralMessage": {"message": {…}}}`, at any depth.

use serde_json::Value;

/// How many wrappers are taken off. Real messages have three at most.
const DEPTH: usize = 8;
/// What stands beside a message and says nothing to people.
const BESIDE: [&str; 4] = [
    "messageContextInfo",
    "senderKeyDistributionMessage",
    "fastRatchetKeySenderKeyDistributionMessage",
    "deviceListMetadata",
];

/// The message itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Inner<'v> {
    /// Its kind: `imageMessage`.
    pub(crate) kind: &'v str,
    /// What the kind holds: an object, or the text of a `conversation`.
    pub(crate) content: &'v Value,
    /// Whether something was wrapped around it.
    pub(crate) wrapped: bool,
}

impl<'v> Inner<'v> {
    /// What it refers to: the quoted message, who is mentioned, whether it was passed on. `null` if to nothing.
    pub(crate) fn context(&self) -> &'v Value {
        self.content.get("contextInfo").unwrap_or(&Value::Null)
    }
}

/// Takes the wrappers off. `None`: there is no message in it.
pub(crate) fn inner(message: &Value) -> Option<Inner<'_>> {
    let mut message = message;
    for depth in 0..=DEPTH {
        let beside = |kind: &&String| BESIDE.contains(&kind.as_str());
        let (kind, content) =
            message.as_object()?.iter().find(|(kind, content)| !beside(kind) && !content.is_null())?;
        match content.get("message") {
            Some(within) if within.is_object() => message = within,
            _ => return Some(Inner { kind, content, wrapped: depth > 0 }),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn wrappers_are_taken_off_at_any_depth() {
        let image = json!({ "messageContextInfo": {}, "imageMessage": { "contextInfo": { "stanzaId": "A" } } });
        let bare = inner(&image).expect("an image");
        assert_eq!((bare.kind, bare.wrapped, &bare.context()["stanzaId"]), ("imageMessage", false, &json!("A")));
        let mut wrapped = image;
        for wrapper in ["viewOnceMessageV2", "ephemeralMessage", "somethingNew"] {
            wrapped =
                json!({ "senderKeyDistributionMessage": { "groupId": "1@g.us" }, wrapper: { "message": wrapped } });
        }
        let found = inner(&wrapped).expect("an image");
        assert_eq!((found.kind, found.wrapped), ("imageMessage", true));
    }

    #[test]
    fn there_may_be_no_message() {
        for none in [
            json!(null),
            json!({}),
            json!("x"),
            json!({ "senderKeyDistributionMessage": { "groupId": "1@g.us" }, "conversation": null }),
            json!({ "ephemeralMessage": { "message": {} } }),
        ] {
            assert_eq!(inner(&none), None, "{none}");
        }
        let mut deep = json!({ "conversation": "x" });
        for _ in 0..20 {
            deep = json!({ "ephemeralMessage": { "message": deep } });
        }
        assert_eq!(inner(&deep), None);
    }
}
