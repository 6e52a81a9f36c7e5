//! The two streams that people read. Only this file and `main` write to them.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How a word is shown where colours are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Good,
    Warning,
    Bad,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
        }
    }
}

/// A stream to a person or to a program.
pub(crate) struct Terminal {
    out: Box<dyn Write + Send>,
    colours: bool,
    watched: bool,
}

impl Terminal {
    /// Standard output: what a command was asked for.
    pub(crate) fn stdout() -> Self {
        let out = io::stdout();
        let watched = out.is_terminal();
        Self { out: Box::new(out), colours: watched && colours_wanted(), watched }
    }

    /// Standard error: logs, warnings and failures.
    pub(crate) fn stderr() -> Self {
        let out = io::stderr();
        let watched = out.is_terminal();
        Self { out: Box::new(out), colours: watched && colours_wanted(), watched }
    }

    /// Whether colours are shown: on a terminal, unless `NO_COLOR` is set.
    pub(crate) fn colours(&self) -> bool {
        self.colours
    }

    /// Whether a person watches.
    pub(crate) fn is_terminal(&self) -> bool {
        self.watched
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Says on a terminal what is being done, in the place of what was said so before; an empty text takes that away.
    /// In a pipe nothing is said.
    pub(crate) fn progress(&mut self, text: impl Display) -> io::Result<()> {
        if !self.watched {
            return Ok(());
        }
        // Back to the beginning of the line, and away with what stands there.
        write!(self.out, "\r\x1b[K{text}")?;
        self.out.flush()
    }

    /// The text in a style, where colours are shown.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        if self.colours { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_string() }
    }

    #[cfg(test)]
    pub(crate) fn watched(mut self) -> Self {
        self.watched = true;
        self
    }

    #[cfg(test)]
    pub(crate) fn into_memory(sink: std::sync::Arc<std::sync::Mutex<Vec<u8>>>) -> Self {
        struct Memory(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Memory {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        Self { out: Box::new(Memory(sink)), colours: false, watched: false }
    }
}

/// See <https://no-color.org>: set and not empty means no.
fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A text that strangers wrote, harmless on a terminal: control characters and the marks that turn the direction of
/// writing are shown as escapes. Line ends and tabs stay.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if turns || (c.is_control() && c != '\n' && c != '\t') {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A text in one line of at most `width` characters.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let line = harmless(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    let mut cut: String = line.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A time as RFC 3339 has it, with the zone's offset.
pub(crate) fn local(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Cells in columns that are as wide as they need to be; the last column is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(
                |(column, cell)| {
                    if column + 1 == row.len() { cell.clone() } else { format!("{cell:<w$}", w = widths[column]) }
                },
            )
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_wrote_cannot_steer_a_terminal() {
        assert_eq!(harmless("a\x1b[31mb\u{202e}c\nd"), "a\\u{1b}[31mb\\u{202e}c\nd");
        assert_eq!(one_line("a\n b\tc", 10), "a b c");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["ID".into(), "FROM".into()], vec!["117".into(), "é".into()], vec!["2".into(), String::new()]];
        assert_eq!(columns(&rows), ["ID   FROM", "117  é", "2"]);
    }
}
