//! Templates: `[{platform}] {user}: {msg}`.
//!
//! A template is compiled when the configuration is loaded, so a misspelt name is found then and not in a message. Values
//! are put in once and never read as template again. `{{` and `}}` are literal braces, `{user|somebody}` names what
//! stands for an empty value.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::problem::nearest;

/// A compiled template.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Field { field: Field, fallback: String },
}

/// A value that a template can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The name that is shown: the alias, else as `Nickname`.
    User,
    /// The name that is shown, without an alias.
    Nickname,
    /// The account name.
    Username,
    /// The platform's id of the author.
    UserId,
    /// The address of the author's picture.
    UserAvatar,
    /// The text.
    Msg,
    /// The source platform.
    Platform,
    /// The source instance.
    InstanceId,
    /// The source instance, under its older name.
    From,
    /// The source room's name, else its id.
    Room,
    /// The message's own time, RFC 3339, local.
    Time,
}

impl Field {
    /// Every field with its name.
    pub const ALL: [(&'static str, Self); 11] = [
        ("user", Self::User),
        ("nickname", Self::Nickname),
        ("username", Self::Username),
        ("user_id", Self::UserId),
        ("user_avatar", Self::UserAvatar),
        ("msg", Self::Msg),
        ("platform", Self::Platform),
        ("instance_id", Self::InstanceId),
        ("from", Self::From),
        ("room", Self::Room),
        ("time", Self::Time),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }
}

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The bytes of the template that are wrong.
    pub span: Range<usize>,
}

impl Template {
    /// Compiles a template.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = source[at..].find(['{', '}']) {
            let brace = at + found;
            literal.push_str(&source[at..brace]);
            let rest = &source[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                literal.push_str(&rest[..1]);
                at = brace + 2;
                continue;
            }
            if rest.starts_with('}') {
                return Err(TemplateError {
                    message: "a `}` without its `{`".into(),
                    help: "write `}}` for a literal brace".into(),
                    span: brace..brace + 1,
                });
            }
            let inner = &rest[1..];
            let Some(length) = inner.find(['{', '}']).filter(|end| inner.as_bytes()[*end] == b'}') else {
                return Err(TemplateError {
                    message: "a `{` without its `}`".into(),
                    help: "write `{{` for a literal brace".into(),
                    span: brace..brace + 1,
                });
            };
            let (name, fallback) = inner[..length].split_once('|').unwrap_or((&inner[..length], ""));
            let Some(field) = Field::named(name) else {
                return Err(unknown_field(name, brace + 1..brace + 1 + name.len()));
            };
            if !literal.is_empty() {
                segments.push(Segment::Literal(std::mem::take(&mut literal)));
            }
            segments.push(Segment::Field { field, fallback: fallback.to_owned() });
            at = brace + length + 2;
        }
        literal.push_str(&source[at..]);
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal));
        }
        Ok(Self { source: source.to_owned(), segments })
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the template names this field.
    pub fn names(&self, wanted: Field) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Field { field, .. } if *field == wanted))
    }

    /// Whether the template names the author in any way.
    pub fn names_author(&self) -> bool {
        [Field::User, Field::Nickname, Field::Username, Field::UserId].into_iter().any(|field| self.names(field))
    }

    /// Puts values in, each as it is. A value that is empty is replaced by the fallback, which is the operator's own
    /// text and stands as it was written.
    pub fn fill<'v>(&self, mut value: impl FnMut(Field) -> Cow<'v, str>) -> String {
        let mut out = String::with_capacity(self.source.len() + 64);
        self.fill_onto(&mut out, |field, _| value(field));
        out
    }

    /// Appends the filled template to a text. `value` is told what stands before the place it is asked for.
    pub(crate) fn fill_onto<'v>(&self, out: &mut String, mut value: impl FnMut(Field, &str) -> Cow<'v, str>) {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Field { field, fallback } => {
                    let value = value(*field, out);
                    out.push_str(if value.is_empty() { fallback } else { &value });
                }
            }
        }
    }
}

fn unknown_field(name: &str, span: Range<usize>) -> TemplateError {
    let known = Field::ALL.map(|(name, _)| name);
    let help = match nearest(name, known) {
        Some(near) => format!("did you mean `{{{near}}}`?"),
        None => format!("known names: {}", known.join(", ")),
    };
    TemplateError { message: format!("unknown name `{{{name}}}` in a template"), help, span }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.source)
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;
    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(&source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> String {
        template.source
    }
}
