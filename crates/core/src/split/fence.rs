//! Code within a text: where a part that ends in it must close it, and the next one must open it again.

use std::ops::Range;

use crate::driver::TextUnit;

/// What opens and closes a block of code.
pub(super) const FENCE: &str = "```";

/// A piece of code.
pub(super) struct Fence<'t> {
    /// From the first backtick to behind the last.
    pub(super) whole: Range<usize>,
    /// What is between the opening, with its language and line break, and the closing.
    pub(super) body: Range<usize>,
    /// What opens it again.
    pub(super) opening: String,
    /// What closes it where it is cut.
    pub(super) closing: String,
    text: &'t str,
}

impl<'t> Fence<'t> {
    /// The code that begins with the backticks at a place: a block, or code within a line; `None`: nothing closes it.
    fn at(text: &'t str, start: usize, run: usize) -> Option<Self> {
        if run < FENCE.len() { Self::inline(text, start, run) } else { Self::block(text, start) }
    }

    fn block(text: &'t str, start: usize) -> Option<Self> {
        let inside = start + FENCE.len();
        let first_line = text[inside..].split_once('\n').map(|(line, _)| line);
        let language = first_line.filter(|line| !line.contains(|c: char| c == '`' || c.is_whitespace()));
        let body = language.map_or(inside, |language| inside + language.len() + 1);
        let end = body + text[body..].find(FENCE)?;
        let opening = format!("{FENCE}{}\n", language.unwrap_or_default());
        Some(Self { whole: start..end + FENCE.len(), body: body..end, opening, closing: format!("\n{FENCE}"), text })
    }

    fn inline(text: &'t str, start: usize, run: usize) -> Option<Self> {
        let inside = start + run;
        let line = &text[inside..inside + text[inside..].find('\n').unwrap_or(text.len() - inside)];
        let length = runs(line).find(|(_, length)| *length == run).map(|(at, _)| at)?;
        let marks = &text[start..inside];
        (!line[..length].trim().is_empty()).then(|| Self {
            whole: start..inside + length + run,
            body: inside..inside + length,
            opening: marks.to_owned(),
            closing: marks.to_owned(),
            text,
        })
    }

    /// Whether it may be cut there: not within its own signs, nor where only an empty piece of code would be left before
    /// or behind. A backtick beside a mark would make another one of it.
    pub(super) fn allows(&self, end: usize, next: usize) -> bool {
        let within = end > self.body.start && next < self.body.end;
        within && (self.is_block() || !(self.text[..end].ends_with('`') || self.text[next..].starts_with('`')))
    }

    fn is_block(&self) -> bool {
        self.opening.ends_with('\n')
    }
}

/// The code in a text that has to be closed and opened again where it is cut. One that is never closed is none; code
/// within a line that is at most `whole` long is cut nowhere; and what would be half filled with its own signs is cut
/// like other text.
pub(super) fn fences(text: &str, max: usize, whole: usize, unit: TextUnit) -> Vec<Fence<'_>> {
    let mut fences = Vec::new();
    let mut blocks = true;
    let mut at = 0;
    while let Some((start, run)) = runs(&text[at..]).next().map(|(found, run)| (at + found, run)) {
        let is_block = run >= FENCE.len();
        if is_escaped(text, start) {
            at = start + 1;
            continue;
        }
        let found = if is_block && !blocks { None } else { Fence::at(text, start, run) };
        let Some(fence) = found else {
            blocks &= !is_block;
            at = start + run;
            continue;
        };
        at = fence.whole.end;
        let signs = unit.count(&fence.opening) + unit.count(&fence.closing);
        if signs <= max / 2 && (is_block || unit.count(&text[fence.whole.clone()]) > whole) {
            fences.push(fence);
        }
    }
    fences
}

/// How many bytes the code takes that begins at a place within a line.
pub(super) fn code_length(text: &str, start: usize) -> Option<usize> {
    let run = text[start..].bytes().take_while(|byte| *byte == b'`').count();
    let fence = (!is_escaped(text, start) && run < FENCE.len()).then(|| Fence::inline(text, start, run)).flatten()?;
    Some(fence.whole.len())
}

/// Whether a backslash takes away what the sign at a place means.
fn is_escaped(text: &str, at: usize) -> bool {
    text.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The runs of backticks in a text, with their lengths.
fn runs(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find('`')?;
        let length = text[start..].bytes().take_while(|byte| *byte == b'`').count();
        at = start + length;
        Some((start, length))
    })
}
