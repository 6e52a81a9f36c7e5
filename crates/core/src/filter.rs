//! Filters and replacements of a rule.

use std::fmt;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// A regular expression that knows how it was written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles an expression.
    pub fn parse(source: &str) -> Result<Self, regex::Error> {
        Regex::new(source).map(Self)
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        self.0.as_str()
    }

    fn found_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl TryFrom<String> for Pattern {
    type Error = regex::Error;
    fn try_from(source: String) -> Result<Self, regex::Error> {
        Self::parse(&source)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.source().to_owned()
    }
}

/// Which messages a rule takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// By author: any of the shown name, the nickname, the account name and the account's id may match.
    #[serde(default, skip_serializing_if = "Choice::is_open")]
    pub users: Choice,
    /// By text, without formatting.
    #[serde(default, skip_serializing_if = "Choice::is_open")]
    pub text: Choice,
    /// Whether messages of other bots and integrations are taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bots: bool,
}

/// Expressions of which one must match, and of which none may.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// If there are any, one must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Pattern>,
    /// None may match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Pattern>,
}

impl Choice {
    /// Whether everything passes.
    pub fn is_open(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    fn refuses(&self, what: &str, candidates: &[&str]) -> Option<String> {
        let matches = |pattern: &Pattern| candidates.iter().any(|text| pattern.found_in(text));
        if let Some(pattern) = self.exclude.iter().find(|pattern| matches(pattern)) {
            return Some(format!("filter.{what}.exclude: `{}` matches", pattern.source()));
        }
        if !self.include.is_empty() && !self.include.iter().any(matches) {
            return Some(format!("filter.{what}.include: no expression matches"));
        }
        None
    }
}

/// A replacement in the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replacement(pub Pattern, pub String);

impl Replacement {
    /// Replaces every match in a text; `$1` and `${name}` stand for groups.
    pub fn apply(&self, text: &str) -> String {
        self.0.0.replace_all(text, self.1.as_str()).into_owned()
    }
}

impl Filter {
    /// Whether it lets every message of a person pass.
    pub fn takes_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the decision needs the event to be complete.
    pub fn looks_inside(&self) -> bool {
        !(self.users.is_open() && self.text.is_open())
    }

    /// Why a message is not taken; `None` if it is.
    ///
    /// While an event is incomplete only `bots` is decided.
    pub fn refuses(&self, event: &Event) -> Option<String> {
        if event.author.kind.is_bot() && !self.bots {
            return Some("filter.bots: messages of other bots and integrations are not relayed by this rule".into());
        }
        if event.missing.is_some() || !self.looks_inside() {
            return None;
        }
        let author = &event.author;
        self.users.refuses("users", &[author.shown_name(), author.nickname(), &author.username, &author.id]).or_else(
            || {
                let text = event.message().map(|message| message.text.to_plain()).unwrap_or_default();
                self.text.refuses("text", &[&text])
            },
        )
    }
}
