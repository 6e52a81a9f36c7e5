//! Polls and votes.

use serde_json::Value;
use tieline_core::compose::one_line;
use tieline_core::markup::{Block, Markup, Span};

use crate::fields::{list, text};
use crate::kinds::{Said, line, titled};
use crate::payload::Payload;
use crate::unwrap::Inner;

/// The question with its options.
pub(super) fn said(message: &Inner<'_>) -> Option<Said> {
    let question = text(message.content, "name")?;
    let options = list(message.content, "options").iter().filter_map(|option| text(option, "optionName"));
    let options = options.map(|option| Block::Item("-".to_owned(), vec![Span::Text(one_line(&option).into_owned())]));
    let blocks = std::iter::once(titled("📊", &one_line(&question))).chain(options).collect();
    Some(Said { text: Markup { blocks }, ..Said::default() })
}

/// What somebody chose now. The addon knows it only if it still has the poll (`vote` is empty else), and says an empty
/// choice the same way.
pub(super) fn vote(payload: &Payload, update: &Value) -> Said {
    let chosen: Vec<_> = payload.vote.iter().map(|option| one_line(option)).filter(|o| !o.is_empty()).collect();
    let words = if chosen.is_empty() {
        "🗳️ voted; the addon cannot tell for what, or the vote was taken back".to_owned()
    } else {
        format!("🗳️ voted for {}", chosen.join(", "))
    };
    let about = update.get("pollCreationMessageKey").and_then(|key| text(key, "id"));
    Said { text: Markup { blocks: vec![line(words)] }, about, ..Said::default() }
}

#[cfg(test)]
mod tests {
    use crate::kinds::said;
    use crate::kinds::tests::{payload, plain};
    use serde_json::json;

    #[test]
    fn a_poll_shows_its_options_as_they_are() {
        for kind in ["pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3", "pollCreationMessageV5"] {
            let poll = json!({ kind: { "name": "Lunch?", "options": [{ "optionName": "*Pizza*" }, { "optionName": "Soup" }, {}] } });
            assert_eq!(plain(&poll), "📊 Lunch?\n- *Pizza*\n- Soup", "{kind}");
        }
    }

    #[test]
    fn a_vote_answers_its_poll() {
        let update = json!({ "pollUpdateMessage": { "pollCreationMessageKey": { "id": "POLL1" } } });
        let voted =
            said(&payload(&update, &json!({ "type": "poll_update", "vote": ["Pizza", "Soup"] }))).expect("said");
        assert_eq!(
            (voted.text.to_plain().as_str(), voted.about.as_deref()),
            ("🗳️ voted for Pizza, Soup", Some("POLL1"))
        );
        let unknown = said(&payload(&update, &json!({ "vote": [], "content": "📊 [Poll Vote] (Poll not found)" })));
        assert!(unknown.expect("said").text.to_plain().contains("cannot tell"));
    }
}
