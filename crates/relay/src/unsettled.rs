//! Sends whose end is not known yet.
//!
//! An event that may be our own echo cannot be judged while a send into its realm is under way: the id that would prove it
//! is in the answer that has not come. Such an event is held until the sends that were under way are settled.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use dashmap::DashMap;
use tieline_core::id::MessageId;
use tieline_core::send::SendKey;
use tokio::sync::watch;

/// The sends under way, by the realm of their target: another account there may see a message of ours first.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    realms: DashMap<Arc<str>, Tickets>,
    /// The keys of parts under way, by realm. A platform that takes our key as the message's id shows the message under
    /// it at once, also to another account of ours, who cannot know its author.
    keys: DashMap<(Arc<str>, String), ()>,
}

#[derive(Debug)]
struct Tickets {
    open: Mutex<(u64, BTreeSet<u64>)>,
    /// The lowest open ticket; `u64::MAX` if there is none.
    lowest: watch::Sender<u64>,
}

impl Default for Tickets {
    fn default() -> Self {
        Self { open: Mutex::default(), lowest: watch::Sender::new(u64::MAX) }
    }
}

/// A send under way. Dropped when its end is on disk.
#[derive(Debug)]
pub(crate) struct Ticket {
    of: Arc<Unsettled>,
    realm: Arc<str>,
    number: u64,
    keys: Vec<(Arc<str>, String)>,
}

impl Ticket {
    /// Says under which key a part goes out.
    pub(crate) fn carries(&mut self, realm: &Arc<str>, key: &SendKey) {
        let key = (Arc::clone(realm), key.as_str().to_owned());
        if !self.keys.contains(&key) {
            self.of.keys.insert(key.clone(), ());
            self.keys.push(key);
        }
    }
}

impl Unsettled {
    /// Whether a message is one that is being sent right now.
    pub(crate) fn is_sending(&self, realm: &Arc<str>, message: &MessageId) -> bool {
        !self.keys.is_empty() && self.keys.contains_key(&(Arc::clone(realm), message.as_str().to_owned()))
    }

    /// A send into a realm begins, or may have begun before a crash.
    pub(crate) fn begin(self: &Arc<Self>, realm: &Arc<str>) -> Ticket {
        let tickets = self.realms.entry(Arc::clone(realm)).or_default();
        let number = {
            let mut open = lock(&tickets.open);
            open.0 += 1;
            let number = open.0;
            open.1.insert(number);
            tickets.lowest.send_replace(*open.1.first().unwrap_or(&u64::MAX));
            number
        };
        drop(tickets);
        Ticket { of: Arc::clone(self), realm: Arc::clone(realm), number, keys: Vec::new() }
    }

    /// Waits for the sends into a realm that are under way now; `None` if there are none.
    pub(crate) fn wait(&self, realm: &str) -> Option<impl Future<Output = ()> + Send + use<>> {
        let tickets = self.realms.get(realm)?;
        let newest = *lock(&tickets.open).1.last()?;
        let mut lowest = tickets.lowest.subscribe();
        Some(async move {
            // An error means that the relay is gone, and with it the reason to wait.
            if lowest.wait_for(|lowest| *lowest > newest).await.is_err() {
                tracing::debug!("The relay ended while an event was held; it is planned at the next start");
            }
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        for key in &self.keys {
            self.of.keys.remove(key);
        }
        if let Some(tickets) = self.of.realms.get(&self.realm) {
            let mut open = lock(&tickets.open);
            open.1.remove(&self.number);
            tickets.lowest.send_replace(*open.1.first().unwrap_or(&u64::MAX));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_message_is_being_sent_until_its_ticket_is_gone() {
        let unsettled = Arc::new(Unsettled::default());
        let (here, there): (Arc<str>, Arc<str>) = ("here".into(), "there".into());
        let key = SendKey::new("o", tieline_core::id::DeliveryId(1), &MessageId::new("m").unwrap(), 0);
        let message = MessageId::new(key.as_str()).unwrap();
        let mut ticket = unsettled.begin(&here);
        assert!(!unsettled.is_sending(&here, &message));
        ticket.carries(&here, &key);
        assert!(unsettled.is_sending(&here, &message) && !unsettled.is_sending(&there, &message));
        drop(ticket);
        assert!(!unsettled.is_sending(&here, &message));
    }

    #[tokio::test]
    async fn an_event_waits_for_the_sends_of_its_time_only() {
        let unsettled = Arc::new(Unsettled::default());
        let rc: Arc<str> = "rc".into();
        assert!(unsettled.wait(&rc).is_none());
        let first = unsettled.begin(&rc);
        let second = unsettled.begin(&rc);
        let mut held = Box::pin(unsettled.wait(&rc).expect("two sends are under way"));
        let later = unsettled.begin(&rc);
        drop(second);
        assert!(held.as_mut().now_or_never().is_none(), "the first is still under way");
        drop(first);
        held.await;
        assert!(unsettled.wait(&rc).is_some(), "a later send does not matter to the held event");
        drop(later);
        assert!(unsettled.wait(&rc).is_none());
    }
}
