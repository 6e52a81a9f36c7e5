//! Which message belongs to which send.
//!
//! A webhook takes no key, and the history shows none, so after an unknown end a message is recognised by what it says. Two
//! sends may say the same in one channel; each must then get a message of its own:
//!
//! - Sends of the same content into one channel take turns, so that none is under way while another is looked
//!   for.
//! - A message that a send was answered with, or that it was found to be, is not found for another one. (The outbox knows
//!   it, too, but only once the end is on disk.)
//!
//! A bot's send has a key, but only for some minutes: one of unknown end must not be repeated later without a look.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tieline_core::id::MessageId;
use tieline_core::send::SendKey;
use tokio::sync::OwnedMutexGuard;

/// How many messages are remembered; far more than there can be sends without an end on disk.
const REMEMBERED: usize = 4096;

/// What the sends of one instance became.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    memory: Mutex<Memory>,
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Memory {
    owners: HashMap<MessageId, SendKey>,
    order: VecDeque<MessageId>,
    /// Sends of the bot of which nobody knows whether they arrived.
    unsure: HashSet<SendKey>,
}

impl Claims {
    /// Waits until no other send of this content into this channel is under way, or looked for.
    pub(crate) async fn turn(&self, channel: &str, content: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = lock(&self.turns);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let slot = turns.entry(format!("{channel}\n{content}")).or_default();
            slot.upgrade().unwrap_or_else(|| {
                let turn = Arc::new(tokio::sync::Mutex::new(()));
                *slot = Arc::downgrade(&turn);
                turn
            })
        };
        turn.lock_owned().await
    }

    /// A send became this message.
    pub(crate) fn take(&self, message: &MessageId, key: &SendKey) {
        let mut memory = lock(&self.memory);
        memory.unsure.remove(key);
        if memory.owners.insert(message.clone(), key.clone()).is_none() {
            memory.order.push_back(message.clone());
        }
        if memory.order.len() > REMEMBERED
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.owners.remove(&oldest);
        }
    }

    /// Whether another send became this message.
    pub(crate) fn is_anothers(&self, message: &MessageId, key: &SendKey) -> bool {
        lock(&self.memory).owners.get(message).is_some_and(|owner| owner != key)
    }

    /// A send of the bot ended, and nobody knows whether it arrived.
    pub(crate) fn doubt(&self, key: &SendKey) {
        let mut memory = lock(&self.memory);
        // Sends that were given up leave theirs behind.
        if memory.unsure.len() >= REMEMBERED {
            memory.unsure.clear();
        }
        memory.unsure.insert(key.clone());
    }

    /// Whether that is so.
    pub(crate) fn is_unsure(&self, key: &SendKey) -> bool {
        lock(&self.memory).unsure.contains(key)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_core::id::DeliveryId;

    fn id(text: &str) -> MessageId {
        MessageId::new(text).expect("an id")
    }

    fn key(delivery: i64) -> SendKey {
        SendKey::new("tests", DeliveryId(delivery), &id("source"), 0)
    }

    #[test]
    fn a_message_has_one_owner_and_memory_has_an_end() {
        let claims = Claims::default();
        claims.take(&id("m"), &key(1));
        assert!(claims.is_anothers(&id("m"), &key(2)) && !claims.is_anothers(&id("m"), &key(1)));
        for n in 0..REMEMBERED {
            claims.take(&id(&format!("m{n}")), &key(3));
        }
        assert!(!claims.is_anothers(&id("m"), &key(2)), "the oldest is forgotten");
        assert_eq!(lock(&claims.memory).owners.len(), REMEMBERED);
    }

    #[test]
    fn a_doubt_ends_when_the_message_is_found() {
        let claims = Claims::default();
        claims.doubt(&key(1));
        claims.doubt(&key(2));
        assert!(claims.is_unsure(&key(1)) && claims.is_unsure(&key(2)) && !claims.is_unsure(&key(3)));
        claims.take(&id("m"), &key(1));
        assert!(!claims.is_unsure(&key(1)) && claims.is_unsure(&key(2)));
    }

    #[tokio::test]
    async fn the_same_content_takes_turns_and_other_content_does_not_wait() {
        let claims = Claims::default();
        let first = claims.turn("channel", "text").await;
        let _other = claims.turn("channel", "another text").await;
        let _elsewhere = claims.turn("another channel", "text").await;
        let mut second = Box::pin(claims.turn("channel", "text"));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        drop(claims.turn("channel", "x").await);
        assert!(lock(&claims.turns).len() <= 3, "{:?}", claims.turns);
    }
}
