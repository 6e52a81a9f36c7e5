//! Text that a person typed elsewhere, so that Discord shows it as it is: no markup, no mention, no command.

use super::angle;
use super::marks::{APART, start, url_length};

/// Lines of plain text.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    // The format around it may have a mark in front: `<{user}>`, `@{user}`.
    if angle::is_form(text) || names_everybody(text) {
        out.push(APART);
    }
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        line_start(line, &mut out);
        inline(line, &mut out);
    }
    out
}

/// What must stand before a line, so that it begins no quotation, list or headline.
pub(super) fn line_start(line: &str, out: &mut String) {
    // A quotation mark alone is one as soon as the client adds a blank.
    if start(line).is_some() || line.starts_with('>') || start(&format!("{line} ")).is_some() {
        out.push(APART);
    }
}

/// Plain text within a line.
pub(super) fn inline(text: &str, out: &mut String) {
    // The mark may end what was written before: a name behind it may have been a mention of its own where it was typed.
    if (out.ends_with('<') && begins_form(text)) || (out.ends_with('@') && names_everybody(text)) {
        out.push(APART);
    }
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let before = text[..at].chars().next_back().or_else(|| out.chars().next_back());
        let after = &rest[c.len_utf8()..];
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let length = if word(before) { 0 } else { url_length(rest) };
        if length > 0 {
            out.push_str(&address(&rest[..length]));
            at += length;
            continue;
        }
        match c {
            '\\' | '*' | '~' | '`' | '|' => out.push('\\'),
            // Within a word an underscore means nothing, and a backslash before it would only be in the way.
            '_' if !(word(before) && word(after.chars().next())) => out.push('\\'),
            // `[text](address)`
            '(' if before == Some(']') => out.push(APART),
            _ => {}
        }
        out.push(c);
        let apart = match c {
            '@' => names_everybody(after),
            '<' => begins_form(after),
            _ => false,
        };
        if apart {
            out.push(APART);
        }
        at += c.len_utf8();
    }
}

/// Code: it is shown as it is, yet nothing says that it calls nobody.
pub(super) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        if c == '@' && names_everybody(&text[at + 1..]) {
            out.push(APART);
        }
    }
    out
}

/// Whether what follows an angle bracket may belong to it: `<@id>`, `<#id>`, `<:emoji:id>`, `<a:emoji:id>`, `<t:time>`,
/// `</command:id>`, `<id:…>`, `<https://…>`.
fn begins_form(after: &str) -> bool {
    after.starts_with(['@', '#', ':', '/', 'a', 't', 'i', 'h'])
}

/// Whether a name for everybody stands at the beginning.
fn names_everybody(after: &str) -> bool {
    ["everyone", "here"].iter().any(|name| after.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)))
}

/// An address, so written that nobody is called in it and no code begins. It leads to the same place.
pub(super) fn address(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for (at, c) in url.char_indices() {
        match c {
            '@' if names_everybody(&url[at + 1..]) => out.push_str("%40"),
            // Three of them would begin a block of code.
            '`' => out.push_str("%60"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_is_markup() {
        for (typed, written) in [
            ("*a* _b_ ~~c~~ `d`", "\\*a\\* \\_b\\_ \\~\\~c\\~\\~ \\`d\\`"),
            ("snake_case __init__", "snake_case \\_\\_init\\_\\_"),
            ("# x", "\u{200b}# x"),
            ("#general, C# ok", "#general, C# ok"),
            ("-# small", "\u{200b}-# small"),
            ("> q", "\u{200b}> q"),
            (">>> q", "\u{200b}>>> q"),
            ("  - a", "\u{200b}  - a"),
            ("1. a", "\u{200b}1. a"),
            ("[t](javascript:x)", "[t]\u{200b}(javascript:x)"),
            ("||x||", "\\|\\|x\\|\\|"),
            (
                "<@123> <@&5> <#7> <:a:1> <t:1>",
                "<\u{200b}@123> <\u{200b}@&5> <\u{200b}#7> <\u{200b}:a:1> <\u{200b}t:1>",
            ),
            ("I <3 you > me", "I <3 you > me"),
            ("¯\\_(ツ)_/¯", "¯\\\\\\_(ツ)\\_/¯"),
            ("```\nx\n```", "\\`\\`\\`\nx\n\\`\\`\\`"),
        ] {
            assert_eq!(text(typed), written);
        }
    }

    #[test]
    fn nobody_is_called() {
        for typed in ["@everyone", "hey @here!", "a@Everyone", "(@HERE)", "https://example.com/@everyone"] {
            let written = text(typed).to_lowercase();
            assert!(!written.contains("@everyone") && !written.contains("@here"), "{written}");
        }
        assert_eq!(text("mail ann@example.com, @bob"), "mail ann@example.com, @bob");
    }

    #[test]
    fn a_mark_of_the_format_makes_no_mention_of_a_name() {
        for name in ["@123", "@!123", "@&5", "#7", ":a:1", "a:b:1", "t:1700000000", "/x:5", "id:guide", "@1> x"] {
            assert_eq!(text(name), format!("\u{200b}{name}"));
        }
        assert_eq!(text("everyone"), "\u{200b}everyone");
        for name in ["@ann", "#general", "Ann", ":smile:", "https://example.com"] {
            assert_eq!(text(name), name);
        }
    }

    #[test]
    fn an_address_stays_one() {
        let address = "https://example.com/_a_/*b*?c=d|e#f";
        assert_eq!(text(address), address);
        assert_eq!(text(&format!("({address}), *x*")), format!("({address}), \\*x\\*"));
    }
}
