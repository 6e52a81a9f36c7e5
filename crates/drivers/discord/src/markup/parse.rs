//! From Discord's markup to the tree: blocks and lines.
//!
//! Emphasis may span several lines here, and the tree has it in each of them.

use tieline_core::markup::{Block, Markup, Span};

use super::Names;
use super::marks::{Start, start};
use super::reader::spans;

const FENCE: &str = "```";

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
            blocks.push(Block::Quote(spans(line, names)));
            continue;
        }
        let Some((begun, at)) = begun else {
            plain.push(line);
            continue;
        };
        read_plain(&mut plain, names, blocks);
        let spans = spans(&line[at..], names);
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
