//! From Discord's markup to the tree.
//!
//! Emphasis may span several lines here, and the tree has it in each of them. Every character is looked at a bounded
//! number of times, whatever somebody types: for each mark it is known when it closes nowhere any more, and what stands
//! between two marks is read once for each kind of mark.

use tieline_core::markup::{Block, Markup, Mention, Span};

use super::marks::{Closing, Kind, MARKS, Start, closing, code_at, start, url_length};
use super::{Names, angle};

const FENCE: &str = "```";
/// The longest address of a link, in bytes.
const LONGEST_URL: usize = 2048;

/// Reads a text; `names` says what the ids in it stand for.
pub(crate) fn parse_with(text: &str, names: &dyn Names) -> Markup {
    if text.is_empty() {
        return Markup::default();
    }
    let text = text.replace("\r\n", "\n");
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    while let Some(code) = block_of_code(rest) {
        let before = &rest[..code.begins];
        if !before.is_empty() {
            lines(before.strip_suffix('\n').unwrap_or(before), names, &mut blocks);
        }
        blocks.push(Block::Code(code.language, code.text));
        rest = &rest[code.ends..];
        if rest.is_empty() {
            return Markup { blocks };
        }
        rest = rest.strip_prefix('\n').unwrap_or(rest);
    }
    lines(rest, names, &mut blocks);
    Markup { blocks }
}

/// A block of code, and where it stands.
struct CodeBlock {
    begins: usize,
    ends: usize,
    language: Option<String>,
    text: String,
}

/// The first block of code. One that has a line for itself is a block even if it is on a single line; one within a line
/// is a piece of that line.
fn block_of_code(text: &str) -> Option<CodeBlock> {
    let mut at = 0;
    loop {
        let begins = at + text[at..].find(FENCE)?;
        let inside = begins + FENCE.len();
        let length = text[inside..].find(FENCE)?;
        let escaped = text[..begins].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        if escaped {
            at = begins + 1;
            continue;
        }
        let ends = inside + length + FENCE.len();
        let code = &text[inside..inside + length];
        let alone =
            (begins == 0 || text[..begins].ends_with('\n')) && (ends == text.len() || text[ends..].starts_with('\n'));
        if !code.trim().is_empty() && (alone || code.contains('\n')) {
            let (language, code) = match code.split_once('\n') {
                Some((first, code)) if is_language(first) => (Some(first.to_owned()), code),
                Some(("", code)) => (None, code),
                _ => (None, code),
            };
            let text = code.trim_end_matches('\n').to_owned();
            return Some(CodeBlock { begins, ends, language, text });
        }
        at = ends;
    }
}

fn is_language(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_+-.#".contains(c))
}

/// Reads lines without blocks of code.
fn lines(text: &str, names: &dyn Names, blocks: &mut Vec<Block>) {
    // Lines that are nothing special are read together.
    let mut plain: Vec<&str> = Vec::new();
    let mut quoted = false;
    for line in text.split('\n') {
        let begun =
            start(line).filter(|(begun, at)| !quoted && (*begun == Start::Quote || !line[*at..].trim().is_empty()));
        if quoted {
            blocks.push(Block::Quote(single(line, names)));
            continue;
        }
        let Some((begun, at)) = begun else {
            plain.push(line);
            continue;
        };
        read_plain(&mut plain, names, blocks);
        let spans = single(&line[at..], names);
        blocks.push(match begun {
            Start::Quote => Block::Quote(spans),
            Start::QuoteRest => {
                quoted = true;
                Block::Quote(spans)
            }
            Start::Heading(level) => Block::Heading(level, spans),
            Start::Small => Block::Line(spans),
            Start::Item => Block::Item("-".to_owned(), spans),
            Start::Number(from, digits) => Block::Item(line[from..=from + digits].to_owned(), spans),
        });
    }
    read_plain(&mut plain, names, blocks);
}

fn read_plain(plain: &mut Vec<&str>, names: &dyn Names, blocks: &mut Vec<Block>) {
    if !plain.is_empty() {
        blocks.extend(by_line(spans(&plain.join("\n"), names)).into_iter().map(Block::Line));
        plain.clear();
    }
}

/// Reads one line.
fn single(line: &str, names: &dyn Names) -> Vec<Span> {
    spans(line, names)
}

fn spans(text: &str, names: &dyn Names) -> Vec<Span> {
    let mut out = Vec::new();
    Reader::new(text, names, &[]).read(&mut out);
    out
}

/// Spans that go over several lines, line by line.
fn by_line(spans: Vec<Span>) -> Vec<Vec<Span>> {
    let mut lines = vec![Vec::new()];
    for span in spans {
        for (index, piece) in pieces(span).into_iter().enumerate() {
            if index > 0 {
                lines.push(Vec::new());
            }
            if let (Some(piece), Some(line)) = (piece, lines.last_mut()) {
                line.push(piece);
            }
        }
    }
    lines
}

/// What a span holds of each line that it goes over.
fn pieces(span: Span) -> Vec<Option<Span>> {
    if let Some(inner) = span.inner() {
        let lines = by_line(inner.to_vec());
        return lines.into_iter().map(|inner| (!inner.is_empty()).then(|| span.around(inner))).collect();
    }
    match span {
        Span::Text(text) if text.contains('\n') => {
            text.split('\n').map(|line| (!line.is_empty()).then(|| Span::Text(line.to_owned()))).collect()
        }
        Span::Code(text) => vec![Some(Span::Code(text.replace('\n', " ")))],
        leaf => vec![Some(leaf)],
    }
}

struct Reader<'t> {
    text: &'t str,
    names: &'t dyn Names,
    at: usize,
    plain: String,
    /// What is open around this text.
    open: Vec<Kind>,
    /// Marks that close nowhere any more.
    hopeless: [bool; MARKS.len()],
    /// Numbers of backticks that nothing closes any more.
    unclosed: Vec<usize>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, names: &'t dyn Names, open: &[Kind]) -> Self {
        let hopeless = [false; MARKS.len()];
        Self { text, names, at: 0, plain: String::new(), open: open.to_vec(), hopeless, unclosed: Vec::new() }
    }

    fn read(mut self, out: &mut Vec<Span>) {
        while let Some(c) = self.text[self.at..].chars().next() {
            match self.span(c) {
                Some((Span::Text(text), length)) => {
                    self.plain.push_str(&text);
                    self.at += length;
                }
                Some((span, length)) => {
                    self.flush(out);
                    out.push(span);
                    self.at += length;
                }
                None => {
                    self.plain.push(c);
                    self.at += c.len_utf8();
                }
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
                let next = rest[1..].chars().next().filter(|c| !c.is_ascii_alphanumeric() && !c.is_whitespace())?;
                Some((Span::Text(next.to_string()), 1 + next.len_utf8()))
            }
            '`' => self.code(),
            'h' if !word => {
                let length = url_length(rest);
                (length > 0).then(|| (Span::Text(rest[..length].to_owned()), length))
            }
            '*' | '_' | '~' | '|' => Some(self.marked(c, before)),
            '[' => self.link(),
            '<' => angle::read(rest, self.names),
            '@' => {
                let name = ["everyone", "here"].into_iter().find(|name| rest[1..].starts_with(name))?;
                Some((Span::Mention(Mention::Everybody(name.to_owned())), name.len() + 1))
            }
            _ => None,
        }
    }

    fn code(&mut self) -> Option<(Span, usize)> {
        let rest = &self.text[self.at..];
        let run = rest.bytes().take_while(|byte| *byte == b'`').count();
        let found = if self.unclosed.contains(&run) { None } else { code_at(rest) };
        if found.is_none() {
            self.unclosed.push(run);
            self.unclosed.dedup();
            return Some((Span::Text(rest[..run].to_owned()), run));
        }
        found.map(|(code, length)| (Span::Code(code.to_owned()), length))
    }

    fn marked(&mut self, c: char, before: Option<char>) -> (Span, usize) {
        let rest = &self.text[self.at..];
        let run = rest.chars().take_while(|next| *next == c).count();
        if run > 3 {
            return (Span::Text(rest[..run].to_owned()), run);
        }
        for (index, (mark, kind)) in MARKS.into_iter().enumerate() {
            // `***x***` is italic, and bold within.
            if !rest.starts_with(mark)
                || self.open.contains(&kind)
                || self.hopeless[index]
                || (run == 3 && mark == "**")
            {
                continue;
            }
            let content = &rest[mark.len()..];
            let within_word = mark == "_" && before.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if within_word || (mark == "*" && content.starts_with(char::is_whitespace)) {
                continue;
            }
            match closing(content, mark) {
                Closing::At(length) if !content[..length].trim().is_empty() => {
                    let inner = self.inner(&content[..length], Some(kind));
                    let span = match kind {
                        Kind::Bold => Span::Bold(inner),
                        Kind::Underline => Span::Underline(inner),
                        Kind::Strike => Span::Strike(inner),
                        Kind::Spoiler => Span::Spoiler(inner),
                        Kind::Italic => Span::Italic(inner),
                    };
                    return (span, length + 2 * mark.len());
                }
                Closing::Nowhere => self.hopeless[index] = true,
                Closing::At(_) | Closing::Broken => {}
            }
        }
        // Else the second of two would be looked at as if it stood alone.
        (Span::Text(rest[..run].to_owned()), run)
    }

    fn inner(&self, text: &str, kind: Option<Kind>) -> Vec<Span> {
        let mut out = Vec::new();
        let mut reader = Reader::new(text, self.names, &self.open);
        reader.open.extend(kind);
        reader.read(&mut out);
        out
    }

    /// `[text](address)`
    fn link(&mut self) -> Option<(Span, usize)> {
        let rest = &self.text[self.at + 1..];
        // A label has no bracket in it, so nothing is looked through that the next one looks through again.
        let (label, _) = rest[..rest.find('[').unwrap_or(rest.len())].split_once("](")?;
        let target = &rest[label.len() + 2..];
        if !target.strip_prefix('<').unwrap_or(target).starts_with("http") {
            return None;
        }
        let within = target.char_indices().take_while(|(at, _)| *at < LONGEST_URL);
        let (end, _) = { within }.find(|(_, c)| *c == ')' || c.is_whitespace())?;
        if !target[end..].starts_with(')') || label.trim().is_empty() {
            return None;
        }
        let written = &target[..end];
        let url = written.strip_prefix('<').and_then(|url| url.strip_suffix('>')).unwrap_or(written);
        if !["https://", "http://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme)) {
            return None;
        }
        Some((Span::Link(url.to_owned(), self.inner(label, None)), label.len() + written.len() + 4))
    }
}

#[cfg(test)]
mod tests {
    use super::super::marks::APART;
    use super::super::{DiscordDialect, NoNames};
    use super::*;
    use proptest::prelude::*;
    use tieline_core::markup::Dialect;

    const DIALECT: DiscordDialect = DiscordDialect { everyone: false };

    fn t(text: &str) -> Span {
        Span::Text(text.into())
    }

    fn read(text: &str) -> Vec<Span> {
        spans(text, &NoNames)
    }

    #[test]
    fn marks_are_discords() {
        let bold = |text: &str| Span::Bold(vec![t(text)]);
        let italic = |text: &str| Span::Italic(vec![t(text)]);
        assert_eq!(read("**b** *i* _j_"), [bold("b"), t(" "), italic("i"), t(" "), italic("j")]);
        assert_eq!(
            read("__u__ ~~s~~ ||p||"),
            [Span::Underline(vec![t("u")]), t(" "), Span::Strike(vec![t("s")]), t(" "), Span::Spoiler(vec![t("p")])]
        );
        assert_eq!(read("a*b*c"), [t("a"), italic("b"), t("c")]);
        assert_eq!(read("***x***"), [Span::Italic(vec![bold("x")])]);
        assert_eq!(read("*a **b** c*"), [Span::Italic(vec![t("a "), bold("b"), t(" c")])]);
        for plain in ["a_b_c", "snake_case_name", "2 * 3 * 4", "* a *", "*open", "**", "****", "__", "|x|", "~x~", "`"]
        {
            assert_eq!(read(plain), [t(plain)], "{plain}");
        }
        assert_eq!(read("\\*a\\* \\_ ¯\\\\\\_(ツ)_/¯"), [t("*a* _ ¯\\_(ツ)_/¯")]);
        assert_eq!(read("**a\\*\\*b**"), [bold("a**b")]);
        assert_eq!(
            read("`*a*` ``b`c`` `\\`"),
            [Span::Code("*a*".into()), t(" "), Span::Code("b`c".into()), t(" "), Span::Code("\\".into())]
        );
        assert_eq!(
            read("[t **b**](https://x.org/a_b) [x](javascript:a) [y](<https://y.org>)"),
            [
                Span::Link("https://x.org/a_b".into(), vec![t("t "), bold("b")]),
                t(" [x](javascript:a) "),
                Span::Link("https://y.org".into(), vec![t("y")]),
            ]
        );
        assert_eq!(read("https://x.org/_a_*b*, *c*"), [t("https://x.org/_a_*b*, "), italic("c")]);
        assert_eq!(read("@everyone <@5>"), [Span::Mention(Mention::Everybody("everyone".into())), t(" @unknown")]);
    }

    #[test]
    fn emphasis_goes_over_lines() {
        let markup = parse_with("**a\nb** c\n\n||x\n\ny||", &NoNames);
        assert_eq!(
            markup.blocks,
            [
                Block::Line(vec![Span::Bold(vec![t("a")])]),
                Block::Line(vec![Span::Bold(vec![t("b")]), t(" c")]),
                Block::Line(vec![]),
                Block::Line(vec![Span::Spoiler(vec![t("x")])]),
                Block::Line(vec![]),
                Block::Line(vec![Span::Spoiler(vec![t("y")])]),
            ]
        );
    }

    #[test]
    fn lines_and_blocks_are_told_apart() {
        let text =
            "# h\n#no\n####no\n-# small\n> q\n>no\n- i\n  * j\n12. n\n```rust\nlet a;\n\n```\nx ```y``` z\n```one```";
        let item = |marker: &str, text: &str| Block::Item(marker.into(), vec![t(text)]);
        assert_eq!(
            parse_with(text, &NoNames).blocks,
            [
                Block::Heading(1, vec![t("h")]),
                Block::Line(vec![t("#no")]),
                Block::Line(vec![t("####no")]),
                Block::Line(vec![t("small")]),
                Block::Quote(vec![t("q")]),
                Block::Line(vec![t(">no")]),
                item("-", "i"),
                item("-", "j"),
                item("12.", "n"),
                Block::Code(Some("rust".into()), "let a;".into()),
                Block::Line(vec![t("x "), Span::Code("y".into()), t(" z")]),
                Block::Code(None, "one".into()),
            ]
        );
        let quoted = parse_with("a\n>>> b\n# c\n\nd", &NoNames).blocks;
        assert!(quoted[1..].iter().all(|block| matches!(block, Block::Quote(_))) && quoted.len() == 5, "{quoted:?}");
        assert_eq!(parse_with("```\nnever closed", &NoNames).to_plain(), "```\nnever closed");
        assert_eq!(parse_with("\\`\\`\\`\nx\n\\`\\`\\`", &NoNames).to_plain(), "```\nx\n```");
    }

    #[test]
    fn hostile_marks_cost_no_time() {
        for mark in [
            "*_~||[<`@:\\",
            "[a](",
            "[a](http://x",
            "[",
            "<",
            "<@",
            "<http://a",
            "*",
            "** ",
            "***",
            "_a",
            "__",
            "`",
            "`` ` ",
            "||a",
            "~~a",
            "**a",
            "```",
            "```x\n",
            "> ",
            "@here",
            "\\",
            "*a _b ~~c ",
        ] {
            let hostile = mark.repeat(60_000 / mark.len());
            assert!(!parse_with(&hostile, &NoNames).blocks.is_empty(), "{mark}");
            assert!(!DIALECT.escape(&hostile).is_empty(), "{mark}");
        }
    }

    fn seen(text: &str) -> String {
        text.replace(APART, "").replace("%40", "@")
    }

    fn word() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9 éß.,!?*_~|`-]{1,8}".prop_filter("not blank", |s| !s.trim().is_empty())
    }

    fn strip(spans: &mut Vec<Span>) {
        for span in spans.iter_mut() {
            match span {
                Span::Text(text) => *text = seen(text),
                Span::Bold(inner)
                | Span::Italic(inner)
                | Span::Underline(inner)
                | Span::Strike(inner)
                | Span::Spoiler(inner)
                | Span::Link(_, inner) => strip(inner),
                Span::Code(_) | Span::Mention(_) | Span::Emoji(_) => {}
            }
        }
        spans.retain(|span| *span != Span::Text(String::new()));
    }

    proptest! {
        #[test]
        fn plain_text_is_shown_as_it_is(
            text in "[-a-c1. >#*_~`|\\\\\\[\\]()<@:/\n]{0,40}|(https://[a-c_*~/]{1,8}| |_|\\*|```|\n|@here|<@1>){0,8}"
        ) {
            let written = DIALECT.escape(&text);
            let markup = DIALECT.parse(&written);
            prop_assert_eq!(seen(&markup.to_plain()), seen(&text));
            let plain = markup.blocks.iter().all(|block| match block {
                Block::Line(spans) => spans.iter().all(|span| matches!(span, Span::Text(_))),
                _ => false,
            });
            prop_assert!(plain, "{:?} {:?}", written, markup);
        }

        #[test]
        fn any_text_is_read(text in "\\PC{0,200}|[*_~`|\n ->a\\\\\\[\\]()<@]{0,200}") {
            prop_assert_eq!(DIALECT.parse(&text).blocks.is_empty(), text.is_empty());
        }

        #[test]
        fn what_is_rendered_reads_back(words in proptest::collection::vec((0u8..11, word()), 1..6)) {
            let spans: Vec<Span> = words.iter().flat_map(|(kind, word)| {
                let text = word.trim().to_owned();
                let inner = vec![Span::Text(text.clone())];
                let span = match kind {
                    0 => Span::Bold(inner),
                    1 => Span::Italic(inner),
                    2 => Span::Strike(inner),
                    3 => Span::Underline(inner),
                    4 => Span::Spoiler(inner),
                    5 => Span::Code(text),
                    6 => Span::Link("https://example.com/a_b".to_owned(), inner),
                    7 => Span::Bold(vec![Span::Italic(inner)]),
                    8 => Span::Italic(vec![Span::Bold(inner.clone()), Span::Text("x".into()), Span::Strike(inner)]),
                    9 => Span::Spoiler(vec![Span::Bold(vec![Span::Underline(inner)])]),
                    _ => Span::Strike(vec![Span::Italic(inner)]),
                };
                [span, Span::Text("x".to_owned())]
            }).collect();
            let markup = Markup { blocks: vec![Block::Line(spans.clone())] };
            let written = DIALECT.render(&markup);
            let mut again = DIALECT.parse(&written).blocks;
            for block in &mut again {
                if let Block::Line(spans) = block {
                    strip(spans);
                }
            }
            prop_assert_eq!(again, vec![Block::Line(spans)], "{}", written);
        }
    }
}
