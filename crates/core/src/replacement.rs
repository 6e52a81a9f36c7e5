//! Replacements in the text of a message: `["regex", "replacement"]`.
//!
//! An expression sees one line at a time, as a person reads it: without markup, with mentions as `@name` and emoji as
//! `:name:`. So a match may begin in plain text and end in bold, and nothing hides from a replacement behind formatting.
//! What is put in stands where the match begins, in the formatting of that place, and it is text: no character of it
//! becomes markup. A mention or an emoji that a match touches becomes text too. The address behind a link is a line of
//! its own; if what comes out is no web address any more, the link becomes text.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::filter::Pattern;
use crate::markup::{Block, Markup, Span};

/// A replacement in the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replacement(pub Pattern, pub String);

impl Replacement {
    /// Replaces every match in a text; `$1` and `${name}` stand for groups.
    pub fn apply(&self, text: &str) -> String {
        self.0.regex().replace_all(text, self.1.as_str()).into_owned()
    }

    /// Replaces every match in a formatted text, line by line.
    pub fn apply_to(&self, markup: &Markup) -> Markup {
        Markup { blocks: markup.blocks.iter().flat_map(|block| self.block(block)).collect() }
    }

    fn block(&self, block: &Block) -> Vec<Block> {
        // A line break in what is put in makes several lines of one.
        let lines = |spans: &[Span]| broken(self.line(spans)).into_iter();
        match block {
            Block::Line(spans) => lines(spans).map(Block::Line).collect(),
            Block::Quote(spans) => lines(spans).map(Block::Quote).collect(),
            Block::Item(marker, spans) => lines(spans).map(|spans| Block::Item(marker.clone(), spans)).collect(),
            Block::Heading(level, spans) => lines(spans).map(|spans| Block::Heading(*level, spans)).collect(),
            Block::Code(language, text) => {
                let text = text.split('\n').map(|line| self.apply(line)).collect::<Vec<_>>().join("\n");
                vec![Block::Code(language.clone(), text)]
            }
        }
    }

    fn line(&self, spans: &[Span]) -> Vec<Span> {
        let mut line = String::new();
        read(spans, &mut line);
        let edits = self.edits(&line);
        Rewriting { edits: &edits, at: 0, end: line.len(), replacement: self }.spans(spans)
    }

    fn edits(&self, line: &str) -> Vec<Edit> {
        let captures = self.0.regex().captures_iter(line);
        let edit = |captures: regex::Captures<'_>| {
            let mut put_in = String::new();
            captures.expand(&self.1, &mut put_in);
            captures.get(0).map(|found| Edit { range: found.range(), put_in })
        };
        captures.filter_map(edit).collect()
    }
}

/// Bytes of a line with what stands there instead.
struct Edit {
    range: Range<usize>,
    put_in: String,
}

/// A walk through the spans of a line that was read, making the edits.
struct Rewriting<'r> {
    /// The edits that are not over before `at`, in order.
    edits: &'r [Edit],
    /// How many bytes of the line were walked.
    at: usize,
    /// The length of the line.
    end: usize,
    replacement: &'r Replacement,
}

impl Rewriting<'_> {
    fn spans(&mut self, spans: &[Span]) -> Vec<Span> {
        let mut out: Vec<Span> = spans.iter().flat_map(|span| self.span(span)).collect();
        // Only an edit at the very end of the line, or in an empty one, is left over by the spans before it.
        if self.at == self.end {
            let rest = std::mem::take(&mut self.edits);
            out.extend(rest.iter().filter(|edit| edit.range.is_empty()).filter_map(|edit| text(edit.put_in.clone())));
        }
        out
    }

    fn span(&mut self, span: &Span) -> Vec<Span> {
        let Some(inner) = span.inner() else { return self.leaf(span) };
        let inner = self.spans(inner);
        let Span::Link(address, _) = span else {
            return if inner.is_empty() { Vec::new() } else { vec![span.around(inner)] };
        };
        let replaced = self.replacement.apply(address);
        if replaced == *address || is_web_address(&replaced) {
            return vec![Span::Link(replaced, inner)];
        }
        let behind = (!replaced.is_empty()).then(|| Span::Text(format!(" ({replaced})")));
        inner.into_iter().chain(behind).collect()
    }

    fn leaf(&mut self, span: &Span) -> Vec<Span> {
        let mut reading = String::new();
        read(std::slice::from_ref(span), &mut reading);
        let start = self.at;
        let end = start + reading.len();
        let (mut before, mut kept, mut touched) = (String::new(), String::new(), false);
        while let Some(edit) = self.edits.first().filter(|edit| edit.range.start < end) {
            let begins_here = edit.range.start >= start;
            let from = edit.range.start.max(start);
            kept.push_str(&reading[self.at - start..from - start]);
            if edit.range.is_empty() && from == start && !matches!(span, Span::Text(_)) {
                // Put in front of a mention, it leaves the mention one.
                before.push_str(&edit.put_in);
            } else {
                touched = true;
                if begins_here {
                    kept.push_str(&edit.put_in);
                }
            }
            self.at = edit.range.end.min(end);
            if edit.range.end > end {
                break;
            }
            self.edits = &self.edits[1..];
        }
        kept.push_str(&reading[self.at - start..]);
        self.at = end;
        let rest = match span {
            _ if !touched => Some(span.clone()),
            // Code within a line has one line.
            Span::Code(_) => (!kept.is_empty()).then(|| Span::Code(kept.replace('\n', " "))),
            _ => text(kept),
        };
        text(before).into_iter().chain(rest).collect()
    }
}

fn text(text: String) -> Option<Span> {
    (!text.is_empty()).then_some(Span::Text(text))
}

fn is_web_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// A line as a person reads it, without the addresses behind links.
fn read(spans: &[Span], out: &mut String) {
    for span in spans {
        match span.inner() {
            Some(inner) => read(inner, out),
            None => span.read_leaf(out),
        }
    }
}

/// Spans cut where a line break stands in them.
fn broken(spans: Vec<Span>) -> Vec<Vec<Span>> {
    let mut done = Vec::new();
    let mut line = Vec::new();
    for span in spans {
        let mut pieces = match (&span, span.inner()) {
            (Span::Text(all), _) => all.split('\n').map(|piece| text(piece.to_owned())).collect(),
            (_, Some(inner)) => {
                let lines = broken(inner.to_vec()).into_iter();
                lines.map(|inner| (!inner.is_empty()).then(|| span.around(inner))).collect()
            }
            (_, None) => vec![Some(span)],
        };
        // The last piece is not ended by a break yet.
        let last = pieces.pop().flatten();
        for piece in pieces {
            line.extend(piece);
            done.push(std::mem::take(&mut line));
        }
        line.extend(last);
    }
    done.push(line);
    done
}
