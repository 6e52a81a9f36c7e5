//! Several documents become one: objects merge, lists and scalars are replaced.
//!
//! The `config` crate does the merging, and nothing else of it is used: its environment source lower-cases names, its
//! typed reading turns one type into another, and its override paths split ids at dots.

use config::{Config, ConfigError, Map, Source, Value as Layered, ValueKind};
use serde_json::{Number, Value};

/// Keys of the outermost object are read as path expressions by the crate (`a.b` would become two keys), those further
/// in are not; so every document is put one level down.
const ROOT: &str = "document";

#[derive(Debug, Clone)]
struct Layer(Layered);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Layered>, ConfigError> {
        Ok(Map::from_iter([(ROOT.to_owned(), self.0.clone())]))
    }
}

/// Lays documents over each other, the first at the bottom.
pub(crate) fn merge(mut documents: Vec<Value>) -> Result<Value, ConfigError> {
    if documents.len() == 1 {
        return Ok(documents.remove(0));
    }
    let layers = documents.into_iter().fold(Config::builder(), |builder, document| {
        builder.add_source(Layer(Layered::new(None, to_layered(document))))
    });
    let Some(root) = layers.build()?.cache.into_table()?.swap_remove(ROOT) else {
        return Ok(Value::Object(serde_json::Map::new()));
    };
    Ok(from_layered(root))
}

fn to_layered(value: Value) -> ValueKind {
    let inner = |value| Layered::new(None, to_layered(value));
    match value {
        Value::Null => ValueKind::Nil,
        Value::Bool(flag) => ValueKind::Boolean(flag),
        Value::Number(number) => number
            .as_i64()
            .map(ValueKind::I64)
            .or_else(|| number.as_u64().map(ValueKind::U64))
            .or_else(|| number.as_f64().map(ValueKind::Float))
            .unwrap_or_default(),
        Value::String(text) => ValueKind::String(text),
        Value::Array(items) => ValueKind::Array(items.into_iter().map(inner).collect()),
        Value::Object(object) => ValueKind::Table(object.into_iter().map(|(key, value)| (key, inner(value))).collect()),
    }
}

fn from_layered(value: Layered) -> Value {
    match value.kind {
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(flag) => Value::Bool(flag),
        ValueKind::I64(number) => number.into(),
        ValueKind::U64(number) => number.into(),
        // JSON has no wider integers; these two never come in.
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::Float(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        ValueKind::String(text) => Value::String(text),
        ValueKind::Array(items) => items.into_iter().map(from_layered).collect(),
        ValueKind::Table(table) => table.into_iter().map(|(key, value)| (key, from_layered(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_merge_and_everything_else_is_replaced() {
        let base = json!({"g": {"a": 1, "list": [1, 2], "Key": "x", "o": {"x": 1}}, "r": {"one": {"u": "1"}}});
        let over = json!({"g": {"list": [3], "key": null, "o": 5}, "r": {"one": {"t": 0.5}, "two": {}}});
        let merged = merge(vec![base, over]).unwrap();
        let expected = json!({
            "g": {"a": 1, "list": [3], "Key": "x", "o": 5, "key": null},
            "r": {"one": {"u": "1", "t": 0.5}, "two": {}}
        });
        assert_eq!(merged, expected);
        assert_eq!(merged.to_string(), expected.to_string(), "the order of keys is kept");
    }

    #[test]
    fn no_key_is_read_as_a_path() {
        let odd = json!({"a.b": 1, "c[0]": 2, "$schema": 3, "rc": {"x.y": {"K": 18_446_744_073_709_551_615_u64}}});
        assert_eq!(merge(vec![odd.clone(), json!({})]).unwrap(), odd);
        assert_eq!(merge(vec![json!({}), odd.clone()]).unwrap(), odd);
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<u64>().prop_map(Value::from)];
        let tree = leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec(("[a-cA.]{1,2}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        });
        prop::collection::vec(("[a-cA.]{1,2}", tree), 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    }

    fn laid_over(base: Value, over: Value) -> Value {
        match (base, over) {
            (Value::Object(mut base), Value::Object(over)) => {
                for (key, value) in over {
                    let merged = match base.get(&key) {
                        Some(below) => laid_over(below.clone(), value),
                        None => value,
                    };
                    base.insert(key, merged);
                }
                Value::Object(base)
            }
            (_, over) => over,
        }
    }

    proptest! {
        #[test]
        fn the_crate_merges_as_the_manual_says(base in document(), over in document()) {
            prop_assert_eq!(merge(vec![base.clone(), over.clone()]).unwrap(), laid_over(base, over));
        }
    }
}
