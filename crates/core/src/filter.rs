//! Filters of a rule.

use std::fmt;
use std::sync::Arc;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::event::{Body, Event};
use crate::frame::NamedFrame;

pub use crate::replacement::Replacement;

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

    /// The compiled expression.
    pub(crate) fn regex(&self) -> &Regex {
        &self.0
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

impl Filter {
    /// Whether it lets every message of a person pass.
    pub fn takes_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the decision needs the event to be complete.
    pub fn looks_inside(&self) -> bool {
        !(self.users.is_open() && self.text.is_open())
    }

    /// Whether [`refuses`](Self::refuses) may still say otherwise once the event is complete.
    pub fn is_undecided(&self, event: &Event) -> bool {
        event.missing.is_some() && self.judges(event)
    }

    /// Whether an expression decides over this kind of event. A deletion follows the message wherever it went, whoever
    /// deletes it; a reaction and news of the room have an author, but no text.
    fn judges(&self, event: &Event) -> bool {
        match event.body {
            Body::Message(_) | Body::Files(_) | Body::Edit(_) => self.looks_inside(),
            Body::Reaction(_) | Body::Joined | Body::Left | Body::Topic(_) => !self.users.is_open(),
            Body::Delete => false,
        }
    }

    /// Why an event is not taken; `None` if it is.
    ///
    /// While an event is incomplete only `bots` is decided.
    pub fn refuses(&self, event: &Event) -> Option<String> {
        if event.author.kind.is_bot() && !self.bots && !matches!(event.body, Body::Delete) {
            return Some("filter.bots: messages of other bots and integrations are not relayed by this rule".into());
        }
        if event.missing.is_some() || !self.judges(event) {
            return None;
        }
        let author = &event.author;
        let names = [author.shown_name(), author.nickname(), &author.username, &author.id];
        self.users.refuses("users", &names).or_else(|| {
            let text = event.message()?.text.to_plain();
            self.text.refuses("text", &[&text])
        })
    }
}

/// Of the frames that may say an event in one channel, the first whose filter takes it; else why none does.
///
/// See [`Planned::frames`](crate::outbox::Planned::frames); the event is complete by now.
pub fn choose<'f>(frames: &'f [Arc<NamedFrame>], event: &Event) -> Result<&'f Arc<NamedFrame>, String> {
    let mut refusals = Vec::new();
    for named in frames {
        match named.frame.filter.refuses(event) {
            None => return Ok(named),
            Some(refusal) => refusals.push(format!("rule `{}`: {refusal}", named.frame.rule)),
        }
    }
    Err(refusals.join("; "))
}
