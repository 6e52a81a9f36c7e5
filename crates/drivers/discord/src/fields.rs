//! Reading what Discord and compatible servers tell. See [`tieline_core::fields`].

use serde::Deserialize;
use serde_json::Value;
pub(crate) use tieline_core::fields::{flag, list, name, text};

use crate::snowflake::Snowflake;

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

/// The value under a key, and null where there is none.
pub(crate) fn part<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_and_numbers_are_read_in_any_shape() {
        let value = json!({
            "a": "x", "c": 5, "e": "175928847299117063", "f": 1.5, "h": -1, "j": 175_928_847_299_117_063_u64,
        });
        let asked = Snowflake::parse("175928847299117063");
        assert_eq!((id(&value, "e"), id(&value, "j"), id(&value, "f"), id(&value, "a")), (asked, asked, None, None));
        assert_eq!((whole(&value, "c"), whole(&value, "f"), whole(&value, "h")), (Some(5), Some(1), None));
        assert_eq!((part(&value, "z"), part(&value, "c")), (&Value::Null, &json!(5)));
    }
}
