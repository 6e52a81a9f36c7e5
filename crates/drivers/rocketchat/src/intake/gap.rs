//! What a room said while nobody listened, until it is handed in: in the order in which it was posted, and of what is new
//! the newest.

use std::collections::BTreeMap;

use serde_json::Value;

use super::memory::{Seen, Standing};

/// A message with what is known of it.
pub(crate) struct Found {
    pub(crate) message: Value,
    pub(crate) seen: Seen,
    pub(crate) standing: Standing,
}

/// What was found.
pub(crate) struct Gap {
    /// How many new messages are handed in.
    most: usize,
    /// By time and id, so that a message that changed while it was asked for is there once, as it is now.
    known: BTreeMap<(i64, String), Found>,
    new: BTreeMap<(i64, String), Found>,
    /// The ids of messages that are gone.
    pub(crate) gone: Vec<String>,
}

impl Gap {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, known: BTreeMap::new(), new: BTreeMap::new(), gone: Vec::new() }
    }

    pub(crate) fn add(&mut self, found: Found) {
        let key = (found.seen.posted, found.seen.id.clone());
        if found.standing != Standing::New {
            self.known.insert(key, found);
            return;
        }
        self.new.insert(key, found);
        if self.new.len() > self.most {
            self.new.pop_first();
        }
    }

    /// All messages, oldest first, and the ids of those that are gone.
    pub(crate) fn in_order(mut self) -> (impl Iterator<Item = Found>, Vec<String>) {
        self.known.append(&mut self.new);
        (self.known.into_values(), self.gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(id: &str, posted: i64, text: &str, standing: Standing) -> Found {
        let time = json!({ "$date": posted });
        let message = json!({ "_id": id, "rid": "R", "msg": text, "ts": time, "_updatedAt": time });
        Found { seen: Seen::read(&message).expect("a message"), message, standing }
    }

    #[test]
    fn the_newest_are_handed_in_oldest_first_and_each_as_it_is_now() {
        let mut gap = Gap::new(2);
        gap.add(found("c", 3, "three", Standing::New));
        gap.add(found("k", 1, "known", Standing::Known));
        gap.add(found("a", 2, "two", Standing::New));
        gap.add(found("c", 3, "three, changed", Standing::New));
        gap.add(found("d", 4, "four", Standing::New));
        gap.gone.push("g".to_owned());
        let (found, gone) = gap.in_order();
        let texts: Vec<_> = found.map(|found| found.message["msg"].as_str().map(str::to_owned)).collect();
        let wanted = ["known", "three, changed", "four"].map(|text| Some(text.to_owned()));
        assert_eq!((texts, gone), (wanted.to_vec(), vec!["g".to_owned()]));
    }
}
