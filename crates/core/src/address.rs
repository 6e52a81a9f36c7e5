//! A channel address as a rule writes it: a small JSON object whose keys the driver defines.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A channel address: keys and values in the order in which they were written.
///
/// Only the driver knows which keys there are; see [`InstanceConfig`](crate::driver::InstanceConfig).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(Map<String, Value>);

impl Address {
    /// An address of these keys.
    pub fn new(keys: Map<String, Value>) -> Self {
        Self(keys)
    }

    /// An address of text values.
    pub fn of<'a>(keys: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(keys.into_iter().map(|(k, v)| (k.to_owned(), Value::from(v))).collect())
    }

    /// The text under a key; `None` if it is absent or no text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// Every key with its value.
    pub fn keys(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Value::Object(self.0.clone()))
    }
}
