//! From Discord's markup to the tree: what stands within lines.
//!
//! Every character is looked at a bounded number of times, whatever somebody types: for each mark it is known when it
//! closes nowhere any more, and what stands between two marks is read once for each kind of mark.

use tieline_core::markup::{Mention, Span};

use super::marks::{Closing, Kind, MARKS, closing, code_at, url_length};
use super::{Names, angle};

/// The longest address of a link, in bytes.
const LONGEST_URL: usize = 2048;

/// Reads a text without blocks of code; what it holds may go over several lines.
pub(super) fn spans(text: &str, names: &dyn Names) -> Vec<Span> {
    let mut out = Vec::new();
    Reader::new(text, names, &[]).read(&mut out);
    out
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
