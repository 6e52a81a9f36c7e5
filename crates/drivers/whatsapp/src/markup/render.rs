//! From the tree to WhatsApp's markup.

use tieline_core::emoji;
use tieline_core::markup::{Block, Markup, Mention, Person, Span};

use crate::markup::escape::{Line, line_start};
use crate::markup::marks::APART;

/// The tree in WhatsApp's words.
pub(super) fn render(markup: &Markup) -> String {
    let lines: Vec<String> = markup.blocks.iter().map(block).collect();
    lines.join("\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Line(spans) => {
            let mut out = String::new();
            // Emphasis at the beginning is ours, text is somebody's: only that could look like a list.
            if let Some(Span::Text(text)) = spans.first() {
                line_start(&format!("{text}{}", if spans.len() > 1 { "x" } else { "" }), &mut out);
            }
            written(&line(spans, Within::default()), out)
        }
        Block::Quote(spans) => written(&line(spans, Within::default()), "> ".to_owned()),
        Block::Item(marker, spans) => {
            let number = marker.trim_end_matches(['.', ')']);
            let numbered = !number.is_empty() && number.len() < 10 && number.bytes().all(|byte| byte.is_ascii_digit());
            let marker = if numbered { format!("{number}. ") } else { "- ".to_owned() };
            written(&line(spans, Within::default()), marker)
        }
        // There are no headlines.
        Block::Heading(_, spans) => {
            let mut headline = Line::default();
            span(&Span::Bold(spans.clone()), Within::default(), &mut headline);
            written(&headline, String::new())
        }
        Block::Code(_, text) if text.trim().is_empty() => String::new(),
        // Three backticks in it would end it.
        Block::Code(_, text) => format!("```\n{}\n```", text.replace("```", &format!("``{APART}`"))),
    }
}

fn written(line: &Line, mut before: String) -> String {
    line.write(&mut before);
    before
}

/// Which marks are open around a span; each works only once.
#[derive(Debug, Clone, Copy, Default)]
struct Within {
    bold: bool,
    italic: bool,
    strike: bool,
}

fn line(spans: &[Span], within: Within) -> Line {
    let mut out = Line::default();
    for span in spans {
        self::span(span, within, &mut out);
    }
    out
}

fn span(span: &Span, within: Within, out: &mut Line) {
    match span {
        Span::Bold(inner) => marked('*', inner, within.bold, Within { bold: true, ..within }, within, out),
        Span::Italic(inner) => marked('_', inner, within.italic, Within { italic: true, ..within }, within, out),
        Span::Strike(inner) => marked('~', inner, within.strike, Within { strike: true, ..within }, within, out),
        // WhatsApp knows neither.
        Span::Underline(inner) | Span::Spoiler(inner) => inner.iter().for_each(|inner| self::span(inner, within, out)),
        Span::Code(text) => code(text, out),
        Span::Text(text) => out.text(text),
        Span::Link(url, label) => link(url, label, within, out),
        // Nobody is called by a text alone: whom a message mentions is said beside it, which the addon cannot do.
        Span::Mention(Mention::User(Person { name, .. }) | Mention::Everybody(name)) => out.text(&format!("@{name}")),
        Span::Mention(Mention::Room(name)) => out.text(&format!("#{name}")),
        Span::Emoji(name) => match emoji::unicode(name) {
            Some(emoji) => out.text(emoji),
            None => out.text(&format!(":{name}:")),
        },
    }
}

fn code(text: &str, out: &mut Line) {
    let marks = if text.contains('`') { "```" } else { "`" };
    if text.trim().is_empty() || text.contains(['\n', '\r']) || text.contains("``") || (marks.len() > 1 && edged(text))
    {
        out.text(text);
    } else {
        out.code(marks, text);
    }
}

fn edged(text: &str) -> bool {
    text.starts_with('`') || text.ends_with('`')
}

/// Spans between a pair of marks, where they would be found again; else the spans alone.
fn marked(mark: char, inner: &[Span], open: bool, inside: Within, outside: Within, out: &mut Line) {
    let words = Markup { blocks: vec![Block::Line(inner.to_vec())] }.to_plain();
    // A mark in the text would close it, and an address would take the closing mark for a part of it.
    if open || words.trim().is_empty() || words.contains([mark, '\n', '\r']) || words.contains("://") {
        for inner in inner {
            span(inner, outside, out);
        }
        return;
    }
    let (before, inner, after) = trimmed(inner);
    out.text(&before);
    out.open(mark);
    out.append(line(&inner, inside));
    out.close(mark);
    out.text(&after);
}

/// Spans without the blanks at their edges, which no mark may touch, and those blanks.
fn trimmed(spans: &[Span]) -> (String, Vec<Span>, String) {
    let mut spans = spans.to_vec();
    let (mut before, mut after) = (String::new(), String::new());
    while let Some(Span::Text(text)) = spans.first() {
        let rest = text.trim_start().to_owned();
        before.push_str(&text[..text.len() - rest.len()]);
        if !rest.is_empty() {
            spans[0] = Span::Text(rest);
            break;
        }
        spans.remove(0);
    }
    while let Some(Span::Text(text)) = spans.last() {
        let rest = text.trim_end().to_owned();
        after.insert_str(0, &text[rest.len()..]);
        spans.pop();
        if !rest.is_empty() {
            spans.push(Span::Text(rest));
            break;
        }
    }
    (before, spans, after)
}

/// There are no links with a text of their own: the address stands behind it.
fn link(url: &str, label: &[Span], within: Within, out: &mut Line) {
    let words = Markup { blocks: vec![Block::Line(label.to_vec())] }.to_plain();
    if words.trim().is_empty() || words.trim() == url {
        out.text(url);
        return;
    }
    for span in label {
        self::span(span, within, out);
    }
    out.text(&format!(" ({url})"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::parse::parse;

    fn t(text: &str) -> Span {
        Span::Text(text.into())
    }

    fn shown(spans: Vec<Span>) -> String {
        render(&Markup { blocks: vec![Block::Line(spans)] })
    }

    #[test]
    fn marks_are_whatsapps() {
        assert_eq!(shown(vec![Span::Bold(vec![t("a")]), t(" "), Span::Strike(vec![t("b")])]), "*a* ~b~");
        assert_eq!(shown(vec![t("a"), Span::Italic(vec![t("b")]), t("c")]), "a\u{200b}_b_\u{200b}c");
        assert_eq!(shown(vec![Span::Bold(vec![t(" a ")]), t("b")]), " *a* b");
        assert_eq!(shown(vec![Span::Underline(vec![t("u")]), Span::Spoiler(vec![t("s")])]), "us");
        assert_eq!(shown(vec![Span::Code("a".into()), Span::Code("b`c".into())]), "`a`\u{200b}```b`c```");
        assert_eq!(shown(vec![Span::Link("https://x.org".into(), vec![t("here")])]), "here (https://x.org)");
        assert_eq!(shown(vec![Span::Link("https://x.org".into(), vec![t("https://x.org")])]), "https://x.org");
        assert_eq!(shown(vec![Span::Mention(Mention::Everybody("all".into()))]), "@\u{200b}all");
        let known = Person { account: Some("491700000002".into()), ..Person::from("Ann") };
        assert_eq!(shown(vec![Span::Mention(Mention::User(known)), t(" "), Span::Emoji("cat7".into())]), "@Ann :cat7:");
        assert_eq!(shown(vec![Span::Emoji("slight_smile".into()), Span::Emoji("thumbsup_tone3".into())]), "🙂👍🏽");
    }

    #[test]
    fn emphasis_that_would_end_too_early_is_dropped() {
        assert_eq!(shown(vec![Span::Bold(vec![t("2*3")])]), "2*3");
        assert_eq!(shown(vec![Span::Bold(vec![t("https://x.org")])]), "https://x.org");
        let nested = vec![Span::Bold(vec![t("a "), Span::Bold(vec![t("b")])])];
        assert_eq!(shown(nested), "*a b*");
    }

    #[test]
    fn marks_in_texts_do_not_meet_ours() {
        let mixed = shown(vec![t("*x "), Span::Bold(vec![t("_y_")]), t(" z*")]);
        assert_eq!(mixed, "*\u{200a}x *_\u{200a}y_* z*");
        let Block::Line(spans) = parse(&mixed).blocks.remove(0) else { panic!("a line") };
        assert_eq!(spans.len(), 3, "{spans:?}");
        assert_eq!(spans[1], Span::Bold(vec![t("_\u{200a}y_")]));
    }

    #[test]
    fn blocks_are_lines() {
        let markup = Markup {
            blocks: vec![
                Block::Heading(2, vec![t("h")]),
                Block::Quote(vec![t("q")]),
                Block::Item("-".into(), vec![t("i")]),
                Block::Item("3.".into(), vec![t("n")]),
                Block::Code(Some("rust".into()), "let a = 1;\n```".into()),
                Block::Line(vec![t("- no list")]),
                Block::Line(vec![t("1. "), Span::Bold(vec![t("no list")])]),
            ],
        };
        assert_eq!(
            render(&markup),
            "*h*\n> q\n- i\n3. n\n```\nlet a = 1;\n``\u{200b}`\n```\n\u{200b}- no list\n\u{200b}1. *no list*"
        );
    }
}
