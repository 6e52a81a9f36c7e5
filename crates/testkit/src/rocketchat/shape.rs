//! Checks of bodies, as strict as the platform's schemas: unknown keys are refused.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// What a key's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    TextOrTexts,
    List,
    Object,
    Bool,
}

impl Kind {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::TextOrTexts => {
                value.is_string() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
            }
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
            Self::Bool => value.is_boolean(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::TextOrTexts => "string,array",
            Self::List => "array",
            Self::Object => "object",
            Self::Bool => "boolean",
        }
    }
}

/// The keys that a body may have.
pub(crate) struct Shape {
    pub(crate) required: &'static [(&'static str, Kind)],
    pub(crate) optional: &'static [(&'static str, Kind)],
}

impl Shape {
    /// Everything that is wrong with a body, in the words of the platform's validator.
    pub(crate) fn problems(&self, body: &Map<String, Value>) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, _) in self.required {
            if !body.contains_key(*name) {
                problems.push(format!("must have required property '{name}'"));
            }
        }
        for (key, value) in body {
            match self.required.iter().chain(self.optional).find(|(name, _)| name == key) {
                None => problems.push("must NOT have additional properties".to_owned()),
                Some((_, kind)) if !kind.takes(value) => problems.push(format!("must be {}", kind.word())),
                Some(_) => {}
            }
        }
        problems
    }

    /// The body as an object, if what this shape names has its type; other keys are taken.
    pub(crate) fn check_types<'a>(&self, body: &'a Value) -> Result<&'a Map<String, Value>, Refusal> {
        let Some(object) = body.as_object() else { return Err(Refusal::schema(&["must be object".to_owned()])) };
        let wrong = |(name, kind): &&(&str, Kind)| object.get(*name).is_some_and(|value| !kind.takes(value));
        match self.required.iter().chain(self.optional).find(wrong) {
            Some((_, kind)) => Err(Refusal::schema(&[format!("must be {}", kind.word())])),
            None => Ok(object),
        }
    }

    /// The body as an object, if it has this shape.
    pub(crate) fn check<'a>(&self, body: &'a Value) -> Result<&'a Map<String, Value>, Refusal> {
        let Some(object) = body.as_object() else { return Err(Refusal::schema(&["must be object".to_owned()])) };
        let problems = self.problems(object);
        if problems.is_empty() { Ok(object) } else { Err(Refusal::schema(&problems)) }
    }
}

/// A text of a body, if it is there.
pub(crate) fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str)
}
