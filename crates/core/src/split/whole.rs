//! What stays whole where a text is cut: graphemes, mentions, links, addresses, short codes, code within a line, and what
//! a backslash belongs to.

use unicode_segmentation::UnicodeSegmentation;

use super::fence::code_length;

/// No form in angle brackets is longer, in bytes.
const LONGEST_FORM: usize = 120;
/// Nor is a name or a short code that has to stay whole.
const LONGEST_NAME: usize = 256;
/// Nor is an address.
const LONGEST_URL: usize = 4096;

/// The pieces of a text from a place on that stay whole, as long as `fits` says so.
pub(super) fn pieces(text: &str, from: usize, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
    let mut at = from;
    let mut before = text[..from].chars().next_back();
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let length = length(text, at, before);
        let piece = match rest.get(..length).filter(|piece| length > 0 && fits(piece)) {
            Some(piece) => piece,
            None => rest.graphemes(true).next()?,
        };
        at += piece.len();
        before = piece.chars().next_back();
        Some(piece)
    })
}

/// How many bytes belong together from here on; 0: a grapheme does.
fn length(text: &str, at: usize, before: Option<char>) -> usize {
    let rest = &text[at..];
    let word = before.is_some_and(char::is_alphanumeric);
    let length = match rest.as_bytes().first() {
        Some(b'\\') => 1 + rest[1..].chars().next().filter(char::is_ascii_punctuation).map_or(0, char::len_utf8),
        Some(b'`') => code_length(text, at).unwrap_or(0),
        Some(b'<') => form(rest),
        Some(b'[') => link(rest),
        Some(b'h') if !word => url(rest),
        Some(b'@') => 1 + rest[1..].bytes().take(LONGEST_NAME).take_while(|byte| is_name(*byte)).count(),
        Some(b':') => short_code(rest),
        _ => 0,
    };
    // What joins a letter belongs to it.
    let behind = rest[length..].char_indices().find(|(_, c)| !joins(*c)).map_or(rest.len() - length, |(at, _)| at);
    if length > 0 { length + behind } else { 0 }
}

/// Whether a character belongs to the one before it.
fn joins(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// `<@id>`, `<#id>`, `<:emoji:id>`, `<t:time>`, `<https://…>`
fn form(rest: &str) -> usize {
    let inside = &rest[1..];
    let address = url(inside);
    if address > 0 {
        return 1 + address + usize::from(inside[address..].starts_with('>'));
    }
    if !inside.starts_with(['@', '#', ':', 'a', 't', '/', 'i']) {
        return 0;
    }
    let end = inside.bytes().take(LONGEST_FORM).position(|byte| matches!(byte, b'>' | b'<' | b'`' | b'\\' | b'\n'));
    end.filter(|end| inside.as_bytes()[*end] == b'>').map_or(0, |end| end + 2)
}

/// `[text](address)`
fn link(rest: &str) -> usize {
    let inside = rest.as_bytes();
    let label = inside.iter().skip(1).take(LONGEST_URL).position(|byte| matches!(byte, b'[' | b'`' | b'\n' | b']'));
    let Some(target) = label.map(|label| label + 1).filter(|at| inside[*at..].starts_with(b"](")) else { return 0 };
    let end = inside[target..].iter().take(LONGEST_URL).position(|byte| matches!(byte, b')' | b'`' | b'\n'));
    end.filter(|end| inside[target + end] == b')').map_or(0, |end| target + end + 1)
}

fn url(rest: &str) -> usize {
    if !["https://", "http://"].iter().any(|scheme| rest.starts_with(scheme)) {
        return 0;
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '\\');
    let end = rest.char_indices().take_while(|(at, _)| *at < LONGEST_URL).find(|(_, c)| ends(*c));
    end.map_or_else(|| if rest.len() < LONGEST_URL { rest.len() } else { 0 }, |(end, _)| end)
}

fn short_code(rest: &str) -> usize {
    let inside = &rest.as_bytes()[1..];
    let sign = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    let length = inside.iter().take(LONGEST_NAME).take_while(|byte| sign(byte)).count();
    if length > 0 && inside.get(length) == Some(&b':') { length + 2 } else { 0 }
}

/// Whether a character can be part of an account's name.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Whether somebody would be called if the text began here: an address of mail has a name before its `@`.
pub(super) fn would_call(text: &str, at: usize) -> bool {
    text[at..].starts_with('@') && text[..at].ends_with(char::is_alphanumeric)
}

/// Whether the rest of a line would mean something else at the beginning of one: a quotation, a list, a headline, a
/// command.
pub(super) fn begins_line(rest: &str) -> bool {
    let line = rest.trim_start_matches([' ', '\t']);
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['>', '#', '/', '!'])
        || ["- ", "* ", "+ ", "-# "].iter().any(|mark| line.starts_with(mark))
        || (number.len() < line.len() && (number.starts_with(". ") || number.starts_with(") ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_is_one_piece() {
        for whole in [
            "<@123>",
            "<:party_cat:12>",
            "<https://x.org/a>",
            "@ann-b.c",
            ":thumbsup_tone3:",
            "[a b](https://x.org/y)",
            "https://x.org/a?b=c#d",
            "`a b`",
            "``a`b``",
            "\\*",
            "\\`",
            "👨\u{200d}👩\u{200d}👧",
            "e\u{301}",
            "🇩🇪",
            ":a:\u{200d}",
        ] {
            for (before, after) in [("", ""), ("x ", " y"), ("(", " ")] {
                let text = format!("{before}{whole}{after}");
                assert!(pieces(&text, 0, |_| true).any(|piece| piece == whole), "{text}");
            }
        }
    }

    #[test]
    fn what_only_looks_so_is_not() {
        for text in ["< a", "<a\nb>", "[a](b\nc)", "[a]", ":a b:", "12:30", "`a\nb`", "\\ "] {
            assert_eq!(
                pieces(text, 0, |_| true).collect::<Vec<_>>(),
                text.graphemes(true).collect::<Vec<_>>(),
                "{text}"
            );
        }
        let pieces: Vec<_> = pieces("<@123>", 0, |piece| piece.len() < 4).collect();
        assert_eq!(pieces, ["<", "@123", ">"].iter().flat_map(|piece| piece.graphemes(true)).collect::<Vec<_>>());
    }
}
