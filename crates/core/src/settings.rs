//! Reading a driver's settings, key by key, so that every mistake is told and none hides another.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{Problem, nearest, unknown_key};

mod proxy;
mod usual;

pub use proxy::{ProxySetting, password_in};
pub use usual::{base_url, file_size, listen_at, token};

/// Reads settings. Every key that is unknown or holds the wrong kind of value is a problem of its own; the others are
/// read as if it were not there, so that what is wrong with them shows as well.
///
/// `schema` names the known keys. `own` reads the keys whose values the driver checks by itself: it returns what is to be
/// read in their place; `None` for every other key.
pub fn read<S: DeserializeOwned>(
    written: &Value,
    schema: &Value,
    own: impl Fn(&str, &Value, &mut Vec<Problem>) -> Option<Value>,
) -> (Option<S>, Vec<Problem>) {
    let Some(written) = written.as_object() else {
        return (None, vec![Problem::error(format!("expected an object of settings, found {}", kind_of(written)))]);
    };
    let known: Vec<&str> =
        schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let mut problems = Vec::new();
    let mut sound = Map::new();
    for (key, value) in written {
        if !known.contains(&key.as_str()) {
            problems.push(unknown_key(key, &known));
            continue;
        }
        if let Some(value) = own(key, value, &mut problems) {
            sound.insert(key.clone(), value);
            continue;
        }
        let alone = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        match serde_json::from_value::<S>(alone) {
            Ok(_) => {
                sound.insert(key.clone(), value.clone());
            }
            Err(error) => problems.push(wrong_value(key, value, &error)),
        }
    }
    match serde_json::from_value(Value::Object(sound)) {
        Ok(settings) => (Some(settings), problems),
        Err(error) => {
            problems.push(Problem::error(format!("these settings cannot be read: {error}")));
            (None, problems)
        }
    }
}

/// What serde found, without the value: it may be a secret.
fn wrong_value(key: &str, value: &Value, error: &serde_json::Error) -> Problem {
    let words = error.to_string();
    let expected = match words.split_once("expected ").map_or("another value", |(_, expected)| expected) {
        "u16" => "a whole number from 0 to 65535",
        "u64" => "a whole number, not negative",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        other => other,
    };
    let problem = Problem::error(format!("`{key}`: expected {expected}, found {}", kind_of(value))).at(key);
    let choices: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match value.as_str().and_then(|written| nearest(written, choices)) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// What kind of value stands there, in words that do not show it.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "another number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        port: u16,
        token: String,
        list: Vec<String>,
    }

    impl Default for Settings {
        fn default() -> Self {
            Self { port: 1, token: "default".into(), list: Vec::new() }
        }
    }

    #[test]
    fn every_mistake_is_told_and_the_rest_is_read() {
        let schema = json!({ "properties": { "port": {}, "token": {}, "list": {} } });
        let written = json!({ "port": 70_000, "tokne": "x", "token": ["s3cret"], "list": "a" });
        let own = |key: &str, value: &Value, _: &mut Vec<Problem>| (key == "list").then(|| json!([value]));
        let (settings, problems) = read::<Settings>(&written, &schema, own);
        assert_eq!(settings, Some(Settings { list: vec!["a".into()], ..Settings::default() }));
        let told: Vec<String> =
            problems.iter().map(|problem| format!("{} {:?}", problem.message, problem.help)).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("from 0 to 65535") && told[1].contains("token"), "{told:?}");
        assert!(!told.concat().contains("s3cret"), "{told:?}");
        let (nothing, problems) = read::<Settings>(&json!([]), &schema, |_, _, _| None);
        assert!(nothing.is_none() && problems[0].message.contains("found a list"));
    }
}
