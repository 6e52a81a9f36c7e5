//! Reading what the addon hands on without believing in its shape: it forwards WhatsApp's own messages, whose fields come
//! and go with versions, numbers as texts and nulls for what is not there.

use serde_json::Value;

/// The text under a key, if there is one that is not blank. A number counts as its digits.
pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
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

/// The whole number under a key: as a number, as digits, or as the two halves of protobuf's JavaScript
/// (`{"low": …, "high": …}`).
pub(crate) fn whole(value: &Value, key: &str) -> Option<i64> {
    match value.get(key)? {
        Value::Number(number) => {
            number.as_i64().or_else(|| number.as_f64().filter(|n| n.is_finite()).map(|n| n as i64))
        }
        Value::String(text) => text.trim().parse().ok(),
        Value::Object(halves) => {
            let low = halves.get("low")?.as_i64()? as u32;
            let high = halves.get("high").and_then(Value::as_i64).unwrap_or(0) as i32;
            Some((i64::from(high) << 32) | i64::from(low))
        }
        _ => None,
    }
}

/// The number under a key, as one or as a text.
pub(crate) fn number(value: &Value, key: &str) -> Option<f64> {
    let number = match value.get(key)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f64| number.is_finite())
}

/// The list under a key; nothing if there is none.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text without line breaks and control characters, as a name is shown.
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
            "a": "x", "b": "  ", "c": 5, "d": null, "e": "1795241736", "f": { "low": 1, "high": 1, "unsigned": false },
            "g": 48.5, "h": "11.25", "i": "true", "j": [1], "k": { "low": -1 }, "l": 1e300,
        });
        assert_eq!(
            (text(&value, "a"), text(&value, "b"), text(&value, "c")),
            (Some("x".into()), None, Some("5".into()))
        );
        assert_eq!((text(&value, "d"), text(&value, "z"), text(&json!(5), "a")), (None, None, None));
        assert_eq!((whole(&value, "c"), whole(&value, "e")), (Some(5), Some(1_795_241_736)));
        assert_eq!((whole(&value, "f"), whole(&value, "k")), (Some(4_294_967_297), Some(4_294_967_295)));
        assert_eq!((number(&value, "g"), number(&value, "h"), number(&value, "a")), (Some(48.5), Some(11.25), None));
        assert!(flag(&value, "i") && !flag(&value, "a"));
        assert_eq!((list(&value, "j").len(), list(&value, "a").len()), (1, 0));
        assert_eq!(whole(&value, "l"), Some(i64::MAX));
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(one_line(" a\nb\u{7}c "), "a bc");
    }
}
