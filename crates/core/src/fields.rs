//! Reading payloads without believing in their shape: fields come and go with versions, compatible servers write numbers
//! as texts and texts as numbers, and one odd field must not lose a message.

use std::borrow::Cow;

use serde_json::Value;

use crate::compose::one_line;

/// The text under a key, if there is one that is not blank. A number counts as its digits.
pub fn text<'v>(value: &'v Value, key: &str) -> Option<Cow<'v, str>> {
    match value.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// The text under a key as a name is shown: [one line](one_line), if anything is left of it.
pub fn name(value: &Value, key: &str) -> Option<String> {
    text(value, key).map(|text| one_line(&text).into_owned()).filter(|name| !name.is_empty())
}

/// Whether a key holds `true`, or the text or number for it.
pub fn flag(value: &Value, key: &str) -> bool {
    match value.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true" || text == "1",
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    }
}

/// The list under a key; nothing if there is none.
pub fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_in_any_shape() {
        let value = json!({
            "a": "x", "b": "  ", "c": 5, "d": null, "e": " a\nb\u{7}c ", "f": "\u{7}", "g": "true", "h": 1, "i": [1],
            "j": true,
        });
        let read = |key| text(&value, key).map(Cow::into_owned);
        assert_eq!((read("a"), read("b"), read("c")), (Some("x".to_owned()), None, Some("5".to_owned())));
        assert_eq!((read("d"), read("z"), read("i"), text(&json!(5), "a")), (None, None, None, None));
        assert_eq!((name(&value, "e"), name(&value, "f")), (Some("a bc".to_owned()), None));
        assert!(["g", "h", "j"].into_iter().all(|key| flag(&value, key)));
        assert!(!["a", "c", "d", "i", "z"].into_iter().any(|key| flag(&value, key)));
        assert_eq!((list(&value, "i").len(), list(&value, "a").len()), (1, 0));
    }
}
