//! Reading what the addon hands on: it forwards WhatsApp's own messages, whose fields come and go with versions, numbers
//! as texts and nulls for what is not there. See [`tieline_core::fields`].

use std::borrow::Cow;

use serde_json::Value;
use tieline_core::fields;
pub(crate) use tieline_core::fields::{flag, list, name};

/// The text under a key, if there is one that is not blank. A number counts as its digits.
pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    fields::text(value, key).map(Cow::into_owned)
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_in_any_shape() {
        let value = json!({
            "a": "x", "c": 5, "e": "1795241736", "f": { "low": 1, "high": 1, "unsigned": false }, "g": 48.5,
            "h": "11.25", "k": { "low": -1 }, "l": 1e300,
        });
        assert_eq!((whole(&value, "c"), whole(&value, "e"), whole(&value, "z")), (Some(5), Some(1_795_241_736), None));
        assert_eq!((whole(&value, "f"), whole(&value, "k")), (Some(4_294_967_297), Some(4_294_967_295)));
        assert_eq!((number(&value, "g"), number(&value, "h"), number(&value, "a")), (Some(48.5), Some(11.25), None));
        assert_eq!(whole(&value, "l"), Some(i64::MAX));
    }
}
