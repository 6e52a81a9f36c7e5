//! Held events, in the order of their channels.
//!
//! While a source channel has a held event, whatever comes from it later is held behind that one: from each source channel
//! to each target channel, messages arrive in order. One task a channel releases them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tieline_core::event::Event;
use tieline_core::id::{Channel, EventSeq};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long an answer waits for the message that it answers.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What a held event waits for, besides its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The newest of the sends that it may belong to; later ones do not matter to it.
    pub(crate) newest: u64,
    /// When it is planned as it stands. `None`: never, since it may be our own echo.
    pub(crate) until: Option<Instant>,
}

impl Wait {
    /// Waits until all these sends have ended, or the time is over.
    pub(crate) async fn over(self, ends: Vec<CancellationToken>) {
        let ended = join_all(ends.iter().map(CancellationToken::cancelled));
        match self.until {
            None => drop(ended.await),
            Some(until) => {
                if tokio::time::timeout_at(until, ended).await.is_err() {
                    tracing::debug!("A message is relayed without what it answers: the send of that has not ended");
                }
            }
        }
    }
}

/// The source channels that have held events, or are about to.
#[derive(Debug, Default)]
pub(crate) struct Held {
    queues: Mutex<HashMap<Channel, Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// How many have entered.
    entered: u64,
    /// Those that entered and whose commit has not ended.
    arriving: BTreeSet<u64>,
    events: BTreeMap<EventSeq, Waiting>,
    /// Whether a task releases them.
    worked: bool,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Waiting {
    event: Arc<Event>,
    wait: Option<Wait>,
    /// Who enters from this number on gets a later `EventSeq`: this one was committed before.
    before: u64,
}

/// What the task of a channel is to do next.
#[derive(Debug)]
pub(crate) enum Head {
    /// Release this event, when its wait is over.
    Event(EventSeq, Arc<Event>, Option<Wait>),
    /// Look again when something changed: one that goes before the others may be about to arrive.
    Changing(Arc<Notify>),
    /// End. Whoever fills the next place begins a new task.
    Empty,
}

/// The place of an event that is about to be committed as held. Dropped unfilled, it is as if it had never been.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<Held>,
    channel: Channel,
    number: u64,
}

impl Held {
    /// Takes a place in a channel's queue, if there is one, or if `begin`.
    pub(crate) fn enter(self: &Arc<Self>, channel: &Channel, begin: bool) -> Option<Place> {
        let mut queues = self.lock();
        if begin && !queues.contains_key(channel) {
            queues.insert(channel.clone(), Queue::default());
        }
        let queue = queues.get_mut(channel)?;
        let number = queue.entered;
        queue.entered += 1;
        queue.arriving.insert(number);
        Some(Place { of: Arc::clone(self), channel: channel.clone(), number })
    }

    /// The first event of a channel. It stays in the queue until it is [`released`](Self::released).
    pub(crate) fn head(&self, channel: &Channel) -> Head {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(channel) else { return Head::Empty };
        match queue.events.first_key_value() {
            Some((seq, first)) if queue.arriving.first().is_none_or(|arriving| *arriving >= first.before) => {
                Head::Event(*seq, Arc::clone(&first.event), first.wait)
            }
            Some(_) => Head::Changing(Arc::clone(&queue.changed)),
            None => {
                queue.worked = false;
                if queue.arriving.is_empty() {
                    queues.remove(channel);
                }
                Head::Empty
            }
        }
    }

    /// An event is planned: the next one's turn.
    pub(crate) fn released(&self, channel: &Channel, seq: EventSeq) {
        if let Some(queue) = self.lock().get_mut(channel) {
            queue.events.remove(&seq);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Channel, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The event is committed as held. Returns whether a task must be begun for the channel.
    #[must_use]
    pub(crate) fn fill(self, seq: EventSeq, event: Arc<Event>, wait: Option<Wait>) -> bool {
        let mut queues = self.of.lock();
        let Some(queue) = queues.get_mut(&self.channel) else { return false };
        queue.events.insert(seq, Waiting { event, wait, before: queue.entered });
        !std::mem::replace(&mut queue.worked, true)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queues = self.of.lock();
        let Some(queue) = queues.get_mut(&self.channel) else { return };
        queue.arriving.remove(&self.number);
        queue.changed.notify_one();
        if queue.arriving.is_empty() && queue.events.is_empty() && !queue.worked {
            queues.remove(&self.channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tieline_core::id::{ChannelKey, InstanceId};

    fn channel() -> Channel {
        Channel { instance: InstanceId::new("chat").unwrap(), key: ChannelKey::new("B").unwrap() }
    }

    fn event() -> Arc<Event> {
        let event = serde_json::json!({
            "instance": "chat", "platform": "p", "channel": "B", "address": {}, "message_id": "m",
            "time": "1970-01-01T00:00:00Z", "author": { "id": "u" }, "body": "delete",
        });
        Arc::new(serde_json::from_value(event).expect("an event"))
    }

    fn head(held: &Held) -> Option<i64> {
        match held.head(&channel()) {
            Head::Event(seq, ..) => Some(seq.0),
            Head::Changing(_) | Head::Empty => None,
        }
    }

    #[test]
    fn they_are_released_in_the_order_of_their_commits() {
        let held = Arc::new(Held::default());
        assert!(held.enter(&channel(), false).is_none(), "nothing is held there");
        let one = held.enter(&channel(), true).expect("it begins a queue");
        let two = held.enter(&channel(), false).expect("there is a queue");
        assert!(two.fill(EventSeq(2), event(), None), "a task begins");
        assert!(matches!(held.head(&channel()), Head::Changing(_)), "the other may have been committed before");
        assert!(!one.fill(EventSeq(1), event(), None), "there is a task");
        let three = held.enter(&channel(), false).expect("there is a queue");
        assert_eq!(head(&held), Some(1), "who enters later is no reason to wait");
        held.released(&channel(), EventSeq(1));
        assert_eq!(head(&held), Some(2));
        held.released(&channel(), EventSeq(2));
        assert_eq!(head(&held), None);
        assert!(three.fill(EventSeq(3), event(), None), "the task has ended");
        held.released(&channel(), EventSeq(3));
        assert_eq!(head(&held), None);
        assert!(held.lock().is_empty());
    }

    #[test]
    fn a_place_that_is_not_filled_leaves_nothing_behind() {
        let held = Arc::new(Held::default());
        let one = held.enter(&channel(), true).expect("it begins a queue");
        let two = held.enter(&channel(), false).expect("there is a queue");
        assert!(two.fill(EventSeq(2), event(), None));
        let Head::Changing(changed) = held.head(&channel()) else { panic!("the first may come yet") };
        drop(one);
        assert!(changed.notified().now_or_never().is_some());
        assert_eq!(head(&held), Some(2));
        held.released(&channel(), EventSeq(2));
        assert_eq!(head(&held), None);
        drop(held.enter(&channel(), true));
        assert!(held.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_waits_a_minute_and_an_echo_for_the_end() {
        let begun = Instant::now();
        let end = CancellationToken::new();
        Wait { newest: 1, until: Some(begun + PATIENCE) }.over(vec![end.clone()]).await;
        assert_eq!(begun.elapsed(), PATIENCE);
        let mut echo = Box::pin(Wait { newest: 1, until: None }.over(vec![end.clone()]));
        tokio::time::advance(Duration::from_hours(24)).await;
        assert!(echo.as_mut().now_or_never().is_none());
        end.cancel();
        echo.await;
    }
}
