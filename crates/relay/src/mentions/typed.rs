//! Names that somebody typed behind an `@`, as plain text.

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text that names nobody.
    Plain(&'t str),
    /// What stands behind an `@`, which is left out.
    Name(&'t str),
}

/// Cuts a text at the words that may be names: letters, digits, `.`, `-` and `_`, behind an `@` that begins a word.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut before) = (text, None);
    // What is left begins at `from`; everything before it is in a piece.
    let mut from = text;
    while let Some(at) = rest.find('@') {
        before = rest[..at].chars().next_back().or(before);
        let behind = &rest[at + 1..];
        let end = behind.find(|c: char| !is_of_name(c)).unwrap_or(behind.len());
        // A full stop ends the sentence, not the name.
        let name = behind[..end].trim_end_matches(['.', '-']);
        let begins_word = before.is_none_or(|c| !is_of_name(c) && !matches!(c, '@' | '/'));
        if begins_word && !name.is_empty() && behind[end..].chars().next().is_none_or(ends_word) {
            let plain = &from[..from.len() - behind.len() - 1];
            if !plain.is_empty() {
                pieces.push(Piece::Plain(plain));
            }
            pieces.push(Piece::Name(name));
            from = &behind[name.len()..];
        }
        before = behind[..end].chars().next_back().or(Some('@'));
        rest = &behind[end..];
    }
    if !from.is_empty() {
        pieces.push(Piece::Plain(from));
    }
    pieces
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// What follows a name is no part of it: no accent on its last letter, and no address behind it.
fn ends_word(c: char) -> bool {
    c.is_whitespace()
        || (c.is_ascii() && c != '@')
        || matches!(c, '»' | '\u{2010}'..='\u{203a}' | '\u{3001}'..='\u{303f}' | '\u{ff01}'..='\u{ff65}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<&str> {
        let name = |piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Plain(_) => None,
        };
        pieces(text).into_iter().filter_map(name).collect()
    }

    #[test]
    fn names_are_whole_words_behind_an_at() {
        for (text, expected) in [
            ("@ann", &["ann"][..]),
            ("hello @ann.smith_1-x, and (@bob)!", &["ann.smith_1-x", "bob"]),
            ("ask @ann.", &["ann"]),
            ("@Jörg @李雷", &["Jörg", "李雷"]),
            ("@ann\u{301}", &[]),
            ("“@ann”", &["ann"]),
            ("ann@example.com", &[]),
            ("@ann@example.com", &[]),
            ("https://example.com/@ann", &[]),
            ("@@ann", &[]),
            ("@ ann @", &[]),
            ("@... @-", &[]),
            ("no name", &[]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a@. /é-]{0,20}") {
            let mut whole = String::new();
            for piece in pieces(&text) {
                match piece {
                    Piece::Plain(plain) => whole.push_str(plain),
                    Piece::Name(name) => whole.extend(["@", name]),
                }
            }
            prop_assert_eq!(whole, text);
        }
    }
}
