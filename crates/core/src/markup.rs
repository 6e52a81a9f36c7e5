//! What people format: one tree for all platforms.
//!
//! A chat text is a run of lines, and no chat dialect lets emphasis span two of them; so the tree is a list of lines,
//! each a list of spans. A driver has one parser (dialect → tree) and one renderer (tree → dialect).
//! Text in the tree is what a person sees; it holds no markup of any dialect.

use serde::{Deserialize, Serialize};

/// A formatted text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markup {
    /// The lines from top to bottom.
    pub blocks: Vec<Block>,
}

/// One line, or one block of code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A plain line; an empty one is a blank line.
    Line(Vec<Span>),
    /// A line of a quotation.
    Quote(Vec<Span>),
    /// A line of a list. The marker is what stood in front, without the space: `-`, `3.`
    Item(String, Vec<Span>),
    /// A headline of level 1 to 6.
    Heading(u8, Vec<Span>),
    /// A block of code, with its language where one was named. The text may have several lines.
    Code(Option<String>, String),
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Text as a person reads it.
    Text(String),
    /// Bold.
    Bold(Vec<Span>),
    /// Italic.
    Italic(Vec<Span>),
    /// Underlined.
    Underline(Vec<Span>),
    /// Struck through.
    Strike(Vec<Span>),
    /// Hidden until it is clicked.
    Spoiler(Vec<Span>),
    /// Code within a line.
    Code(String),
    /// A link with its own text. A bare address is `Text`.
    Link(String, Vec<Span>),
    /// A person, a room, or everybody.
    Mention(Mention),
    /// A short code such as `thumbsup`, without colons.
    Emoji(String),
}

/// Who or what is mentioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mention {
    /// A person.
    User(Person),
    /// A room, by the name that is shown, without `#`.
    Room(String),
    /// Everybody in the room, as `all`, `here`, `everyone`, without `@`.
    Everybody(String),
}

/// A person who is mentioned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name that is shown, without `@`.
    pub name: String,
    /// The account on the platform where it was written, as [`Author::id`](crate::event::Author::id) or
    /// [`Author::username`](crate::event::Author::username) shows it; empty where the text names nobody for certain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The account on the platform where it will be said, as that one's dialect writes a mention; `None`: nobody is known,
    /// and nobody is called. No parser sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Person {
    /// Somebody of whom the text says an account.
    pub fn with_id(name: impl Into<String>, id: impl Into<String>) -> Self {
        Self { name: name.into(), id: id.into(), account: None }
    }
}

impl<N: Into<String>> From<N> for Person {
    /// Somebody of whom the text says a name.
    fn from(name: N) -> Self {
        Self::with_id(name, "")
    }
}

impl Markup {
    /// A text without any formatting, cut into lines.
    pub fn plain(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let line =
            |line: &str| Block::Line(if line.is_empty() { Vec::new() } else { vec![Span::Text(line.to_owned())] });
        Self { blocks: text.split('\n').map(line).collect() }
    }

    /// What a person reads, without any formatting.
    pub fn to_plain(&self) -> String {
        let mut out = String::new();
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            match block {
                Block::Line(spans) | Block::Heading(_, spans) => plain_spans(spans, &mut out),
                Block::Quote(spans) => {
                    out.push_str("> ");
                    plain_spans(spans, &mut out);
                }
                Block::Item(marker, spans) => {
                    out.push_str(marker);
                    out.push(' ');
                    plain_spans(spans, &mut out);
                }
                Block::Code(_, text) => out.push_str(text),
            }
        }
        out
    }

    /// Whether a person would see nothing.
    pub fn is_blank(&self) -> bool {
        self.to_plain().trim().is_empty()
    }
}

fn plain_spans(spans: &[Span], out: &mut String) {
    for span in spans {
        match span.inner() {
            Some(inner) => plain_spans(inner, out),
            None => span.read_leaf(out),
        }
        if let Span::Link(address, _) = span {
            out.extend([" (", address, ")"]);
        }
    }
}

impl Span {
    /// The spans inside it; `None` if it is a leaf.
    pub fn inner(&self) -> Option<&[Span]> {
        match self {
            Self::Bold(inner)
            | Self::Italic(inner)
            | Self::Underline(inner)
            | Self::Strike(inner)
            | Self::Spoiler(inner)
            | Self::Link(_, inner) => Some(inner),
            Self::Text(_) | Self::Code(_) | Self::Mention(_) | Self::Emoji(_) => None,
        }
    }

    /// The same formatting around other spans; a leaf stays what it is.
    pub fn around(&self, inner: Vec<Span>) -> Self {
        match self {
            Self::Bold(_) => Self::Bold(inner),
            Self::Italic(_) => Self::Italic(inner),
            Self::Underline(_) => Self::Underline(inner),
            Self::Strike(_) => Self::Strike(inner),
            Self::Spoiler(_) => Self::Spoiler(inner),
            Self::Link(address, _) => Self::Link(address.clone(), inner),
            Self::Text(_) | Self::Code(_) | Self::Mention(_) | Self::Emoji(_) => self.clone(),
        }
    }

    /// Appends what a person reads of a leaf.
    pub(crate) fn read_leaf(&self, out: &mut String) {
        match self {
            Self::Text(text) | Self::Code(text) => out.push_str(text),
            Self::Mention(Mention::User(Person { name, .. }) | Mention::Everybody(name)) => out.extend(["@", name]),
            Self::Mention(Mention::Room(name)) => out.extend(["#", name]),
            Self::Emoji(name) => out.extend([":", name, ":"]),
            Self::Bold(_)
            | Self::Italic(_)
            | Self::Underline(_)
            | Self::Strike(_)
            | Self::Spoiler(_)
            | Self::Link(..) => {}
        }
    }
}

/// How one platform writes the tree down. All functions are pure.
pub trait Dialect: Send + Sync {
    /// What a person typed on this platform.
    fn parse(&self, text: &str) -> Markup;

    /// The tree in this dialect. What the dialect cannot say becomes readable text; mass mentions are defused.
    fn render(&self, markup: &Markup) -> String;

    /// A text that was typed by a person, so that the platform shows it as it is: no markup, no mention, no command.
    fn escape(&self, text: &str) -> String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_keeps_its_lines() {
        for text in ["", "a", "a\n\nb", "\n"] {
            assert_eq!(Markup::plain(text).to_plain(), text);
        }
        assert!(Markup::plain(" \n ").is_blank());
    }
}
