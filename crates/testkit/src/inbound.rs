//! An inbound that remembers what arrived, and that a test can block or break.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tieline_core::driver::{Inbound, InboundError};
use tieline_core::event::{Body, Event};
use tieline_core::id::EventSeq;
use tieline_core::outbox::Accepted;
use tokio::sync::watch;

/// How long [`RecordingInbound::wait_for`] waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes every event, recognises repeats as the outbox does, and tells a test of both.
#[derive(Debug)]
pub struct RecordingInbound {
    arrived: Mutex<Arrived>,
    gate: watch::Sender<Gate>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Arrived {
    /// Every event that was handed in, repeats too.
    all: Vec<Event>,
    /// Those that were accepted as new.
    new: Vec<Event>,
    /// The number of each event that was accepted.
    seen: HashMap<Key, EventSeq>,
}

impl Arrived {
    /// The event that says what an edit without a revision says, if it is the last one about the message.
    fn says_so(&self, edit: &Event) -> Option<EventSeq> {
        let same = |event: &Event| event.message_id == edit.message_id && event.channel == edit.channel;
        let last = self.new.iter().rposition(|event| same(event) && event.message().is_some())?;
        let text = |event: &Event| event.message().map(|message| message.text.clone());
        (text(&self.new[last]) == text(edit)).then_some(EventSeq(last as i64 + 1))
    }
}

/// What makes two events the same: instance, channel, message, kind, revision. Edits without a revision are the same if
/// they say the same.
type Key = (String, String, String, &'static str, Option<String>);

#[derive(Debug, Clone, Default)]
enum Gate {
    #[default]
    Open,
    Blocked,
    Failing(InboundError),
}

impl Default for RecordingInbound {
    fn default() -> Self {
        Self { arrived: Mutex::default(), gate: watch::Sender::new(Gate::Open), changes: watch::Sender::new(0) }
    }
}

impl RecordingInbound {
    /// From now on, [`accept`](Inbound::accept) does not return until [`open`](Self::open) is called.
    pub fn block(&self) {
        self.gate.send_replace(Gate::Blocked);
    }

    /// From now on, nothing is accepted.
    pub fn fail(&self, error: InboundError) {
        self.gate.send_replace(Gate::Failing(error));
    }

    /// Everything is accepted again.
    pub fn open(&self) {
        self.gate.send_replace(Gate::Open);
    }

    /// The events that were accepted as new, in order.
    pub fn events(&self) -> Vec<Event> {
        self.lock().new.clone()
    }

    /// Every event that a driver handed in, also repeats and those that were not accepted, in order.
    pub fn arrivals(&self) -> Vec<Event> {
        self.lock().all.clone()
    }

    /// Waits for an accepted event. Panics after 20 s, and says what was there.
    pub async fn wait_for(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let found = self.until(|arrived| arrived.new.iter().find(|event| wanted(event)).cloned()).await;
        found.unwrap_or_else(|| panic!("no such event was accepted; there is {:#?}", self.events()))
    }

    /// Waits until so many events were handed in, whatever became of them. Panics after 20 s.
    pub async fn wait_for_arrivals(&self, count: usize) -> Vec<Event> {
        let found = self.until(|arrived| (arrived.all.len() >= count).then(|| arrived.all.clone())).await;
        found.unwrap_or_else(|| panic!("{count} events did not arrive; there is {:#?}", self.arrivals()))
    }

    async fn until<T>(&self, look: impl Fn(&Arrived) -> Option<T>) -> Option<T> {
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                let found = look(&self.lock());
                if found.is_some() || changes.changed().await.is_err() {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn take(&self, event: Event) -> Accepted {
        let key = (
            event.instance.to_string(),
            event.channel.to_string(),
            event.message_id.to_string(),
            event.kind(),
            event.revision.clone(),
        );
        let mut arrived = self.lock();
        let repeated = if matches!(event.body, Body::Edit(_)) && event.revision.is_none() {
            arrived.says_so(&event)
        } else {
            arrived.seen.get(&key).copied()
        };
        if let Some(seq) = repeated {
            return Accepted::Repeat { seq };
        }
        arrived.new.push(event);
        let seq = EventSeq(arrived.new.len() as i64);
        arrived.seen.insert(key, seq);
        Accepted::Planned { seq, deliveries: 1 }
    }
}

#[async_trait]
impl Inbound for RecordingInbound {
    async fn accept(&self, event: Event) -> Result<Accepted, InboundError> {
        self.lock().all.push(event.clone());
        self.changed();
        let mut gate = self.gate.subscribe();
        // The sender is a field of ours, so the gate cannot be closed while we wait.
        let now = gate.wait_for(|gate| !matches!(gate, Gate::Blocked)).await.map(|gate| gate.clone());
        match now.unwrap_or_default() {
            Gate::Failing(error) => Err(error),
            Gate::Open | Gate::Blocked => {
                let accepted = self.take(event);
                self.changed();
                Ok(accepted)
            }
        }
    }
}
