//! Where marks count, and what keeps them from it.

/// Invisible, and no space: it keeps two characters apart that would mean something together.
pub(super) const APART: char = '\u{200b}';

/// What a pair of marks means. Each is open only once at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bold,
    Underline,
    Strike,
    Spoiler,
    Italic,
}

/// The marks of emphasis, longest first.
pub(super) const MARKS: [(&str, Kind); 6] = [
    ("**", Kind::Bold),
    ("__", Kind::Underline),
    ("~~", Kind::Strike),
    ("||", Kind::Spoiler),
    ("*", Kind::Italic),
    ("_", Kind::Italic),
];

/// Where the mark stands that closes what begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// After this many bytes.
    At(usize),
    /// What stands next keeps it from being closed.
    Broken,
    /// Nowhere up to the end of the text.
    Nowhere,
}

/// Looks for the mark that closes what begins here. A backslash takes the next character's meaning away.
pub(super) fn closing(content: &str, mark: &str) -> Closing {
    let single = mark.len() == 1;
    let mut at = 0;
    let mut before = None;
    while let Some(c) = content[at..].chars().next() {
        let rest = &content[at..];
        let length = match c {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            // Two of them are bold or underlined text within italics.
            _ if single && rest.starts_with(mark) && rest[1..].starts_with(mark) => 2,
            _ if single && rest.starts_with(mark) => {
                let after = rest[1..].chars().next();
                let closes = match mark {
                    "_" => !after.is_some_and(|c| c.is_alphanumeric() || c == '_'),
                    _ => before.is_some_and(|c: char| !c.is_whitespace()),
                };
                return if closes && at > 0 { Closing::At(at) } else { Closing::Broken };
            }
            _ if rest.starts_with(mark) && at > 0 && !(mark != "~~" && rest[2..].starts_with(&mark[..1])) => {
                return Closing::At(at);
            }
            c => c.len_utf8(),
        };
        before = content[at..at + length].chars().next_back();
        at += length;
    }
    Closing::Nowhere
}

/// What an address begins with.
const URLS: [&str; 2] = ["https://", "http://"];

/// The length of the address that begins here, or 0. Within one nothing is markup.
pub(super) fn url_length(text: &str) -> usize {
    let Some(scheme) = URLS.iter().find(|scheme| text.starts_with(**scheme)) else { return 0 };
    let end = text.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(text.len());
    // What ends a sentence ends no address.
    let mut url = text[..end].trim_end_matches(['.', ',', ':', ';', '"', '\'', ']']);
    if url.ends_with(')') && !url.contains('(') {
        url = url.trim_end_matches(')');
    }
    if url.len() > scheme.len() { url.len() } else { 0 }
}

/// What a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// `> `
    Quote,
    /// `>>> `: this line and all that follow.
    QuoteRest,
    /// `# ` to `### `
    Heading(u8),
    /// `-# `
    Small,
    /// `- ` or `* `
    Item,
    /// `1. `, with the place and the length of the number.
    Number(usize, usize),
}

/// What a line begins with, and where its text begins.
pub(super) fn start(line: &str) -> Option<(Start, usize)> {
    if line.starts_with("> ") {
        return Some((Start::Quote, 2));
    }
    if line.starts_with(">>> ") {
        return Some((Start::QuoteRest, 4));
    }
    if line.starts_with("-# ") {
        return Some((Start::Small, 3));
    }
    let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=3).contains(&hashes) && line[hashes..].starts_with(' ') {
        return Some((Start::Heading(hashes as u8), hashes + 1));
    }
    let blanks = line.len() - line.trim_start_matches(' ').len();
    let item = &line[blanks..];
    if item.starts_with("- ") || item.starts_with("* ") {
        return Some((Start::Item, blanks + 2));
    }
    let digits = item.bytes().take_while(u8::is_ascii_digit).count();
    ((1..10).contains(&digits) && item[digits..].starts_with(". "))
        .then_some((Start::Number(blanks, digits), blanks + digits + 2))
}

/// The code that begins with the backticks here, and how many bytes it takes with them. As many backticks as opened it
/// close it; one blank between them and a backtick of the code is not part of it.
pub(super) fn code_at(text: &str) -> Option<(&str, usize)> {
    let run = text.bytes().take_while(|byte| *byte == b'`').count();
    let inside = &text[run..];
    let mut at = 0;
    loop {
        at += inside[at..].find('`')?;
        let length = inside[at..].bytes().take_while(|byte| *byte == b'`').count();
        if length == run {
            break;
        }
        at += length;
    }
    let code = &inside[..at];
    let code = code.strip_prefix(' ').filter(|rest| rest.starts_with('`')).unwrap_or(code);
    let code = code.strip_suffix(' ').filter(|rest| rest.ends_with('`')).unwrap_or(code);
    (!code.trim().is_empty()).then_some((code, at + 2 * run))
}
