//! Where marks count, and what keeps them from it.

/// Invisible, and no space: it keeps two characters apart that would mean something together. `String.trim` of
/// JavaScript, by which the addon looks at a text, leaves it where it is.
pub(crate) const APART: char = '\u{200b}';
/// A space so thin that nobody sees it: behind it an opening mark is none.
pub(super) const THIN: char = '\u{200a}';

/// The marks of emphasis.
pub(super) const MARKS: [char; 3] = ['*', '_', '~'];

/// Whether a mark between these characters can open.
pub(super) fn opens(before: Option<char>, after: Option<char>) -> bool {
    !before.is_some_and(char::is_alphanumeric) && after.is_some_and(|c| !c.is_whitespace())
}

/// Whether a mark between these characters can close.
pub(super) fn closes(before: Option<char>, after: Option<char>) -> bool {
    before.is_some_and(|c| !c.is_whitespace()) && !after.is_some_and(char::is_alphanumeric)
}

/// What an address begins with.
pub(super) const URLS: [&str; 2] = ["https://", "http://"];

/// Whether an address ends before this character.
pub(super) fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | APART)
}

/// The length of the address that begins here, or 0. Within one nothing is markup.
pub(super) fn url_length(text: &str) -> usize {
    if !URLS.iter().any(|scheme| text.starts_with(scheme)) {
        return 0;
    }
    text.find(ends_url).unwrap_or(text.len())
}

/// What a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// `> `
    Quote,
    /// `- ` or `* `
    Item,
    /// `1. `, with the length of the number.
    Number(usize),
}

/// What a line begins with, and where its text begins.
pub(super) fn start(line: &str) -> Option<(Start, usize)> {
    if let Some(quoted) = line.strip_prefix('>') {
        return Some((Start::Quote, 1 + usize::from(quoted.starts_with(' '))));
    }
    if line.starts_with("- ") || line.starts_with("* ") {
        return Some((Start::Item, 2));
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    ((1..10).contains(&digits) && line[digits..].starts_with(". ")).then_some((Start::Number(digits), digits + 2))
}
