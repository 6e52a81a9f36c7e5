//! What makes it doubtful for a while what became of a send.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tieline_core::id::MessageId;
use tieline_core::send::SendKey;
use tokio::time::Instant;

/// How many doubted messages are remembered; far more than there can be sends without an end on disk.
const REMEMBERED: usize = 4096;
/// How long the addon may be busy with a file whose sender is gone: to fetch it from its own memory, encrypt it, and hand
/// it to WhatsApp over a slow line.
const BUSY: Duration = Duration::from_secs(30);

/// The doubts about the sends of one instance.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// Messages that the outbox knew when a send looked for its own.
    doubted: HashSet<(SendKey, MessageId)>,
    /// When the connection broke under a send that the addon may still be busy with.
    broken: HashMap<SendKey, Instant>,
}

impl Doubts {
    /// The connection broke under a send with a file. The addon does not notice, and may take a while to hand the file on
    /// to WhatsApp.
    pub(crate) fn broke(&self, key: &SendKey) {
        let mut memory = self.memory();
        let now = Instant::now();
        memory.broken.retain(|_, since| now.duration_since(*since) < BUSY);
        memory.broken.insert(key.clone(), now);
    }

    /// How long the addon may still be busy with a send whose connection broke; `None` if it is not.
    pub(crate) fn may_be_under_way(&self, key: &SendKey) -> Option<Duration> {
        let since = *self.memory().broken.get(key)?;
        BUSY.checked_sub(since.elapsed()).filter(|rest| !rest.is_zero())
    }

    /// Notes that the outbox knows a message that could be this send's. `true`: that was noted before.
    pub(crate) fn doubt(&self, message: &MessageId, key: &SendKey) -> bool {
        let mut memory = self.memory();
        if memory.doubted.len() >= REMEMBERED {
            memory.doubted.clear();
        }
        !memory.doubted.insert((key.clone(), message.clone()))
    }

    /// It is known which message a send became.
    pub(crate) fn settle(&self, key: &SendKey) {
        self.memory().doubted.retain(|(doubting, _)| doubting != key);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    fn a_doubt_counts_once_and_ends_with_the_send() {
        let doubts = Doubts::default();
        assert!(!doubts.doubt(&id("m"), &key(1)) && doubts.doubt(&id("m"), &key(1)));
        assert!(!doubts.doubt(&id("m"), &key(2)), "of another send it was not noted");
        doubts.settle(&key(1));
        assert!(!doubts.doubt(&id("m"), &key(1)) && doubts.doubt(&id("m"), &key(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_send_may_be_under_way_for_a_while() {
        let doubts = Doubts::default();
        doubts.broke(&key(1));
        assert_eq!((doubts.may_be_under_way(&key(1)), doubts.may_be_under_way(&key(2))), (Some(BUSY), None));
        tokio::time::advance(BUSY).await;
        assert_eq!(doubts.may_be_under_way(&key(1)), None);
    }
}
