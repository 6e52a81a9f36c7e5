//! A problem with its place, as people read it.

use std::fmt;

use serde::{Serialize, Serializer};
use tieline_core::problem::Severity;

/// One thing that is wrong with a configuration, or worth a look.
///
/// `Display` and [`render`](Self::render) show it with the line it is about. Secrets in that line are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    #[serde(serialize_with = "severity_word")]
    pub severity: Severity,
    /// The file as it was named on the command line, or the `--set` argument's pointer.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// Where in the configuration, as a JSON pointer: `/rules/0/from`. Empty for the whole of it.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line it is about; `None` if there is none.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// A line of a file with the part that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, shortened where it is long, secrets masked.
    pub text: String,
    /// How many characters stand before the part that is meant.
    pub indent: usize,
    /// How many characters the part has, at least 1.
    pub width: usize,
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn severity_word<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word(*severity))
}

impl Diagnostic {
    /// The text for people, over several lines without a line break at the end, with ANSI colours if `colour` is set.
    pub fn render(&self, colour: bool) -> String {
        let paint =
            |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
        let tone = match self.severity {
            Severity::Warning => "33",
            Severity::Error => "31",
        };
        let place = paint("1", &format!("{}:{}:{}:", self.file, self.line, self.column));
        let tone_of_word = paint(&format!("1;{tone}"), &format!("{}:", word(self.severity)));
        let mut lines = vec![format!("{place} {tone_of_word} {}", self.message)];
        if let Some(excerpt) = &self.excerpt {
            let (number, bar) = (self.line.to_string(), paint("34", "|"));
            let (margin, indent) = (" ".repeat(number.len()), " ".repeat(excerpt.indent));
            lines.push(format!(" {number} {bar} {}", excerpt.text));
            lines.push(format!(" {margin} {bar} {indent}{}", paint(tone, &"^".repeat(excerpt.width))));
        }
        lines.extend(self.help.iter().map(|help| format!("{} {help}", paint("36", "help:"))));
        lines.join("\n")
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
