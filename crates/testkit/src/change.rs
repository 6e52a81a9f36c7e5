//! Values that are changed at random, for property tests.

use serde_json::Value;

/// Puts a value somewhere into another: down by `steps`, each choosing among the children that are there.
pub fn put(at: &mut Value, steps: &[usize], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *at = value;
        return;
    };
    let child = match at {
        Value::Object(map) if !map.is_empty() => {
            let index = step % map.len();
            map.iter_mut().nth(index).map(|(_, child)| child)
        }
        Value::Array(list) if !list.is_empty() => {
            let index = step % list.len();
            list.get_mut(index)
        }
        _ => None,
    };
    match child {
        Some(child) => put(child, rest, value),
        None => *at = value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_put_where_the_steps_lead() {
        let changed = |steps: &[usize]| {
            let mut value = json!({ "a": [1, 2], "b": {} });
            put(&mut value, steps, json!("x"));
            value
        };
        assert_eq!(changed(&[]), json!("x"));
        assert_eq!(changed(&[2, 3]), json!({ "a": [1, "x"], "b": {} }));
        assert_eq!(changed(&[1, 7, 7]), json!({ "a": [1, 2], "b": "x" }), "it has no children");
    }
}
