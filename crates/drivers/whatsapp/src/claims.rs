//! Which message belongs to which send.
//!
//! The addon knows no key of ours, so after an unknown end a message is recognised by what it says. Two sends may say the
//! same in one chat; each must then get a message of its own:
//!
//! - Sends of the same content into the same chat take turns, so that none is under way while another is looked for.
//! - A message that a send was answered with, or that it was found to be, is not found for another one. (The outbox knows
//!   it, too, but only once the end is on disk.)

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tieline_core::id::MessageId;
use tieline_core::send::SendKey;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// How many messages are remembered; far more than there can be sends without an end on disk.
const REMEMBERED: usize = 4096;
/// How long the addon may be busy with a file whose sender is gone: to fetch it from its own memory, encrypt it, and hand
/// it to WhatsApp over a slow line.
const BUSY: Duration = Duration::from_secs(30);

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
    /// Messages that the outbox knew when a send looked for its own.
    doubted: HashSet<(SendKey, MessageId)>,
    /// When the connection broke under a send that the addon may still be busy with.
    broken: HashMap<SendKey, Instant>,
}

impl Claims {
    /// Waits until no other send of this content into this chat is under way, or looked for.
    pub(crate) async fn turn(&self, chat: &str, content: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = lock(&self.turns);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let slot = turns.entry(format!("{chat}\n{content}")).or_default();
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
        memory.doubted.retain(|(doubting, _)| doubting != key);
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

    /// The connection broke under a send with a file. The addon does not notice, and may take a while to hand the file on
    /// to WhatsApp.
    pub(crate) fn broke(&self, key: &SendKey) {
        let mut memory = lock(&self.memory);
        let now = Instant::now();
        memory.broken.retain(|_, since| now.duration_since(*since) < BUSY);
        memory.broken.insert(key.clone(), now);
    }

    /// How long the addon may still be busy with a send whose connection broke; `None` if it is not.
    pub(crate) fn may_be_under_way(&self, key: &SendKey) -> Option<Duration> {
        let since = *lock(&self.memory).broken.get(key)?;
        BUSY.checked_sub(since.elapsed()).filter(|rest| !rest.is_zero())
    }

    /// Notes that the outbox knows a message that could be this send's. `true`: that was noted before.
    pub(crate) fn doubt(&self, message: &MessageId, key: &SendKey) -> bool {
        let mut memory = lock(&self.memory);
        if memory.doubted.len() >= REMEMBERED {
            memory.doubted.clear();
        }
        !memory.doubted.insert((key.clone(), message.clone()))
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
    fn a_doubt_counts_once_and_ends_with_the_send() {
        let claims = Claims::default();
        assert!(!claims.doubt(&id("m"), &key(1)) && claims.doubt(&id("m"), &key(1)));
        claims.take(&id("n"), &key(1));
        assert!(!claims.doubt(&id("m"), &key(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_send_may_be_under_way_for_a_while() {
        let claims = Claims::default();
        claims.broke(&key(1));
        assert_eq!((claims.may_be_under_way(&key(1)), claims.may_be_under_way(&key(2))), (Some(BUSY), None));
        tokio::time::advance(BUSY).await;
        assert_eq!(claims.may_be_under_way(&key(1)), None);
    }

    #[tokio::test]
    async fn the_same_content_takes_turns_and_other_content_does_not_wait() {
        let claims = Claims::default();
        let first = claims.turn("chat", "text").await;
        let _other = claims.turn("chat", "another text").await;
        let _elsewhere = claims.turn("another chat", "text").await;
        let mut second = Box::pin(claims.turn("chat", "text"));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        drop(claims.turn("chat", "x").await);
        assert!(lock(&claims.turns).len() <= 3, "{:?}", claims.turns);
    }
}
