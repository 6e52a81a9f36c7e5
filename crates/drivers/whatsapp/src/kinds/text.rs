//! Texts.

use crate::fields::text;
use crate::kinds::Said;
use crate::markup::parse;
use crate::unwrap::Inner;

/// What was typed. Of a text with the preview of a page, `content` has the page's title and description too.
pub(super) fn said(message: &Inner<'_>) -> Option<Said> {
    let typed = message.content.as_str().map(str::to_owned).or_else(|| text(message.content, "text"))?;
    (!typed.trim().is_empty()).then(|| Said { text: parse(&typed), ..Said::default() })
}

#[cfg(test)]
mod tests {
    use crate::kinds::tests::{payload, plain};
    use serde_json::json;

    #[test]
    fn only_what_was_typed_counts() {
        assert_eq!(plain(&json!({ "conversation": "a\nb" })), "a\nb");
        let preview = json!({ "extendedTextMessage": {
            "text": "look https://example.com", "title": "Example", "description": "An example page", "jpegThumbnail": "x",
        } });
        let payload = payload(&preview, &json!({ "content": "look https://example.com An example page Example" }));
        let said = crate::kinds::said(&payload).expect("said");
        assert_eq!(said.text.to_plain(), "look https://example.com");
    }
}
