//! What a message says, by its kind: one file for each family.
//!
//! The addon's `content` has labels of its own, in the language of the group, around what WhatsApp hands on. It is used
//! only where nothing else tells what was said.

mod buttons;
mod contact;
mod event;
mod location;
mod media;
mod poll;
mod text;

use tieline_core::event::Attachment;
use tieline_core::markup::{Block, Markup, Span};

use crate::markup::parse;
use crate::payload::Payload;
use crate::unwrap::{Inner, inner};

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Said {
    /// The text.
    pub(crate) text: Markup,
    /// The files.
    pub(crate) files: Vec<Attachment>,
    /// The message that it is about, where it is not quoted: the poll that was voted in.
    pub(crate) about: Option<String>,
}

/// Reads what a message says. `Err`: why it says nothing that people would see.
pub(crate) fn said(payload: &Payload) -> Result<Said, &'static str> {
    let message = payload.raw.get("message").and_then(inner);
    let Some(message) = message else { return without_message(payload) };
    let said = match message.kind {
        "conversation" | "extendedTextMessage" => text::said(&message),
        kind if media::is_file(kind) => Some(media::said(payload, &message)),
        "locationMessage" | "liveLocationMessage" => location::said(&message),
        "contactMessage" | "contactsArrayMessage" => contact::said(&message),
        "pollUpdateMessage" => Some(poll::vote(payload, message.content)),
        kind if kind.starts_with("pollCreationMessage") => poll::said(&message),
        "eventMessage" => event::said(&message),
        "encEventResponseMessage" => Some(event::answer(payload, message.content)),
        "protocolMessage" | "reactionMessage" | "encReactionMessage" | "pinInChatMessage" | "keepInChatMessage" => {
            return Err("it changes another message, and the addon tells of no such changes");
        }
        _ => buttons::said(&message),
    };
    match said {
        Some(said) => Ok(forwarded(payload, Some(&message), said)),
        None => of_content(payload, Some(&message)),
    }
}

/// Whether the addon's webhook tells more of a message than its store: where a file is that it may still be fetching, and
/// what somebody voted for.
pub(crate) fn webhook_tells_more(payload: &Payload) -> bool {
    let message = payload.raw.get("message").and_then(inner);
    message.is_some_and(|message| {
        let awaits_file = payload.media_url.is_none() && !message.wrapped && media::is_file(message.kind);
        awaits_file || message.kind == "pollUpdateMessage"
    })
}

/// A message of which only the addon's own fields are there.
fn without_message(payload: &Payload) -> Result<Said, &'static str> {
    if payload.raw.get("message").is_some_and(serde_json::Value::is_object) {
        // The keys of a group and other things that apps tell each other; `content` then holds any text found in them.
        return Err("it holds nothing for people");
    }
    if payload.kind == "poll_update" {
        return Ok(poll::vote(payload, &serde_json::Value::Null));
    }
    match media::of_payload(payload) {
        Some(said) => Ok(forwarded(payload, None, said)),
        None => of_content(payload, None),
    }
}

/// What the addon would show, if it is anything.
fn of_content(payload: &Payload, message: Option<&Inner<'_>>) -> Result<Said, &'static str> {
    if payload.content.trim().is_empty() {
        return Err("it is empty");
    }
    Ok(forwarded(payload, message, Said { text: parse(&payload.content), ..Said::default() }))
}

/// Marks what was passed on, as WhatsApp shows it: above the message.
fn forwarded(payload: &Payload, message: Option<&Inner<'_>>, said: Said) -> Said {
    let within = message.is_some_and(|message| crate::fields::flag(message.context(), "isForwarded"));
    if !within && !payload.is_forwarded {
        return said;
    }
    let mark = Block::Line(vec![Span::Italic(vec![Span::Text("Forwarded".to_owned())])]);
    let blocks = std::iter::once(mark).chain(said.text.blocks).collect();
    Said { text: Markup { blocks }, ..said }
}

/// A line of plain text.
fn line(text: impl Into<String>) -> Block {
    Block::Line(vec![Span::Text(text.into())])
}

/// A line that begins with a sign and a bold name.
fn titled(sign: &str, name: &str) -> Block {
    Block::Line(vec![Span::Text(format!("{sign} ")), Span::Bold(vec![Span::Text(name.to_owned())])])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A payload around a message.
    pub(crate) fn payload(message: &Value, more: &Value) -> Payload {
        let mut body = json!({ "id": "A1", "type": "message", "content": "", "from": "491700000001@s.whatsapp.net" });
        body["raw"] = json!({ "key": { "fromMe": false, "id": "A1" }, "message": message });
        for (key, value) in more.as_object().expect("an object") {
            body[key] = value.clone();
        }
        crate::payload::read(body.to_string().as_bytes()).expect("an object")
    }

    /// What a message says, as people read it.
    pub(crate) fn plain(message: &Value) -> String {
        said(&payload(message, &json!({}))).expect("something").text.to_plain()
    }

    #[test]
    fn what_is_passed_on_is_marked_also_in_a_wrapper() {
        let message = json!({ "ephemeralMessage": { "message": {
            "extendedTextMessage": { "text": "*so*", "contextInfo": { "isForwarded": true } },
        } } });
        assert_eq!(plain(&message), "Forwarded\nso");
        let by_field = said(&payload(&json!({ "conversation": "x" }), &json!({ "is_forwarded": true }))).expect("said");
        assert_eq!(by_field.text.to_plain(), "Forwarded\nx");
    }

    #[test]
    fn unknown_kinds_say_what_the_addon_shows_or_nothing() {
        let unknown = json!({ "somethingNewMessage": { "x": 1 } });
        assert_eq!(
            said(&payload(&unknown, &json!({ "content": "a *summary*" }))).expect("said").text.to_plain(),
            "a summary"
        );
        assert_eq!(said(&payload(&unknown, &json!({ "content": " " }))), Err("it is empty"));
        let keys = json!({ "senderKeyDistributionMessage": { "groupId": "1@g.us" } });
        assert!(said(&payload(&keys, &json!({ "content": "1@g.us" }))).is_err(), "not what stands in the keys");
        assert!(said(&payload(&json!({ "reactionMessage": { "text": "x" } }), &json!({ "content": "x" }))).is_err());
    }

    #[test]
    fn without_raw_the_addons_fields_have_to_do() {
        let of = |more: Value| said(&payload(&Value::Null, &more));
        assert_eq!(of(json!({ "raw": null, "content": "hi *you*" })).expect("said").text.to_plain(), "hi you");
        let file = of(
            json!({ "raw": "?", "content": "c", "media_type": "image", "media_url": "/media/1.png", "caption": "c" }),
        );
        let file = file.expect("said");
        assert_eq!((file.text.to_plain().as_str(), file.files.len()), ("c", 1));
        let vote = of(json!({ "raw": null, "type": "poll_update", "vote": ["Pizza"] })).expect("said");
        assert!(vote.text.to_plain().contains("Pizza"));
        assert_eq!(of(json!({ "raw": null })), Err("it is empty"));
    }
}
