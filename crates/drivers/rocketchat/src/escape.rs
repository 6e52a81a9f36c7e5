//! Text that a person typed elsewhere, so that Rocket.Chat shows it as it is: no markup, no mention, no command.
//!
//! The parser takes a backslash before `*`, `_`, `~`, a backtick and `#`, and before nothing else; and none at all within
//! emphasis. The rest is kept apart with a zero-width space.

use crate::dialect::{APART, in_name, short_code, url_length};
use crate::unquoted::unquoted;

/// Lines of plain text.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        line_start(line, &mut out);
        inline(line, &mut out);
    }
    unquoted(out)
}

/// Whether plain text would need a backslash, which does not work within emphasis and labels.
pub(crate) fn needs_backslash(text: &str) -> bool {
    let mut out = String::new();
    inline(text, &mut out);
    out.matches('\\').count() > text.matches('\\').count()
}

/// What must stand before a line, so that it begins no quotation, list or headline.
pub(crate) fn line_start(line: &str, out: &mut String) {
    let trimmed = line.trim_start_matches([' ', '\t']);
    let digits = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = digits.len() < trimmed.len() && digits.starts_with(". ");
    // A slash begins a command for clients; a message of a bot is not one, yet its edit in a client would be.
    if numbered || trimmed.starts_with(['>', '/']) || trimmed.starts_with("- ") || trimmed.starts_with("* ") {
        out.push(APART);
    }
}

/// Plain text within a line.
pub(crate) fn inline(text: &str, out: &mut String) {
    let mut at = 0;
    // Most of a text is words, in which only an `h` can begin something: an address.
    let is_word = |byte: &u8| (byte.is_ascii_alphanumeric() && *byte != b'h') || matches!(byte, b' ' | b',' | b'.');
    while let Some(c) = text[at..].chars().next() {
        let words = text.as_bytes()[at..].iter().take_while(|byte| is_word(byte)).count();
        if words > 0 {
            out.push_str(&text[at..at + words]);
            at += words;
            continue;
        }
        let rest = &text[at..];
        let before = text[..at].chars().next_back().or_else(|| out.chars().next_back());
        let after = &rest[c.len_utf8()..];
        let next = after.chars().next();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let length = if word(before) { 0 } else { url_length(rest) };
        if length > 0 {
            out.push_str(&address(&rest[..length]));
            at += length;
            continue;
        }
        let escaped = match c {
            '*' | '~' | '`' => true,
            // Within a word an underscore means nothing, and a backslash before it would only be in the way.
            '_' => !(word(before) && word(next)),
            '#' => !word(before) || next == Some(' '),
            _ => false,
        };
        if escaped && before == Some('\\') {
            // Two backslashes in a row are one that is meant as such, to whoever knows other dialects.
            out.push(APART);
        }
        match c {
            _ if escaped => out.push('\\'),
            // `[text](address)`, `||spoiler||`, `\(formula\)`
            '(' if matches!(before, Some(']' | '\\')) => out.push(APART),
            '[' | ')' | ']' if before == Some('\\') => out.push(APART),
            '|' if before == Some('|') => out.push(APART),
            _ => {}
        }
        out.push(c);
        let apart = match c {
            '@' => next.is_some_and(in_name) && (!word(before) || names_all(after)),
            '<' => next.is_some_and(|c| !c.is_whitespace()) && after.contains('>'),
            ':' => !word(before) && short_code(rest).is_some(),
            _ => false,
        };
        if apart {
            out.push(APART);
        }
        at += c.len_utf8();
    }
}

/// Whether `all` or `here` stands at the beginning.
fn names_all(after: &str) -> bool {
    ["all", "here"].iter().any(|name| after.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)))
}

/// An address, so written that nothing in it can be read as markup or mention. It leads to the same place.
pub(crate) fn address(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '*' | '~' | '`' | '|' | '<' | '>' | '(' | ')' | '[' | ']' | '@' | '"' | '\\' | ' ' => {
                let code = format!("%{:02X}", u32::from(c));
                out.push_str(&code);
            }
            '_' if !out.chars().next_back().is_some_and(char::is_alphanumeric) => out.push_str("%5F"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    if out.ends_with('_') {
        out.pop();
        out.push_str("%5F");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_is_markup() {
        for (typed, written) in [
            ("*a* _b_ ~c~ `d`", "\\*a\\* \\_b\\_ \\~c\\~ \\`d\\`"),
            ("snake_case", "snake_case"),
            ("# x", "\\# x"),
            ("see #general, C#", "see \\#general, C#"),
            ("> q", "\u{200b}> q"),
            ("- a", "\u{200b}- a"),
            ("1. a", "\u{200b}1. a"),
            ("[t](javascript:x)", "[t]\u{200b}(javascript:x)"),
            ("<https://x|y>", "<\u{200b}https://x|y>"),
            ("||x||", "|\u{200b}|x|\u{200b}|"),
            (":smile: at 12:30:45", ":\u{200b}smile: at 12:30:45"),
            ("\\(x\\)", "\\\u{200b}(x\\\u{200b})"),
            ("\\*x", "\\\u{200b}\\*x"),
            ("```\nx\n```", "\\`\\`\\`\nx\n\\`\\`\\`"),
            ("/leave", "\u{200b}/leave"),
        ] {
            assert_eq!(text(typed), written);
        }
    }

    #[test]
    fn nobody_is_called() {
        for typed in ["@all", "hey @here!", "a@all", "@bob", "(@ALL)", "https://example.com/@all"] {
            let written = text(typed);
            assert!(
                !written.contains("@a")
                    && !written.contains("@h")
                    && !written.contains("@b")
                    && !written.contains("@A"),
                "{written}"
            );
        }
        assert_eq!(text("mail ann@example.com"), "mail ann@example.com");
    }

    #[test]
    fn an_address_stays_one() {
        assert_eq!(text("https://example.com/a_b?c=d#e"), "https://example.com/a_b?c=d#e");
        assert_eq!(text("https://example.com/_x_"), "https://example.com/%5Fx%5F");
    }
}
