//! From Rocket.Chat's markup to the tree.
//!
//! Every character is looked at a bounded number of times, whatever somebody types: a mark is matched with the first one
//! that can close it, and what stands between is read once for each kind of mark.

use tieline_core::markup::{Block, Markup, Mention, Person, Span};

use crate::closing::{closing, code_at};
use crate::dialect::{in_name, short_code, url_length};
use crate::next::Next;

/// Reads a text.
pub(crate) fn parse(text: &str) -> Markup {
    let text = without_quote_links(text);
    if text.is_empty() {
        return Markup::default();
    }
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    // Whether a closing fence was looked for in vain; then there is none further down either.
    let mut unclosed = false;
    while let Some(line) = lines.get(at) {
        at += 1;
        if !unclosed && let Some(language) = fence(line) {
            if let Some(length) = lines[at..].iter().position(|line| line.trim_end() == "```") {
                let language = (!language.is_empty()).then(|| language.to_owned());
                blocks.push(Block::Code(language, lines[at..at + length].join("\n")));
                at += length + 1;
                continue;
            }
            unclosed = true;
        }
        blocks.push(self::line(line));
    }
    Markup { blocks }
}

/// A quoting message begins with a hidden link to the quoted one, `[ ](…?msg=id)`.
fn without_quote_links(text: &str) -> &str {
    let mut rest = text;
    while let Some(link) = rest.strip_prefix("[ ](") {
        let Some((url, after)) = link.split_once(')').filter(|(url, _)| url.contains("msg=") && !url.contains('\n'))
        else {
            break;
        };
        let _: &str = url;
        rest = after.trim_start_matches([' ', '\n']);
    }
    rest
}

fn fence(line: &str) -> Option<&str> {
    let language = line.strip_prefix("```")?.trim_end();
    language.chars().all(|c| c.is_alphanumeric() || "+-#_".contains(c)).then_some(language)
}

fn line(line: &str) -> Block {
    if let Some(quoted) = line.strip_prefix('>') {
        return Block::Quote(spans(quoted.strip_prefix(' ').unwrap_or(quoted)));
    }
    let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=4).contains(&hashes) && line[hashes..].starts_with(' ') {
        return Block::Heading(hashes as u8, spans(line[hashes..].trim_start_matches(' ')));
    }
    if let Some(item) = line.strip_prefix("- ") {
        return Block::Item("-".to_owned(), spans(item));
    }
    // `* a` is an item, `* a * b` emphasis.
    if let Some(item) = line.strip_prefix("* ").filter(|item| !item.contains('*')) {
        return Block::Item("-".to_owned(), spans(item));
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if (1..10).contains(&digits) && line[digits..].starts_with(". ") {
        return Block::Item(line[..=digits].to_owned(), spans(&line[digits + 2..]));
    }
    Block::Line(spans(line))
}

/// Reads a line.
fn spans(text: &str) -> Vec<Span> {
    let mut out = Vec::new();
    Reader::new(text, [false; 4]).read(&mut out);
    out
}

/// The marks, longest first; the third is the kind, of which only one is open at a time.
const MARKS: [(&str, usize); 7] = [("**", 0), ("*", 0), ("__", 1), ("_", 1), ("~~", 2), ("~", 2), ("||", 3)];

/// Whether [`Reader::span`] knows something that begins so. Most of a text does not.
fn is_beginning(byte: u8) -> bool {
    matches!(byte, b'\\' | b'`' | b'h' | b'*' | b'_' | b'~' | b'|' | b'[' | b'!' | b'<' | b'@' | b'#' | b':')
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    plain: String,
    open: [bool; 4],
    /// Marks for which no closing one was found; there is none further on either.
    hopeless: [bool; 7],
    /// Where the address of a link can end.
    address_end: Next,
    /// Where a link in angle brackets can end.
    angle_end: Next,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, open: [bool; 4]) -> Self {
        let (address_end, angle_end) = (Next::default(), Next::default());
        Self { text, at: 0, plain: String::new(), open, hopeless: [false; 7], address_end, angle_end }
    }

    fn read(mut self, out: &mut Vec<Span>) {
        while let Some(c) = self.text[self.at..].chars().next() {
            let words = self.text.as_bytes()[self.at..].iter().take_while(|byte| !is_beginning(**byte)).count();
            if words > 0 {
                self.plain.push_str(&self.text[self.at..self.at + words]);
                self.at += words;
            } else if let Some((span, length)) = self.span(c) {
                if let Span::Text(text) = span {
                    self.plain.push_str(&text);
                } else {
                    self.flush(out);
                    out.push(span);
                }
                self.at += length;
            } else {
                self.plain.push(c);
                self.at += c.len_utf8();
            }
        }
        self.flush(out);
    }

    fn flush(&mut self, out: &mut Vec<Span>) {
        if !self.plain.is_empty() {
            out.push(Span::Text(std::mem::take(&mut self.plain)));
        }
    }

    /// The span that begins here, and how many bytes it takes.
    fn span(&mut self, c: char) -> Option<(Span, usize)> {
        let rest = &self.text[self.at..];
        let before = self.text[..self.at].chars().next_back();
        let word = before.is_some_and(char::is_alphanumeric);
        match c {
            '\\' => {
                let next = rest[1..].chars().next().filter(|c| "*_~`#".contains(*c))?;
                Some((Span::Text(next.to_string()), 2))
            }
            '`' => {
                let code = code_at(rest)?;
                Some((Span::Code(code.to_owned()), code.len() + 2))
            }
            'h' if !word => {
                let length = url_length(rest);
                (length > 0).then(|| (Span::Text(rest[..length].to_owned()), length))
            }
            '*' | '_' | '~' | '|' => self.marked(c, before),
            '[' => self.link(0),
            '!' if rest[1..].starts_with('[') => self.link(1),
            '<' => {
                // No address goes past the next bracket, so what is no link is left soon.
                let url = &rest[1..=url_length(&rest[1..])];
                let label = self.at + 1 + url.len() + 1;
                if url.is_empty() || !rest[1 + url.len()..].starts_with('|') {
                    return None;
                }
                let label = &self.text[label..self.angle_end.at(self.text, label, &['>'])?];
                (!label.is_empty())
                    .then(|| (Span::Link(url.to_owned(), self.inner(label)), url.len() + label.len() + 3))
            }
            '@' | '#' if !word => {
                let length = rest[1..].find(|c: char| !in_name(c)).unwrap_or(rest.len() - 1);
                let name = rest[1..=length].trim_end_matches(['.', '-']);
                if name.is_empty() || rest[1 + name.len()..].starts_with('@') {
                    return None;
                }
                let mention = match (c, name) {
                    ('@', "all" | "here") => Mention::Everybody(name.to_owned()),
                    ('@', _) => Mention::User(Person::with_id(name, name)),
                    _ => Mention::Room(name.to_owned()),
                };
                Some((Span::Mention(mention), name.len() + 1))
            }
            ':' if !word => {
                let name = short_code(rest)?;
                let after = rest[name.len() + 2..].chars().next();
                let digits = name.bytes().all(|byte| byte.is_ascii_digit());
                (!after.is_some_and(char::is_alphanumeric) && (!digits || name == "100" || name == "1234"))
                    .then(|| (Span::Emoji(name.to_owned()), name.len() + 2))
            }
            _ => None,
        }
    }

    fn inner(&self, text: &str) -> Vec<Span> {
        let mut out = Vec::new();
        Reader::new(text, self.open).read(&mut out);
        out
    }

    fn marked(&mut self, c: char, before: Option<char>) -> Option<(Span, usize)> {
        let rest = &self.text[self.at..];
        let run = rest.chars().take(3).take_while(|next| *next == c).count();
        // `***x***` is a star and a bold x.
        if run > 2 {
            return None;
        }
        for (index, (mark, kind)) in MARKS.iter().enumerate() {
            if !rest.starts_with(mark) || mark.len() > run || self.open[*kind] || self.hopeless[index] {
                continue;
            }
            if c == '_' && before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let content = &rest[mark.len()..];
            let Some(length) = closing(content, mark) else {
                self.hopeless[index] = true;
                continue;
            };
            if content[..length].trim().is_empty() {
                continue;
            }
            self.open[*kind] = true;
            let inner = self.inner(&content[..length]);
            self.open[*kind] = false;
            let span = match kind {
                0 => Span::Bold(inner),
                1 => Span::Italic(inner),
                2 => Span::Strike(inner),
                _ => Span::Spoiler(inner),
            };
            return Some((span, length + 2 * mark.len()));
        }
        None
    }

    /// `[text](address)`; `skipped` counts what stood before the bracket.
    fn link(&mut self, skipped: usize) -> Option<(Span, usize)> {
        let label = self.at + skipped + 1;
        let rest = &self.text[label..];
        // A label has no bracket in it, so nothing is looked through that the next one looks through again.
        let (label, _) = rest[..rest.find('[').unwrap_or(rest.len())].split_once("](")?;
        let url = self.at + skipped + label.len() + 3;
        let end = self.address_end.at(self.text, url, &[')', ' '])?;
        let url = &self.text[url..end];
        if url.is_empty() || !self.text[end..].starts_with(')') {
            return None;
        }
        let inner = if label.trim().is_empty() { vec![Span::Text(url.to_owned())] } else { self.inner(label) };
        Some((Span::Link(url.to_owned(), inner), skipped + label.len() + url.len() + 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::APART;
    use proptest::prelude::*;

    fn t(text: &str) -> Span {
        Span::Text(text.into())
    }

    #[test]
    fn the_observed_rules_hold() {
        assert_eq!(spans("a_b_c"), [t("a_b_c")]);
        assert_eq!(spans("a*b*c"), [t("a"), Span::Bold(vec![t("b")]), t("c")]);
        assert_eq!(spans("2 * 3 * 4"), [t("2 "), Span::Bold(vec![t(" 3 ")]), t(" 4")]);
        assert_eq!(spans("***x***"), [t("*"), Span::Bold(vec![t("x")]), t("*")]);
        assert_eq!(spans("\\*a\\* \\@ \\["), [t("*a* \\@ \\[")]);
        assert_eq!(
            spans("__i__ **b** ~~s~~"),
            [Span::Italic(vec![t("i")]), t(" "), Span::Bold(vec![t("b")]), t(" "), Span::Strike(vec![t("s")]),]
        );
        assert_eq!(spans("*open"), [t("*open")]);
        assert_eq!(
            spans("<https://x.org|y> [t](https://x.org)"),
            [
                Span::Link("https://x.org".into(), vec![t("y")]),
                t(" "),
                Span::Link("https://x.org".into(), vec![t("t")]),
            ]
        );
        assert_eq!(spans("https://x.org/a_b_c/@all"), [t("https://x.org/a_b_c/@all")]);
        assert_eq!(
            spans("@all @bob. #dev a@b.c"),
            [
                Span::Mention(Mention::Everybody("all".into())),
                t(" "),
                Span::Mention(Mention::User(Person::with_id("bob", "bob"))),
                t(". "),
                Span::Mention(Mention::Room("dev".into())),
                t(" a@b.c"),
            ]
        );
        assert_eq!(
            spans("`*a*` ||s|| :+1: 12:30:45"),
            [
                Span::Code("*a*".into()),
                t(" "),
                Span::Spoiler(vec![t("s")]),
                t(" "),
                Span::Emoji("+1".into()),
                t(" 12:30:45"),
            ]
        );
    }

    #[test]
    fn blocks_are_told_apart() {
        let markup = parse("[ ](https://c/channel/x?msg=abc) # h\n> q\n- i\n2. n\n```rust\nlet\n```\n```x```\n#no");
        assert_eq!(markup.blocks[0], Block::Heading(1, vec![t("h")]));
        assert_eq!(markup.blocks[1], Block::Quote(vec![t("q")]));
        assert_eq!(markup.blocks[2], Block::Item("-".into(), vec![t("i")]));
        assert_eq!(markup.blocks[3], Block::Item("2.".into(), vec![t("n")]));
        assert_eq!(markup.blocks[4], Block::Code(Some("rust".into()), "let".into()));
        assert!(matches!(&markup.blocks[5], Block::Line(_)));
        assert!(matches!(&markup.blocks[6], Block::Line(_)));
        assert_eq!(parse("```\nnever closed").to_plain(), "```\nnever closed");
    }

    #[test]
    fn hostile_marks_cost_no_time() {
        let hostile = "*_~||[<`@:".repeat(2_000);
        assert!(!parse(&hostile).blocks.is_empty());
        // Each of these would take minutes if what stands behind a mark were looked through for every mark.
        for mark in
            ["![a](", "[a](", "[", "[a]", "<", "<http://a|", "<http://a", "*", "_", "`", "**a", ":a", "@a", "\\"]
        {
            for end in ["", " ", ")", ">", "](", "|>"] {
                let hostile = format!("{}{end}", mark.repeat(60_000 / mark.len()));
                let read = parse(&hostile).to_plain();
                assert!(!read.is_empty(), "{mark}");
            }
        }
    }

    fn seen(text: &str) -> String {
        text.replace(APART, "")
    }

    fn word() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9 éß.,!?-]{1,8}".prop_filter("not blank", |s| !s.trim().is_empty())
    }

    proptest! {
        #[test]
        fn plain_text_is_shown_as_it_is(text in "[-a-c1. >#*_~`|\\\\\\[\\]()<@:/\n]{0,40}") {
            let markup = parse(&crate::escape::text(&text));
            prop_assert_eq!(seen(&markup.to_plain()), seen(&text));
            let plain = markup.blocks.iter().all(|block| match block {
                Block::Line(spans) => spans.iter().all(|span| matches!(span, Span::Text(_))),
                _ => false,
            });
            prop_assert!(plain, "{:?}", markup);
        }

        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            let _markup = parse(&text);
        }

        #[test]
        fn what_is_rendered_reads_back(words in proptest::collection::vec((0u8..7, word()), 1..6)) {
            let spans: Vec<Span> = words.iter().flat_map(|(kind, word)| {
                let inner = vec![Span::Text(word.trim().to_owned())];
                let span = match kind {
                    0 => Span::Bold(inner),
                    1 => Span::Italic(inner),
                    2 => Span::Strike(inner),
                    3 => Span::Code(word.trim().to_owned()),
                    4 => Span::Link("https://example.com/a_b".to_owned(), inner),
                    5 => Span::Emoji("smile".to_owned()),
                    _ => Span::Bold(vec![Span::Italic(inner)]),
                };
                [span, Span::Text(" x ".to_owned())]
            }).collect();
            let markup = Markup { blocks: vec![Block::Line(spans.clone())] };
            let again = parse(&crate::render::render(&markup));
            let mut again = again.blocks;
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
                Span::Bold(inner) | Span::Italic(inner) | Span::Strike(inner) | Span::Link(_, inner) => strip(inner),
                _ => {}
            }
        }
    }
}
