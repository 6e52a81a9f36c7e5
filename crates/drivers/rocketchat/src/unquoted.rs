//! Links to messages, so written that no server makes a quotation of them.
//!
//! The server shows the message that an address with the parameter `msg` names, if whoever posts may read it. The bot may
//! read rooms that the person who typed the address elsewhere may not. So whatever comes from a message has a zero-width
//! space before the name of that parameter: the server knows no message then, a person reads the same, and a click leads
//! to the room.
//!
//! The address's host is not looked at: the server compares it with a setting of its own, which need be neither
//! `server_url` nor `webhook_url`, and it looks for that setting anywhere in the address.

use std::borrow::Cow;

use crate::dialect::APART;

/// The parameter that names a message.
const PARAMETER: &str = "msg";

/// A text without links that quote.
pub(crate) fn unquoted(text: String) -> String {
    let mut out = String::new();
    let mut copied = 0;
    for (at, _) in text.match_indices(['?', '&']) {
        if names_message(&text[at + 1..]) {
            out.push_str(&text[copied..=at]);
            out.push(APART);
            copied = at + 1;
        }
    }
    if copied == 0 {
        return text;
    }
    out.push_str(&text[copied..]);
    out
}

/// Whether the parameter begins here, however its letters are written.
fn names_message(text: &str) -> bool {
    // The longest way to write it is with every letter as `%6D`; no further is looked for its end.
    let length = text.bytes().take(3 * PARAMETER.len() + 1).position(|byte| byte == b'=');
    length.is_some_and(|length| decoded(&text[..length]) == PARAMETER)
}

fn decoded(name: &str) -> Cow<'_, str> {
    let mut pairs = url::form_urlencoded::parse(name.as_bytes());
    pairs.next().map(|(name, _)| name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{escape, render};
    use tieline_core::markup::{Block, Markup, Span};

    const LINK: &str = "https://chat.example.com/channel/x?msg=abc";
    const SHOWN: &str = "https://chat.example.com/channel/x?\u{200b}msg=abc";

    #[test]
    fn a_link_to_a_message_names_none_in_any_place() {
        let span = |span: Span| render::render(&Markup { blocks: vec![Block::Line(vec![span])] });
        for written in [
            escape::text(LINK),
            span(Span::Text(LINK.into())),
            span(Span::Code(LINK.into())),
            span(Span::Link(LINK.into(), vec![Span::Text("here".into())])),
            span(Span::Link(LINK.into(), Vec::new())),
            span(Span::Bold(vec![Span::Text(LINK.into())])),
            span(Span::Spoiler(vec![Span::Text(LINK.into())])),
            render::render(&Markup { blocks: vec![Block::Code(None, LINK.into())] }),
            render::render(&Markup { blocks: vec![Block::Quote(vec![Span::Text(LINK.into())])] }),
        ] {
            assert!(written.contains(SHOWN) && !written.contains("?msg="), "{written}");
        }
    }

    #[test]
    fn no_spelling_gets_through() {
        for (typed, written) in [
            ("xhttps://c/?msg=1", "xhttps://c/?\u{200b}msg=1"),
            ("https://c/?a=1&msg=1", "https://c/?a=1&\u{200b}msg=1"),
            ("https://c/?%6Dsg=1", "https://c/?\u{200b}%6Dsg=1"),
            ("https://c/?%6d%73%67=1", "https://c/?\u{200b}%6d%73%67=1"),
            ("https://c/?msg=1&msg=2", "https://c/?\u{200b}msg=1&\u{200b}msg=2"),
        ] {
            assert_eq!(unquoted(typed.to_owned()), written);
            assert_eq!(unquoted(written.to_owned()), written);
        }
    }

    #[test]
    fn hostile_text_costs_no_time() {
        let hostile = "?&".repeat(500_000);
        assert_eq!(unquoted(hostile.clone()), hostile);
    }

    #[test]
    fn other_parameters_stay() {
        for typed in ["https://c/?message=1", "https://c/msg=1", "what? msg=1", "https://c/?MSG=1", "?&=%", "a?msg"] {
            assert_eq!(unquoted(typed.to_owned()), typed);
        }
    }
}
