//! Reading payloads without believing in their shape: fields come and go, compatible servers write numbers as texts and
//! texts as numbers, and one odd field must not lose a message.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::snowflake::Snowflake;

/// The text under a key, if there is one that is not blank. A number counts as its digits.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> Option<Cow<'v, str>> {
    match value.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// The text under a key as a name is shown: one line without control characters.
pub(crate) fn name(value: &Value, key: &str) -> Option<String> {
    text(value, key).map(|text| one_line(&text)).filter(|name| !name.is_empty())
}

/// The id under a key.
pub(crate) fn id(value: &Value, key: &str) -> Option<Snowflake> {
    Snowflake::deserialize(value.get(key)?).ok()
}

/// The whole number under a key, as a number or as digits.
pub(crate) fn whole(value: &Value, key: &str) -> Option<u64> {
    match value.get(key)? {
        Value::Number(number) => {
            number.as_u64().or_else(|| number.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether a key holds `true`, or the text or number for it.
pub(crate) fn flag(value: &Value, key: &str) -> bool {
    match value.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true" || text == "1",
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    }
}

/// The list under a key; nothing if there is none.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The value under a key, and null where there is none.
pub(crate) fn part<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// A text without line breaks and control characters.
pub(crate) fn one_line(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control()).collect();
    spaced.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_in_any_shape() {
        let value = json!({
            "a": "x", "b": "  ", "c": 5, "d": null, "e": "175928847299117063", "f": 1.5, "g": "true", "h": -1, "i": [1],
            "j": 175_928_847_299_117_063_u64, "k": " a\nb\u{7}c ",
        });
        let read = |key| text(&value, key).map(Cow::into_owned);
        assert_eq!((read("a"), read("b"), read("c")), (Some("x".to_owned()), None, Some("5".to_owned())));
        assert_eq!((read("d"), read("z"), read("i")), (None, None, None));
        let asked = Snowflake::parse("175928847299117063");
        assert_eq!((id(&value, "e"), id(&value, "j"), id(&value, "f"), id(&value, "a")), (asked, asked, None, None));
        assert_eq!((whole(&value, "c"), whole(&value, "f"), whole(&value, "h")), (Some(5), Some(1), None));
        assert!(flag(&value, "g") && !flag(&value, "a"));
        assert_eq!((list(&value, "i").len(), list(&value, "a").len()), (1, 0));
        assert_eq!(name(&value, "k").as_deref(), Some("a bc"));
        assert_eq!((part(&value, "z"), text(&json!(5), "a")), (&Value::Null, None));
    }
}
