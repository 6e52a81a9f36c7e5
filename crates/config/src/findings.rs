//! Collects problems, and reads values of a stated type from the configuration while it does.
//!
//! Nothing is coerced: `"7"` is no number and `1` is not `true`.

use std::time::Duration;

use serde_json::{Map, Value};
use tieline_core::problem::{Problem, Step, unknown_keys};

use crate::duration;

/// A place in the configuration, as a chain from the inside out. It costs nothing until a problem is there.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    Root,
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl At<'_> {
    /// The place under a key.
    pub(crate) fn key<'a>(&'a self, key: &'a str) -> At<'a> {
        At::Key(self, key)
    }

    /// The place of an item.
    pub(crate) fn index(&self, index: usize) -> At<'_> {
        At::Index(self, index)
    }

    /// The steps from the root.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps = match self {
            Self::Root => return Vec::new(),
            Self::Key(parent, _) | Self::Index(parent, _) => parent.steps(),
        };
        steps.push(match self {
            Self::Key(_, key) => Step::Key((*key).to_owned()),
            Self::Index(_, index) => Step::Index(*index),
            Self::Root => return steps,
        });
        steps
    }
}

/// Everything that was found wrong so far, with paths from the root.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Problem>);

impl Findings {
    /// Adds a problem whose path begins at a place.
    pub(crate) fn add(&mut self, at: &At<'_>, mut problem: Problem) {
        problem.path.splice(0..0, at.steps());
        self.0.push(problem);
    }

    /// Adds several.
    pub(crate) fn add_all(&mut self, at: &At<'_>, problems: impl IntoIterator<Item = Problem>) {
        problems.into_iter().for_each(|problem| self.add(at, problem));
    }

    /// Everything, in the order in which it was found.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.0
    }

    /// Says that a value has the wrong type.
    pub(crate) fn mismatch(&mut self, at: &At<'_>, expected: &str, found: &Value) {
        self.add(at, Problem::error(format!("expected {expected}, found {}", describe(found))));
    }

    /// An object, its keys not checked.
    pub(crate) fn object<'v>(
        &mut self,
        at: &At<'_>,
        expected: &str,
        value: &'v Value,
    ) -> Option<&'v Map<String, Value>> {
        value.as_object().or_else(|| {
            self.mismatch(at, expected, value);
            None
        })
    }

    /// An object that has no other keys than these.
    pub(crate) fn section<'v>(
        &mut self,
        at: &At<'_>,
        value: &'v Value,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let object = self.object(at, "an object", value)?;
        self.add_all(at, unknown_keys(object, known));
        Some(object)
    }

    /// A list.
    pub(crate) fn list<'v>(&mut self, at: &At<'_>, expected: &str, value: &'v Value) -> Option<&'v [Value]> {
        value.as_array().map(Vec::as_slice).or_else(|| {
            self.mismatch(at, expected, value);
            None
        })
    }

    /// A text.
    pub(crate) fn text<'v>(&mut self, at: &At<'_>, value: &'v Value) -> Option<&'v str> {
        value.as_str().or_else(|| {
            self.mismatch(at, "text", value);
            None
        })
    }

    /// A text that is a secret: whatever stands there instead is not shown.
    pub(crate) fn secret<'v>(&mut self, at: &At<'_>, value: &'v Value) -> Option<&'v str> {
        value.as_str().or_else(|| {
            self.add(at, Problem::error("expected text, found a value of another kind"));
            None
        })
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, at: &At<'_>, value: &Value) -> Option<bool> {
        value.as_bool().or_else(|| {
            self.mismatch(at, "true or false", value);
            None
        })
    }

    /// A whole number from 1 on.
    pub(crate) fn count(&mut self, at: &At<'_>, value: &Value) -> Option<u32> {
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        count.or_else(|| {
            self.mismatch(at, "a whole number from 1 to 4294967295", value);
            None
        })
    }

    /// A duration such as `"24h"`.
    pub(crate) fn duration(&mut self, at: &At<'_>, value: &Value) -> Option<Duration> {
        let Some(text) = value.as_str() else {
            self.mismatch(at, "a duration such as \"24h\"", value);
            return None;
        };
        duration::parse(text).map_err(|problem| self.add(at, problem)).ok()
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&mut self, at: &At<'_>, value: &Value, choices: &[(&str, T)]) -> Option<T> {
        let written = self.text(at, value)?;
        let chosen = choices.iter().find(|(word, _)| *word == written).map(|(_, meaning)| *meaning);
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let help = tieline_core::problem::nearest(written, words.iter().copied()).map_or_else(
                || format!("write one of: {}", words.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.add(at, Problem::error(format!("`{written}` is not known here")).help(help));
        }
        chosen
    }
}

/// A value as people call it. Texts are not quoted: they may be secrets.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
