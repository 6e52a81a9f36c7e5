//! What is told once instead of twice: a key that is there under a wrong name, or with a value of the wrong kind, is not
//! missing as well.
//!
//! A driver is asked about what is written, and, if a key of it is misspelt, about the same with that key put right. What
//! it finds wrong only in what is written, and not at that key itself, follows from the misspelling.

use serde_json::{Map, Value};
use tieline_core::problem::{Problem, Step, nearest};

/// What stands in the place of a value of the wrong kind.
const PLACEHOLDER: &str = "unresolved";

/// An object with its misspelt keys put right.
pub(crate) struct Corrected {
    pub(crate) object: Map<String, Value>,
    /// The keys, as they are written, that were put right or have a value of the wrong kind.
    wrong: Vec<String>,
}

/// The key that a misspelt one was meant to be, of those that are known and not given.
pub(crate) fn meant<'k>(written: &str, object: &Map<String, Value>, known: &[&'k str]) -> Option<&'k str> {
    if known.contains(&written) {
        return None;
    }
    nearest(written, known.iter().copied()).filter(|near| !object.contains_key(*near))
}

impl Corrected {
    /// Puts keys right by the schema of the object; `None` if nothing is wrong with any of them.
    pub(crate) fn new(written: &Map<String, Value>, schema: &Value) -> Option<Self> {
        let properties = schema["properties"].as_object()?;
        let known: Vec<&str> = properties.keys().map(String::as_str).collect();
        let mut corrected = Self { object: Map::new(), wrong: Vec::new() };
        for (key, value) in written {
            let meant = meant(key, written, &known).unwrap_or(key);
            let wrong_kind = !value.is_string() && !value.is_null() && properties.get(meant).is_some_and(is_text);
            if meant != key || wrong_kind {
                corrected.wrong.push(key.clone());
            }
            let value = if wrong_kind { PLACEHOLDER.into() } else { value.clone() };
            corrected.object.entry(meant).or_insert(value);
        }
        (!corrected.wrong.is_empty()).then_some(corrected)
    }

    /// Of what is wrong with the object as it is written, that which does not follow from a wrong key. `still` is what is
    /// wrong with the corrected one.
    pub(crate) fn what_remains(&self, mut problems: Vec<Problem>, still: &[Problem]) -> Vec<Problem> {
        let at_wrong_key = |problem: &Problem| match problem.path.first() {
            Some(Step::Key(key)) => self.wrong.contains(key),
            _ => false,
        };
        problems.retain(|problem| at_wrong_key(problem) || still.contains(problem));
        problems
    }
}

/// Whether a property can only be a text, or `null`.
fn is_text(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == "string",
        Value::Array(kinds) => kinds.iter().all(|kind| kind == "string" || kind == "null"),
        _ => false,
    }
}
