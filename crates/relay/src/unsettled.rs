//! Sends whose end is not known yet.
//!
//! An event that may be our own echo cannot be judged while a send into its instance is under way: the id that would
//! prove it is in the answer that has not come. Such an event is held until the sends that were under way are settled.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use dashmap::DashMap;
use tieline_core::id::InstanceId;
use tokio::sync::watch;

/// The sends under way, by target instance.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    instances: DashMap<InstanceId, Tickets>,
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
    instance: InstanceId,
    number: u64,
}

impl Unsettled {
    /// A send into an instance begins, or may have begun before a crash.
    pub(crate) fn begin(self: &Arc<Self>, instance: &InstanceId) -> Ticket {
        let tickets = self.instances.entry(instance.clone()).or_default();
        let number = {
            let mut open = lock(&tickets.open);
            open.0 += 1;
            let number = open.0;
            open.1.insert(number);
            tickets.lowest.send_replace(*open.1.first().unwrap_or(&u64::MAX));
            number
        };
        drop(tickets);
        Ticket { of: Arc::clone(self), instance: instance.clone(), number }
    }

    /// Waits for the sends into an instance that are under way now; `None` if there are none.
    pub(crate) fn wait(&self, instance: &InstanceId) -> Option<impl Future<Output = ()> + Send + use<>> {
        let tickets = self.instances.get(instance)?;
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
        if let Some(tickets) = self.of.instances.get(&self.instance) {
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

    #[tokio::test]
    async fn an_event_waits_for_the_sends_of_its_time_only() {
        let unsettled = Arc::new(Unsettled::default());
        let rc = InstanceId::new("rc").unwrap();
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
