//! Polls.

use serde_json::Value;
use tieline_core::markup::{Block, Span};

use crate::fields::{id, list, name, part};

/// What a poll has at most is ten.
const ANSWERS: usize = 50;

/// The question with its answers; nothing if there is none.
pub(super) fn blocks(poll: &Value) -> Vec<Block> {
    let Some(question) = name(part(poll, "question"), "text") else { return Vec::new() };
    let head = Block::Line(vec![Span::Text("📊 ".to_owned()), Span::Bold(vec![Span::Text(question)])]);
    let answers = list(poll, "answers").iter().take(ANSWERS).filter_map(|answer| {
        let shown = part(answer, "poll_media");
        // Emoji of the guild's own have an id, and no look as text.
        let emoji = part(shown, "emoji");
        let emoji = name(emoji, "name").filter(|_| id(emoji, "id").is_none());
        let words: Vec<String> = emoji.into_iter().chain(name(shown, "text")).collect();
        (!words.is_empty()).then(|| Block::Item("-".to_owned(), vec![Span::Text(words.join(" "))]))
    });
    std::iter::once(head).chain(answers).collect()
}

#[cfg(test)]
mod tests {
    use crate::parse::said::tests::plain;
    use serde_json::json;

    #[test]
    fn a_poll_shows_its_answers_as_they_are() {
        let poll = json!({
            "question": { "text": "Lunch?" }, "allow_multiselect": true, "expiry": null, "layout_type": 1,
            "answers": [
                { "answer_id": 1, "poll_media": { "text": "*Pizza*", "emoji": { "id": null, "name": "🍕" } } },
                { "answer_id": 2, "poll_media": { "text": "Soup", "emoji": { "id": "5", "name": "soup" } } },
                { "answer_id": 3 }, null,
            ],
        });
        assert_eq!(plain(&json!({ "content": "", "poll": poll })), "📊 Lunch?\n- 🍕 *Pizza*\n- Soup");
        assert_eq!(plain(&json!({ "content": "x", "poll": { "question": 5 } })), "x");
    }
}
