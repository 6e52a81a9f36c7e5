//! Which sends of the bot may have arrived.
//!
//! A bot's send has a key, but only for some minutes: one of unknown end must not be repeated later without a look.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tieline_core::send::SendKey;

/// How many sends are remembered; far more than there can be without an end on disk.
const REMEMBERED: usize = 4096;

/// Sends of the bot of which nobody knows whether they arrived.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<HashSet<SendKey>>);

impl Doubts {
    /// A send of the bot ended, and nobody knows whether it arrived.
    pub(crate) fn doubt(&self, key: &SendKey) {
        let mut unsure = self.unsure();
        // Sends that were given up leave theirs behind.
        if unsure.len() >= REMEMBERED {
            unsure.clear();
        }
        unsure.insert(key.clone());
    }

    /// Whether that is so.
    pub(crate) fn is_unsure(&self, key: &SendKey) -> bool {
        self.unsure().contains(key)
    }

    /// It is known which message a send became.
    pub(crate) fn settle(&self, key: &SendKey) {
        self.unsure().remove(key);
    }

    fn unsure(&self) -> MutexGuard<'_, HashSet<SendKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_core::id::{DeliveryId, MessageId};

    fn key(delivery: i64) -> SendKey {
        SendKey::new("tests", DeliveryId(delivery), &MessageId::new("source").expect("an id"), 0)
    }

    #[test]
    fn a_doubt_ends_when_the_message_is_found() {
        let doubts = Doubts::default();
        doubts.doubt(&key(1));
        doubts.doubt(&key(2));
        assert!(doubts.is_unsure(&key(1)) && doubts.is_unsure(&key(2)) && !doubts.is_unsure(&key(3)));
        doubts.settle(&key(1));
        assert!(!doubts.is_unsure(&key(1)) && doubts.is_unsure(&key(2)));
    }
}
