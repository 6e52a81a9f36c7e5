//! Checks of a form's fields, and the tree in which Discord tells what is wrong with them.

use serde_json::{Map, Value, json};

use super::super::refusal::Refusal;
use super::super::snowflake::Snowflake;

/// What is wrong with a form.
#[derive(Debug, Default)]
pub(crate) struct Problems(Map<String, Value>);

impl Problems {
    /// Notes a problem; `path` is where it is, with dots between keys (`embeds.0.title`).
    pub(crate) fn add(&mut self, path: &str, code: &str, message: impl Into<String>) {
        let mut at = &mut self.0;
        for key in path.split('.') {
            let next = at.entry(key).or_insert_with(|| json!({}));
            let Value::Object(next) = next else { return };
            at = next;
        }
        let all = at.entry("_errors").or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(json!({ "code": code, "message": message.into() }));
        }
    }

    /// Refuses if there is a problem.
    pub(crate) fn refuse(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::invalid_form(&Value::Object(self.0))) }
    }
}

/// What a field may be. Null may stand for any of them, except in lists.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A string of at most so many characters.
    Text(usize),
    Flag,
    /// A number that is not negative.
    Number,
    /// A number with or without decimals.
    Decimal,
    /// An id, as a string of digits.
    Id,
    /// A number, or a string of at most so many characters.
    NumberOrText(usize),
    List,
    Object,
}

impl Kind {
    fn check(self, path: &str, value: &Value, problems: &mut Problems) {
        let too_long = |most: usize| {
            value
                .as_str()
                .is_some_and(|text| text.chars().count() > most)
                .then(|| ("BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length.")))
        };
        let said = |code: &'static str, message: &str| Some((code, message.to_owned()));
        let problem = match self {
            _ if value.is_null() => None,
            Self::Text(most) if value.is_string() => too_long(most),
            Self::Text(_) => said("STRING_TYPE_CONVERT", "Could not interpret the value as string."),
            Self::Number | Self::NumberOrText(_) if value.is_u64() => None,
            Self::NumberOrText(most) if value.is_string() => too_long(most),
            Self::NumberOrText(_) => said("STRING_TYPE_CONVERT", "Could not interpret the value as string or integer."),
            Self::Flag if value.is_boolean() => None,
            Self::Flag => said("BOOLEAN_TYPE_CONVERT", "Must be either true or false."),
            Self::Number => Some(("NUMBER_TYPE_COERCE", format!("Value {value} is not int."))),
            Self::Decimal if value.is_number() => None,
            Self::Decimal => Some(("NUMBER_TYPE_COERCE", format!("Value {value} is not float."))),
            Self::Id if value.as_str().is_some_and(|id| id.parse::<Snowflake>().is_ok()) => None,
            Self::Id => Some(("NUMBER_TYPE_COERCE", format!("Value {value} is not snowflake."))),
            Self::List if value.is_array() => None,
            Self::List => said("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"),
            Self::Object if value.is_object() => None,
            Self::Object => said("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"),
        };
        if let Some((code, message)) = problem {
            problems.add(path, code, message);
        }
    }
}

/// Checks an object against the fields that it may have. `at` is where it is, empty for the whole form.
pub(crate) fn check(at: &str, object: &Map<String, Value>, known: &[(&str, Kind)], problems: &mut Problems) {
    for (key, value) in object {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match known.iter().find(|(name, _)| name == key) {
            Some((_, kind)) => kind.check(&path, value, problems),
            // Discord looks over most of what it does not know; a field that does nothing is a mistake all the same.
            None => problems.add(&path, "UNKNOWN_KEY", format!("The key {key:?} is not known.")),
        }
    }
}

/// Checks a list of ids.
pub(crate) fn check_ids(at: &str, value: &Value, most: usize, problems: &mut Problems) {
    let Some(all) = value.as_array() else { return };
    if all.len() > most {
        problems.add(at, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
    }
    for (index, one) in all.iter().enumerate() {
        if one.is_null() {
            problems.add(&format!("{at}.{index}"), "BASE_TYPE_REQUIRED", "This field is required");
        }
        Kind::Id.check(&format!("{at}.{index}"), one, problems);
    }
}

/// Reads an id from a path or query.
pub(crate) fn id(name: &str, said: &str) -> Result<Snowflake, Refusal> {
    let message = format!("Value \"{said}\" is not snowflake.");
    said.parse().map_err(|_| Refusal::invalid_field(name, "NUMBER_TYPE_COERCE", &message))
}

/// A field of a checked form; `None` where it is absent or null.
pub(crate) fn given<'a>(form: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    form.get(key).filter(|value| !value.is_null())
}

/// A text of a checked form; empty where it is absent or null.
pub(crate) fn text<'a>(form: &'a Map<String, Value>, key: &str) -> &'a str {
    form.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A list of a checked form; empty where it is absent or null.
pub(crate) fn list(form: &Map<String, Value>, key: &str) -> Vec<Value> {
    form.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}
