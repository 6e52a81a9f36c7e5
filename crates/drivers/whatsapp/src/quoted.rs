//! What a message says that another one answers: WhatsApp sends it along.

use serde_json::{Value, json};
use tieline_core::event::{Attachment, AttachmentKind, Quoted};
use tieline_core::markup::Markup;

use crate::fields::text;
use crate::jid::Jid;
use crate::kinds;
use crate::payload;

/// What stands in the context of an answer: the quotation, and who wrote it. `None`: it quotes nothing that can be shown.
pub(crate) fn quoted(context: &Value) -> Option<(Quoted, Option<Jid>)> {
    let message = context.get("quotedMessage").filter(|message| message.is_object())?;
    let said = kinds::said(&payload::of_raw(json!({ "message": message }), "")).ok()?;
    let shown = match said.files.first() {
        Some(file) if said.text.is_blank() => Markup::plain(&label(file)),
        _ => said.text,
    };
    let author = text(context, "participant").and_then(|jid| Jid::parse(&jid)).filter(|jid| !jid.is_group());
    let quoted = Quoted { author: author.as_ref().map(Jid::shown).unwrap_or_default(), text: shown };
    (!quoted.text.is_blank()).then_some((quoted, author))
}

/// What stands for a file: of a document its name, since the name of anything else is one that we made.
fn label(file: &Attachment) -> String {
    let word = file.kind.word();
    if file.kind == AttachmentKind::Document { format!("[{word}: {}]", file.name) } else { format!("[{word}]") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &Value) -> Option<String> {
        let context =
            json!({ "stanzaId": "A", "participant": "491700000002:3@s.whatsapp.net", "quotedMessage": message });
        let (quoted, author) = quoted(&context)?;
        assert_eq!((quoted.author.as_str(), author), ("+491700000002", Jid::parse("491700000002@s.whatsapp.net")));
        Some(quoted.text.to_plain())
    }

    #[test]
    fn each_kind_is_quoted_by_what_people_see_of_it() {
        let document = json!({ "fileName": "../offer.pdf", "mimetype": "application/pdf" });
        for (message, wanted) in [
            (json!({ "conversation": "*ok*?" }), Some("ok?")),
            (
                json!({ "extendedTextMessage": { "text": "see", "contextInfo": { "isForwarded": true } } }),
                Some("Forwarded\nsee"),
            ),
            (json!({ "imageMessage": { "caption": "my cat" } }), Some("my cat")),
            (json!({ "ephemeralMessage": { "message": { "imageMessage": {} } } }), Some("[Image]")),
            (json!({ "audioMessage": { "ptt": true } }), Some("[Voice message]")),
            (json!({ "documentMessage": document }), Some("[File: offer.pdf]")),
            (json!({ "pollCreationMessageV3": { "name": "Lunch?", "options": [] } }), Some("📊 Lunch?")),
            (json!({ "protocolMessage": {} }), None),
            (json!({}), None),
            (json!("x"), None),
        ] {
            assert_eq!(shown(&message).as_deref(), wanted, "{message}");
        }
    }

    #[test]
    fn the_author_may_be_unknown() {
        for nobody in [json!(null), json!("?"), json!("120363000000000001@g.us")] {
            let context = json!({ "participant": nobody, "quotedMessage": { "conversation": "x" } });
            let (quoted, author) = quoted(&context).expect("a quotation");
            assert_eq!((quoted.author.as_str(), author), ("", None), "{nobody}");
        }
        assert_eq!(quoted(&json!({ "stanzaId": "A" })), None);
    }
}
