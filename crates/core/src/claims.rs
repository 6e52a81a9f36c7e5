//! Which message belongs to which send.
//!
//! Where a platform knows no key of ours, a message is recognised after an unknown end by what it says. Two sends may say
//! the same in one channel; each must then get a message of its own:
//!
//! - Sends of the same content into one channel take turns, so that none is under way while another is looked for.
//! - A message that a send was answered with, or that it was found to be, is not found for another one. (The outbox knows
//!   it, too, but only once the end is on disk.)

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::id::MessageId;
use crate::send::SendKey;

/// How many messages are remembered; far more than there can be sends without an end on disk.
const REMEMBERED: usize = 4096;

/// What the sends of one instance became.
#[derive(Debug, Default)]
pub struct Claims {
    owners: Mutex<Owners>,
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct Owners {
    by_message: HashMap<MessageId, SendKey>,
    order: VecDeque<MessageId>,
}

impl Claims {
    /// Waits until no other send of this content into this channel is under way, or looked for. The turn ends when the
    /// guard is dropped.
    pub async fn turn(&self, channel: &str, content: &str) -> OwnedMutexGuard<()> {
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
    pub fn take(&self, message: &MessageId, key: &SendKey) {
        let mut owners = lock(&self.owners);
        if owners.by_message.insert(message.clone(), key.clone()).is_none() {
            owners.order.push_back(message.clone());
        }
        if owners.order.len() > REMEMBERED
            && let Some(oldest) = owners.order.pop_front()
        {
            owners.by_message.remove(&oldest);
        }
    }

    /// Whether another send became this message.
    pub fn is_anothers(&self, message: &MessageId, key: &SendKey) -> bool {
        lock(&self.owners).by_message.get(message).is_some_and(|owner| owner != key)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::id::DeliveryId;

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
        assert_eq!(lock(&claims.owners).by_message.len(), REMEMBERED);
    }

    #[test]
    fn the_same_content_takes_turns_and_other_content_does_not_wait() {
        let claims = Claims::default();
        let turn = |channel, content| claims.turn(channel, content).now_or_never();
        let first = turn("channel", "text").expect("free");
        let _other = turn("channel", "another text").expect("free");
        let _elsewhere = turn("another channel", "text").expect("free");
        let mut second = Box::pin(claims.turn("channel", "text"));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        drop(second.now_or_never().expect("its turn"));
        drop(turn("channel", "x").expect("free"));
        assert!(lock(&claims.turns).len() <= 3, "{:?}", claims.turns);
    }
}
