//! Text that a person typed elsewhere, so that WhatsApp shows it as it is: no markup, no mention.

use crate::markup::marks::{APART, MARKS, THIN, URLS, closes, ends_url, opens, start};

/// Looks like a backtick and is none.
const NO_BACKTICK: char = '\u{2cb}';

/// Lines of plain text.
///
/// A mark is kept from opening only if another one in the same text could close it, so that `_name` and `~/path` stay as
/// they are: what a template puts together of two values can at most be emphasised.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        line_start(line, &mut out);
        let mut whole = Line::default();
        whole.text(line);
        whole.write(&mut out);
    }
    out
}

/// What must stand before a line, so that it begins no quotation and no list.
pub(super) fn line_start(line: &str, out: &mut String) {
    if start(line.trim_start()).is_some() {
        out.push(APART);
    }
}

/// What a character of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Somebody's text.
    Text,
    /// A mark of ours.
    Mark,
    /// Code, or what keeps apart: never a mark.
    Verbatim,
}

/// A line that is put together of text and marks of ours.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<(char, Part)>);

impl Line {
    /// Somebody's text.
    pub(super) fn text(&mut self, text: &str) {
        if let Some(first) = text.chars().next() {
            self.keep_apart(first);
        }
        self.0.extend(text.chars().map(|c| (if c == '\n' || c == '\r' { ' ' } else { c }, Part::Text)));
    }

    /// A mark that opens.
    pub(super) fn open(&mut self, mark: char) {
        if self.0.last().is_some_and(|(c, part)| c.is_alphanumeric() || (*part == Part::Text && *c != ' ')) {
            self.0.push((APART, Part::Verbatim));
        }
        self.0.push((mark, Part::Mark));
    }

    /// The mark that closes.
    pub(super) fn close(&mut self, mark: char) {
        self.0.push((mark, Part::Mark));
    }

    /// Code with its marks.
    pub(super) fn code(&mut self, marks: &str, code: &str) {
        if self.0.last().is_some_and(|(c, _)| *c == '`') {
            self.0.push((APART, Part::Verbatim));
        }
        self.0.extend([marks, code, marks].iter().flat_map(|piece| piece.chars()).map(|c| (c, Part::Verbatim)));
    }

    /// All of another line.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A mark of ours that has just closed would be none before a letter.
    fn keep_apart(&mut self, next: char) {
        if next.is_alphanumeric() && self.0.last().is_some_and(|(_, part)| *part == Part::Mark) {
            self.0.push((APART, Part::Verbatim));
        }
    }

    /// Writes it, so that of the marks only ours count.
    pub(super) fn write(&self, out: &mut String) {
        let parts = &self.0;
        let at = |index: usize| parts.get(index).map(|(c, _)| *c);
        let before = |index: usize| index.checked_sub(1).and_then(at);
        // Where each mark could last be closed.
        let last_close = MARKS.map(|mark| {
            parts.iter().enumerate().rposition(|(index, (c, part))| {
                *c == mark && *part != Part::Verbatim && closes(before(index), at(index + 1))
            })
        });
        // A pair makes code, and one of somebody's would make a pair with one of ours.
        let backticks = parts.iter().filter(|(c, _)| *c == '`').count();
        let mut url_ends = 0;
        for (index, (c, part)) in parts.iter().copied().enumerate() {
            if part != Part::Text {
                out.push(c);
                continue;
            }
            if index >= url_ends && !before(index).is_some_and(char::is_alphanumeric) {
                url_ends = index + url_length(&parts[index..]);
            }
            let kind = MARKS.iter().position(|mark| *mark == c);
            let could_count = kind.is_some_and(|kind| {
                opens(before(index), at(index + 1)) && last_close[kind].is_some_and(|last| last > index + 1)
            });
            match c {
                '*' if could_count && index < url_ends => out.push_str("%2A"),
                '_' if could_count && index < url_ends => out.push_str("%5F"),
                '~' if could_count && index < url_ends => out.push_str("%7E"),
                _ if could_count => out.extend([c, THIN]),
                '`' if backticks > 1 => out.push(NO_BACKTICK),
                '@' if names_all(parts, index + 1) && index >= url_ends => out.extend([c, APART]),
                c => out.push(c),
            }
        }
    }
}

/// How many characters the address has that begins here, or 0.
fn url_length(parts: &[(char, Part)]) -> usize {
    let begins = |scheme: &str| {
        let mut here = parts.iter();
        scheme.chars().all(|c| here.next() == Some(&(c, Part::Text)))
    };
    if !URLS.iter().any(|scheme| begins(scheme)) {
        return 0;
    }
    parts.iter().take_while(|(c, part)| *part == Part::Text && !ends_url(*c)).count()
}

/// Whether the name for everybody stands here.
fn names_all(parts: &[(char, Part)], at: usize) -> bool {
    let name: String = parts[at..].iter().map(|(c, _)| *c).take_while(|c| c.is_alphanumeric()).take(10).collect();
    ["all", "everyone", "here", "channel"].iter().any(|everybody| name.eq_ignore_ascii_case(everybody))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_is_markup() {
        for (typed, written) in [
            ("*a* _b_ ~c~", "*\u{200a}a* _\u{200a}b_ ~\u{200a}c~"),
            ("snake_case 2*3*4 *args ~/a ~/b", "snake_case 2*3*4 *args ~/a ~/b"),
            ("> q", "\u{200b}> q"),
            ("- a", "\u{200b}- a"),
            ("  * a", "\u{200b}  * a"),
            ("1. a", "\u{200b}1. a"),
            ("`a` b", "\u{2cb}a\u{2cb} b"),
            ("it's 5` wide", "it's 5` wide"),
            ("```\nx\n```", "\u{2cb}\u{2cb}\u{2cb}\nx\n\u{2cb}\u{2cb}\u{2cb}"),
            ("https://x.org/_a_?b=*c*", "https://x.org/%5Fa_?b=%2Ac*"),
            ("https://x.org/a_b_c", "https://x.org/a_b_c"),
            ("hey @All, @everyone and @ally", "hey @\u{200b}All, @\u{200b}everyone and @ally"),
        ] {
            assert_eq!(text(typed), written);
        }
    }
}
