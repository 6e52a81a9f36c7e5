//! `[recipient] text`: how a person names, in the text itself, whom it is for.

use crate::markup::{Block, Markup, Span};

/// What stands in brackets at the beginning of a text.
pub(crate) fn named(text: &Markup) -> Option<String> {
    split(text).map(|(named, ..)| named)
}

/// The text without the brackets at its beginning and the space behind them; as it is, if it does not begin so.
pub(crate) fn cut(text: &Markup) -> Markup {
    let Some((_, rest, spans)) = split(text) else { return text.clone() };
    let mut line = Vec::with_capacity(spans.len() + 1);
    if !rest.is_empty() {
        line.push(Span::Text(rest.to_owned()));
    }
    line.extend(spans.iter().cloned());
    let others = text.blocks.iter().skip(1).cloned();
    // Whoever writes the recipient on a line of its own does not want to say a blank line.
    let first = (!line.is_empty()).then_some(Block::Line(line));
    Markup { blocks: first.into_iter().chain(others).collect() }
}

/// What the brackets hold, the rest of the span in which they close, and the spans after it.
fn split(text: &Markup) -> Option<(String, &str, &[Span])> {
    let Some(Block::Line(spans)) = text.blocks.first() else { return None };
    let mut named = String::new();
    for (index, span) in spans.iter().enumerate() {
        // A dialect may take a part of it for a mention or an address; what people read is what counts.
        let Span::Text(text) = span else {
            if span.inner().is_some() || index == 0 {
                return None;
            }
            span.read_leaf(&mut named);
            continue;
        };
        let mut text = text.as_str();
        if index == 0 {
            text = text.trim_start_matches(|c: char| c.is_whitespace() || is_unseen(c)).strip_prefix('[')?;
        }
        if let Some((before, after)) = text.split_once(']') {
            named.push_str(before);
            named.retain(|c| !is_unseen(c));
            return Some((named, after.trim_start(), &spans[index + 1..]));
        }
        named.push_str(text);
    }
    None
}

/// Characters that nobody sees, and that come along when a number is copied out of a contact.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::Mention;

    #[test]
    fn brackets_at_the_beginning_are_cut_off_whatever_follows() {
        for (text, who, rest) in [
            ("[49123] Hello", "49123", "Hello"),
            ("  [+49 1-2]Hello\nsecond\n\nfourth", "+49 1-2", "Hello\nsecond\n\nfourth"),
            ("[1@g.us]\nsecond", "1@g.us", "second"),
            ("[1]", "1", ""),
            ("[1] [2] x", "1", "[2] x"),
        ] {
            let text = Markup::plain(text);
            assert_eq!(named(&text).as_deref(), Some(who));
            assert_eq!(cut(&text).to_plain(), rest);
        }
        for text in ["", "Hello [1]", "[1", "1] x", "\n[1] x"] {
            let text = Markup::plain(text);
            assert_eq!(named(&text), None);
            assert_eq!(cut(&text), text);
        }
    }

    #[test]
    fn characters_that_nobody_sees_do_not_matter() {
        for text in [
            "[\u{202a}+49 170\u{202c}] Hello",
            "\u{200b}[+49\u{2066} 17\u{2069}0] Hello",
            "\u{feff} [\u{200e}+49 170] Hello",
        ] {
            let text = Markup::plain(text);
            assert_eq!(named(&text).as_deref(), Some("+49 170"));
            assert_eq!(cut(&text).to_plain(), "Hello");
        }
        // What is said keeps its own.
        assert_eq!(cut(&Markup::plain("[1] a\u{200d}b")).to_plain(), "a\u{200d}b");
    }

    #[test]
    fn what_a_dialect_made_of_the_recipient_does_not_matter() {
        let line = |spans| Markup { blocks: vec![Block::Line(spans)] };
        let bold = Span::Bold(vec![Span::Text("Hello".into())]);
        let text = line(vec![
            Span::Text("[120".into()),
            Span::Mention(Mention::User("g.us".into())),
            Span::Text("] ".into()),
            bold.clone(),
        ]);
        assert_eq!(named(&text).as_deref(), Some("120@g.us"));
        assert_eq!(cut(&text), line(vec![bold.clone()]));
        assert_eq!(named(&line(vec![Span::Text("[".into()), bold])), None);
    }
}
