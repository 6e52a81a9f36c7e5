//! The texts that a configuration was read from, and the way from a problem back to its line.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tieline_core::problem::{Problem, Severity, Step};

use crate::diagnostic::{Diagnostic, Excerpt};
use crate::outline::{Found, Inside, Outline};
use crate::pointer;
use crate::sensitive::{self, SecretKeys};

/// What a masked secret looks like.
const MASK: &str = "•••";

/// How many characters of a long line are shown before and after the part that is meant.
const WINDOW: usize = 60;

/// One text: a file, or a `--set` argument.
#[derive(Debug)]
pub(crate) struct Document {
    /// How people know it.
    pub(crate) name: String,
    /// The text, whole.
    pub(crate) text: String,
    /// Where in the configuration its value stands; empty for a file.
    pub(crate) base: Vec<Step>,
    /// Where everything in it stands.
    pub(crate) outline: Outline,
    /// Which keys hold secrets.
    secret_keys: Arc<SecretKeys>,
    masks: OnceLock<Vec<Range<usize>>>,
}

/// Line and column in a text, both from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineColumn {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Document {
    pub(crate) fn new(
        name: String,
        text: String,
        base: Vec<Step>,
        outline: Outline,
        secret_keys: &Arc<SecretKeys>,
    ) -> Self {
        Self { name, text, base, outline, secret_keys: Arc::clone(secret_keys), masks: OnceLock::new() }
    }

    fn position(&self, byte: usize) -> LineColumn {
        let before = &self.text[..byte];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        LineColumn { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// Where a byte of the text stands, to be named in a message.
    pub(crate) fn place_of(&self, byte: usize) -> Place {
        Place { file: self.name.clone(), at: self.position(byte) }
    }

    fn masks(&self) -> &[Range<usize>] {
        let secret = |step: &Step| matches!(step, Step::Key(key) if self.secret_keys.may_be(key));
        self.masks.get_or_init(|| {
            let login = !self.base.is_empty() && self.text.contains('@');
            if login || self.base.iter().any(secret) {
                vec![self.outline.span.clone()]
            } else {
                sensitive::in_json(&self.text, &self.secret_keys)
            }
        })
    }

    /// A diagnostic about some bytes of the text.
    pub(crate) fn diagnostic(
        &self,
        severity: Severity,
        span: Range<usize>,
        path: &[Step],
        message: String,
    ) -> Diagnostic {
        let LineColumn { line, column } = self.position(span.start);
        Diagnostic {
            severity,
            file: self.name.clone(),
            line,
            column,
            path: pointer::show(path),
            message,
            help: None,
            excerpt: self.excerpt(span),
        }
    }

    /// The line that a span begins on, with the span's part of it.
    fn excerpt(&self, span: Range<usize>) -> Option<Excerpt> {
        let start = self.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[span.start..].find('\n').map_or(self.text.len(), |newline| span.start + newline);
        let line = self.text[start..end].trim_end();
        if line.is_empty() {
            return None;
        }
        let end = start + line.len();
        // Of what is masked, no part can be meant more than another.
        let masked = self.masks().iter().find(|mask| mask.start <= span.start && span.start < mask.end);
        let span = masked.map_or(span, |mask| mask.start.max(start)..mask.end.min(end));
        // What spans several lines is meant from its first sign on: the bracket.
        let meant_end = if span.end > end { span.start + 1 } else { span.end };
        let meant_end = (meant_end..=end).find(|at| self.text.is_char_boundary(*at)).unwrap_or(end);
        let before = shorten(&self.masked(start..span.start.min(end)), true);
        let meant = self.masked(span.start.min(end)..meant_end);
        let after = shorten(&self.masked(meant_end..end), false);
        Some(Excerpt {
            indent: before.chars().count(),
            width: meant.chars().count().max(1),
            text: format!("{before}{meant}{after}"),
        })
    }

    /// A part of one line without the secrets in it. Tabs become spaces, so that the marks below stand right.
    fn masked(&self, part: Range<usize>) -> String {
        if part.is_empty() {
            return String::new();
        }
        let mut out = String::new();
        let mut at = part.start;
        for mask in self.masks() {
            if mask.end <= at || mask.start >= part.end {
                continue;
            }
            out.push_str(&self.text[at..mask.start.max(at)]);
            out.push_str(MASK);
            at = mask.end.min(part.end);
        }
        out.push_str(&self.text[at..part.end]);
        out.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Shortens what stands beside the part that is meant; `front`: in front of it, so its beginning goes.
fn shorten(text: &str, front: bool) -> String {
    let length = text.chars().count();
    if length <= WINDOW {
        return text.to_owned();
    }
    if front {
        format!("…{}", text.chars().skip(length - WINDOW).collect::<String>())
    } else {
        format!("{}…", text.chars().take(WINDOW).collect::<String>())
    }
}

/// Every text of a configuration, in the order in which they are laid over each other.
#[derive(Debug, Default)]
pub(crate) struct Documents(Vec<Document>);

/// A place that can be named in a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    file: String,
    at: LineColumn,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.at.line, self.at.column)
    }
}

impl Documents {
    pub(crate) fn push(&mut self, document: Document) {
        self.0.push(document);
    }

    /// The text that was added last.
    pub(crate) fn last(&self) -> Option<&Document> {
        self.0.last()
    }

    /// The value at a path of the whole configuration, in the text that gave it: the last one that has the path.
    ///
    /// That is right because objects merge and everything else is replaced: whatever has the path later won.
    pub(crate) fn find(&self, path: &[Step]) -> Option<(&Document, Found<'_>)> {
        self.0.iter().rev().find_map(|document| {
            let inside = path.strip_prefix(document.base.as_slice())?;
            Some((document, document.outline.find(inside)?))
        })
    }

    /// Where the key or the item at a path stands; of its nearest parent, if nothing is there.
    pub(crate) fn place(&self, path: &[Step]) -> Option<Place> {
        let (document, found, _) = self.nearest(path)?;
        let start = found.key.map_or(found.value.span.start, |key| key.start);
        Some(document.place_of(start))
    }

    fn nearest<'p>(&self, path: &'p [Step]) -> Option<(&Document, Found<'_>, &'p [Step])> {
        (0..=path.len())
            .rev()
            .find_map(|length| self.find(&path[..length]).map(|(d, found)| (d, found, &path[..length])))
    }

    /// Finds the line to a problem whose path begins at the root. The number is for sorting: the text's place in order.
    pub(crate) fn diagnose(&self, problem: Problem) -> (usize, Diagnostic) {
        let Some((document, found, reached)) = self.nearest(&problem.path) else {
            let Problem { severity, path, message, help, .. } = problem;
            let (file, path) = ("tieline".to_owned(), pointer::show(&path));
            return (0, Diagnostic { severity, file, line: 1, column: 1, path, message, help, excerpt: None });
        };
        let value = &found.value.span;
        let missing = reached.len() < problem.path.len();
        let span = match (found.key, &problem.span) {
            (Some(key), _) if problem.at_key || missing => key.clone(),
            (_, Some(part)) if document.text[value.clone()].starts_with('"') => {
                let literal = &document.text[value.clone()];
                value.start + in_literal(literal, part.start)..value.start + in_literal(literal, part.end)
            }
            // What is wrong with an object as a whole is told where it is named.
            (Some(key), None) if matches!(found.value.inside, Inside::Members(_)) => key.clone(),
            (None, _) if missing => value.start..value.start,
            _ => value.clone(),
        };
        let order = self.0.iter().position(|other| std::ptr::eq(other, document)).unwrap_or_default();
        let mut diagnostic = document.diagnostic(problem.severity, span, &problem.path, problem.message);
        diagnostic.help = problem.help;
        (order, diagnostic)
    }
}

/// From a byte of a decoded text to the byte of its JSON literal.
fn in_literal(literal: &str, decoded: usize) -> usize {
    let (mut at, mut passed) = (1, 0);
    while passed < decoded && at + 1 < literal.len() {
        let rest = &literal[at..];
        let written = match rest.as_bytes() {
            // A pair of \u escapes may make one character; its second half follows the first at once.
            [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        let escaped = format!("\"{}\"", &rest[..written.min(rest.len())]);
        passed += serde_json::from_str::<String>(&escaped).map_or(written, |text| text.len());
        at += written;
    }
    at.min(literal.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    fn document(text: &str) -> Document {
        let outline = scan(text, 0).unwrap().outline;
        Document::new("x.json".into(), text.into(), Vec::new(), outline, &Arc::default())
    }

    fn key(name: &str) -> Step {
        Step::Key(name.into())
    }

    #[test]
    fn columns_count_characters() {
        let mut documents = Documents::default();
        documents.push(document("{\n  \"ä€\": {\"b\": 1}}"));
        let (_, diagnostic) = documents.diagnose(Problem::error("no").at("b").at("ä€"));
        assert_eq!((diagnostic.line, diagnostic.column, diagnostic.path.as_str()), (2, 15, "/ä€/b"));
    }

    #[test]
    fn the_text_that_won_is_named() {
        let mut documents = Documents::default();
        documents.push(document(r#"{"a": {"x": 1, "y": 1}}"#));
        documents.push(Document { name: "y.json".into(), ..document(r#"{"a": {"x": 2}}"#) });
        assert_eq!(documents.place(&[key("a"), key("x")]).unwrap().to_string(), "y.json:1:8");
        assert_eq!(documents.place(&[key("a"), key("y")]).unwrap().to_string(), "x.json:1:16");
    }

    #[test]
    fn a_part_of_a_text_is_found_behind_escapes() {
        let literal = r#""a\n\u00e4\ud83d\ude00{x}""#;
        let decoded: String = serde_json::from_str(literal).unwrap();
        let at = decoded.find('{').unwrap();
        assert_eq!(literal.find('{').unwrap(), in_literal(literal, at));
    }

    #[test]
    fn a_missing_key_points_at_the_key_above_and_a_long_line_is_cut() {
        let mut documents = Documents::default();
        let text = format!(r#"{{"pad": "{}", "rc": {{"auth_token": "hunter2"}}}}"#, "x".repeat(200));
        documents.push(document(&text));
        let (_, diagnostic) = documents.diagnose(Problem::error("missing").at("url").at("rc"));
        let excerpt = diagnostic.excerpt.unwrap();
        let meant: String = excerpt.text.chars().skip(excerpt.indent).take(excerpt.width).collect();
        assert_eq!(meant, "\"rc\"");
        assert!(excerpt.text.starts_with('…') && !excerpt.text.contains("hunter2"), "{}", excerpt.text);
    }
}
