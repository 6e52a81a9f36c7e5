//! From WhatsApp's markup to the tree.
//!
//! Every character is looked at a bounded number of times, whatever somebody types: for each mark it is known where it
//! last closes in a line, and what stands between two marks is read once for each kind of mark.

use tieline_core::markup::{Block, Markup, Span};

use crate::markup::marks::{MARKS, Start, closes, opens, start, url_length};

const FENCE: &str = "```";

/// Reads a text.
pub(crate) fn parse(text: &str) -> Markup {
    if text.is_empty() {
        return Markup::default();
    }
    let text = text.replace("\r\n", "\n");
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    // Blocks of code are the only thing that goes over several lines.
    while let Some((before, code, after)) = block_of_code(rest) {
        lines(before, &mut blocks);
        blocks.push(Block::Code(None, code.to_owned()));
        let Some(after) = after else { return Markup { blocks } };
        rest = after;
    }
    let tail: Vec<&str> = rest.split('\n').collect();
    blocks.extend(tail.into_iter().map(line));
    Markup { blocks }
}

/// Lines that end before a block of code.
fn lines(text: &str, blocks: &mut Vec<Block>) {
    if !text.is_empty() {
        blocks.extend(text.strip_suffix('\n').unwrap_or(text).split('\n').map(line));
    }
}

/// The first block of code that has several lines: what stands before it, what is in it, what stands after it. One within
/// a line is a piece of that line.
fn block_of_code(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let mut at = 0;
    loop {
        let open = at + text[at..].find(FENCE)?;
        let inside = &text[open + FENCE.len()..];
        let length = inside.find(FENCE)?;
        let code = &inside[..length];
        if code.contains('\n') && !code.trim().is_empty() {
            let after = &inside[length + FENCE.len()..];
            let code = code.strip_prefix('\n').unwrap_or(code);
            let code = code.strip_suffix('\n').unwrap_or(code);
            return Some((&text[..open], code, (!after.is_empty()).then(|| after.strip_prefix('\n').unwrap_or(after))));
        }
        at = open + FENCE.len() + length + FENCE.len();
    }
}

fn line(line: &str) -> Block {
    match start(line) {
        Some((Start::Quote, text)) => Block::Quote(spans(&line[text..])),
        Some((Start::Item, text)) => Block::Item("-".to_owned(), spans(&line[text..])),
        Some((Start::Number(digits), text)) => Block::Item(line[..=digits].to_owned(), spans(&line[text..])),
        None => Block::Line(spans(line)),
    }
}

/// Reads a line.
pub(super) fn spans(text: &str) -> Vec<Span> {
    let mut out = Vec::new();
    Reader { text, at: 0, plain: String::new(), open: [false; MARKS.len()], hopeless: [false; MARKS.len()] }
        .read(&mut out);
    out
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    plain: String,
    /// Marks that are open around this text; each works only once.
    open: [bool; MARKS.len()],
    /// Marks for which no closing one was found; there is none further on either.
    hopeless: [bool; MARKS.len()],
}

impl Reader<'_> {
    fn read(mut self, out: &mut Vec<Span>) {
        while let Some(c) = self.text[self.at..].chars().next() {
            let rest = &self.text[self.at..];
            let before = self.text[..self.at].chars().next_back();
            let url = if before.is_some_and(char::is_alphanumeric) { 0 } else { url_length(rest) };
            if url > 0 {
                self.plain.push_str(&rest[..url]);
                self.at += url;
            } else if let Some((span, length)) = self.span(c, before) {
                if !self.plain.is_empty() {
                    out.push(Span::Text(std::mem::take(&mut self.plain)));
                }
                out.push(span);
                self.at += length;
            } else {
                self.plain.push(c);
                self.at += c.len_utf8();
            }
        }
        if !self.plain.is_empty() {
            out.push(Span::Text(self.plain));
        }
    }

    /// The span that begins here, and how many bytes it takes.
    fn span(&mut self, c: char, before: Option<char>) -> Option<(Span, usize)> {
        let rest = &self.text[self.at..];
        if c == '`' {
            let (code, length) = code_at(rest)?;
            return Some((Span::Code(code.to_owned()), length));
        }
        let kind = MARKS.iter().position(|mark| *mark == c)?;
        let content = &rest[1..];
        if self.open[kind] || self.hopeless[kind] || !opens(before, content.chars().next()) {
            return None;
        }
        let Some(length) = closing(content, c) else {
            self.hopeless[kind] = true;
            return None;
        };
        let mut open = self.open;
        open[kind] = true;
        let mut inner = Vec::new();
        let text = &content[..length];
        Reader { text, at: 0, plain: String::new(), open, hopeless: [false; MARKS.len()] }.read(&mut inner);
        let span = match c {
            '*' => Span::Bold(inner),
            '_' => Span::Italic(inner),
            _ => Span::Strike(inner),
        };
        Some((span, length + 2))
    }
}

/// The code within a line that begins here, and how many bytes it takes with its marks.
fn code_at(text: &str) -> Option<(&str, usize)> {
    if let Some(inside) = text.strip_prefix(FENCE)
        && let Some(length) = inside.find(FENCE).filter(|length| !inside[..*length].trim().is_empty())
    {
        return Some((&inside[..length], length + 2 * FENCE.len()));
    }
    let inside = text.strip_prefix('`')?;
    let length = inside.find('`').filter(|length| !inside[..*length].trim().is_empty())?;
    Some((&inside[..length], length + 2))
}

/// Where the first mark stands that closes what begins here.
fn closing(text: &str, mark: char) -> Option<usize> {
    let mut at = 0;
    let mut before = None;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let url = if before.is_some_and(char::is_alphanumeric) { 0 } else { url_length(rest) };
        let length = match code_at(rest) {
            _ if url > 0 => url,
            Some((_, length)) => length,
            None if c == mark && at > 0 && closes(before, rest[1..].chars().next()) => return Some(at),
            None => c.len_utf8(),
        };
        before = text[at..at + length].chars().next_back();
        at += length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::escape;
    use crate::markup::marks::{APART, THIN};
    use crate::markup::render::render;
    use proptest::prelude::*;

    fn t(text: &str) -> Span {
        Span::Text(text.into())
    }

    #[test]
    fn marks_count_at_the_edges_of_words() {
        let bold = |text: &str| Span::Bold(vec![t(text)]);
        assert_eq!(
            spans("*b* _i_ ~s~"),
            [bold("b"), t(" "), Span::Italic(vec![t("i")]), t(" "), Span::Strike(vec![t("s")])]
        );
        assert_eq!(spans("(*b*), *c*!"), [t("("), bold("b"), t("), "), bold("c"), t("!")]);
        for plain in ["a*b*c", "snake_case_name", "2 * 3 * 4", "* a *", "*open", "a*", "**", "* *", "`", "``"] {
            assert_eq!(spans(plain), [t(plain)], "{plain}");
        }
        assert_eq!(spans("*_x_*"), [Span::Bold(vec![Span::Italic(vec![t("x")])])]);
        assert_eq!(spans("*2*3*"), [bold("2*3")]);
        assert_eq!(spans("`*a*` ```b``` "), [Span::Code("*a*".into()), t(" "), Span::Code("b".into()), t(" ")]);
        assert_eq!(spans("https://x.org/_a_/*b* *c*"), [t("https://x.org/_a_/*b* "), bold("c")]);
    }

    #[test]
    fn lines_and_blocks_are_told_apart() {
        let markup = parse("a\n> q\n>r\n- i\n* j\n2. n\n\n```\nlet a;\n\nx\n```\nend ```x\ny``` z");
        let item = |marker: &str, text: &str| Block::Item(marker.into(), vec![t(text)]);
        assert_eq!(
            markup.blocks,
            [
                Block::Line(vec![t("a")]),
                Block::Quote(vec![t("q")]),
                Block::Quote(vec![t("r")]),
                item("-", "i"),
                item("-", "j"),
                item("2.", "n"),
                Block::Line(vec![]),
                Block::Code(None, "let a;\n\nx".into()),
                Block::Line(vec![t("end ")]),
                Block::Code(None, "x\ny".into()),
                Block::Line(vec![t(" z")]),
            ]
        );
        assert_eq!(parse("```\nnever closed").to_plain(), "```\nnever closed");
        assert_eq!(parse("one ```x``` line\n").blocks.len(), 2);
    }

    #[test]
    fn hostile_marks_cost_no_time() {
        for hostile in [
            "*_~`>- ".repeat(4_000),
            "*a _b ~c ".repeat(4_000),
            "```x\n".repeat(4_000),
            "`` ".repeat(9_000),
            "http://*_~ ".repeat(4_000),
            "h".repeat(40_000),
        ] {
            assert!(!parse(&hostile).blocks.is_empty());
            assert!(!escape::text(&hostile).is_empty());
        }
    }

    /// What a person sees, without what keeps apart.
    fn seen(text: &str) -> String {
        text.replace([APART, THIN], "").replace('\u{2cb}', "`")
    }

    fn word() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9 éß.,!?-]{1,8}".prop_filter("not blank", |s| !s.trim().is_empty())
    }

    proptest! {
        #[test]
        fn plain_text_is_never_markup(text in "[-a-c1. >*_~`@:/\n]{0,40}|(https://[a-c_*~/]{1,8}| |_|\\*){0,6}") {
            let written = escape::text(&text);
            let markup = parse(&written);
            let plain = markup.blocks.iter().all(|block| match block {
                Block::Line(spans) => spans.iter().all(|span| matches!(span, Span::Text(_))),
                _ => false,
            });
            prop_assert!(plain || text.is_empty(), "{:?} {:?}", written, markup);
            let without_codes = |text: &str| seen(text).replace("%5F", "_").replace("%2A", "*").replace("%7E", "~");
            prop_assert_eq!(without_codes(&markup.to_plain()), without_codes(&text));
        }

        #[test]
        fn any_text_is_read(text in "\\PC{0,200}|[*_~`\n ->a]{0,200}") {
            prop_assert_eq!(parse(&text).blocks.is_empty(), text.is_empty());
        }

        #[test]
        fn what_is_rendered_reads_back(words in proptest::collection::vec((0u8..6, word()), 1..6)) {
            let spans: Vec<Span> = words.iter().flat_map(|(kind, word)| {
                let inner = vec![Span::Text(word.trim().to_owned())];
                let span = match kind {
                    0 => Span::Bold(inner),
                    1 => Span::Italic(inner),
                    2 => Span::Strike(inner),
                    3 => Span::Code(word.trim().to_owned()),
                    4 => Span::Italic(vec![Span::Strike(inner)]),
                    _ => Span::Bold(vec![Span::Italic(inner)]),
                };
                [span, Span::Text("x".to_owned())]
            }).collect();
            let markup = Markup { blocks: vec![Block::Line(spans.clone())] };
            let mut again = parse(&render(&markup)).blocks;
            for block in &mut again {
                if let Block::Line(spans) = block {
                    strip(spans);
                }
            }
            prop_assert_eq!(again, vec![Block::Line(spans)]);
        }
    }

    fn strip(spans: &mut [Span]) {
        for span in spans {
            match span {
                Span::Text(text) => *text = seen(text),
                Span::Bold(inner) | Span::Italic(inner) | Span::Strike(inner) => strip(inner),
                _ => {}
            }
        }
    }
}
