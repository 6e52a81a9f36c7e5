//! Appointments that are planned in a group, and answers to them.

use jiff::Timestamp;
use serde_json::Value;
use tieline_core::compose::one_line;
use tieline_core::markup::{Block, Markup, Span};

use crate::fields::{flag, text, whole};
use crate::kinds::{Said, line, location, titled};
use crate::markup::parse;
use crate::payload::Payload;
use crate::unwrap::Inner;

/// What, when, where.
pub(super) fn said(message: &Inner<'_>) -> Option<Said> {
    let event = message.content;
    let name = text(event, "name")?;
    let mut blocks = vec![titled("📅", &one_line(&name))];
    if flag(event, "isCanceled")
        && let Some(Block::Line(spans)) = blocks.first_mut()
    {
        spans.push(Span::Text(" (cancelled)".to_owned()));
    }
    blocks.extend(when(event).map(line));
    blocks.extend(event.get("location").map(|place| location::lines(place, true)).into_iter().flatten());
    blocks.extend(text(event, "joinLink").map(|link| line(format!("🔗 {}", one_line(&link)))));
    blocks.extend(text(event, "description").map(|words| parse(&words).blocks).into_iter().flatten());
    Some(Said { text: Markup { blocks }, ..Said::default() })
}

/// An answer to an appointment. What was answered stands only in the addon's words; encrypted answers it cannot read.
pub(super) fn answer(payload: &Payload, answer: &Value) -> Said {
    let words = one_line(&payload.content);
    let words =
        if words.is_empty() { "📅 answered; the addon cannot tell what".to_owned() } else { words.into_owned() };
    let about = answer.get("eventCreationMessageKey").and_then(|key| text(key, "id"));
    Said { text: Markup { blocks: vec![line(words)] }, about, ..Said::default() }
}

/// When it begins and ends. Where the reader's clock stands nobody knows here, so it is told in UTC.
fn when(event: &Value) -> Option<String> {
    let at = |key: &str| {
        whole(event, key).filter(|second| *second > 0).and_then(|second| Timestamp::from_second(second).ok())
    };
    let begin = at("startTime")?;
    let end = at("endTime").map(|end| format!(" to {}", end.strftime("%Y-%m-%d %H:%M"))).unwrap_or_default();
    Some(format!("🕒 {}{end} UTC", begin.strftime("%Y-%m-%d %H:%M")))
}

#[cfg(test)]
mod tests {
    use crate::kinds::said;
    use crate::kinds::tests::{payload, plain};
    use serde_json::json;

    #[test]
    fn an_appointment_says_what_when_and_where() {
        let event = json!({ "eventMessage": {
            "name": "Party", "description": "bring *cake*", "startTime": "1795244400", "endTime": 1_795_251_600,
            "location": { "name": "Marienplatz", "degreesLatitude": 48.1351, "degreesLongitude": 11.582 },
            "joinLink": "https://call.whatsapp.com/x", "isCanceled": true,
        } });
        assert_eq!(
            plain(&event),
            "📅 Party (cancelled)\n🕒 2026-11-21 07:00 to 2026-11-21 09:00 UTC\n📍 Marienplatz\n\
                https://www.openstreetmap.org/?mlat=48.1351&mlon=11.582#map=17/48.1351/11.582\n\
                🔗 https://call.whatsapp.com/x\nbring cake"
        );
        assert_eq!(plain(&json!({ "eventMessage": { "name": "Party", "startTime": 0 } })), "📅 Party");
    }

    #[test]
    fn an_answer_belongs_to_its_appointment() {
        let update = json!({ "encEventResponseMessage": { "eventCreationMessageKey": { "id": "EV1" } } });
        let more = json!({ "type": "event_response", "content": "📅 [Event Response: GOING]" });
        let answered = said(&payload(&update, &more)).expect("said");
        assert_eq!(answered.about.as_deref(), Some("EV1"));
        assert_eq!(answered.text.to_plain(), "📅 [Event Response: GOING]");
        assert!(said(&payload(&update, &json!({}))).expect("said").text.to_plain().contains("cannot tell"));
    }
}
