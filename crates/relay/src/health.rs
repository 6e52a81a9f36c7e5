//! How each instance is.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde::Serialize;
use tieline_core::id::InstanceId;

/// What `readyz` says of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceHealth {
    /// How it is.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong, in plain words; `None` when it is ready.
    pub error: Option<String>,
}

/// How an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has not said anything yet.
    Starting,
    /// It receives and sends.
    Ready,
    /// Something is wrong.
    Failing,
}

/// Which side of an instance speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Its driver: whether it hears of messages.
    Receiving,
    /// Its lanes: whether messages arrive.
    Sending,
    /// The disk, which all instances share: whether anything can be accepted.
    Storing,
}

#[derive(Debug)]
pub(crate) struct HealthBoard {
    instances: Mutex<BTreeMap<InstanceId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    started: bool,
    receiving: Option<String>,
    sending: Option<String>,
    storing: Option<String>,
    shown: InstanceHealth,
}

impl Entry {
    fn starting(now: Timestamp) -> Self {
        Self {
            started: false,
            receiving: None,
            sending: None,
            storing: None,
            shown: InstanceHealth { state: State::Starting, since: now, error: None },
        }
    }
}

impl HealthBoard {
    pub(crate) fn new(instances: impl IntoIterator<Item = InstanceId>, now: Timestamp) -> Self {
        Self { instances: Mutex::new(instances.into_iter().map(|id| (id, Entry::starting(now))).collect()) }
    }

    /// From now on there are these instances; of those in `anew` nothing is known yet.
    pub(crate) fn renew(&self, instances: &[InstanceId], anew: &[InstanceId], now: Timestamp) {
        let mut known = self.lock();
        known.retain(|id, _| instances.contains(id) && !anew.contains(id));
        for id in instances {
            known.entry(id.clone()).or_insert_with(|| Entry::starting(now));
        }
    }

    /// Notes how one side of an instance is. Returns the new state if it changed.
    pub(crate) fn note(
        &self,
        instance: &InstanceId,
        side: Side,
        trouble: Option<&str>,
        now: Timestamp,
    ) -> Option<InstanceHealth> {
        let mut instances = self.lock();
        let entry = instances.get_mut(instance)?;
        let slot = match side {
            Side::Receiving => {
                entry.started = true;
                &mut entry.receiving
            }
            Side::Sending => &mut entry.sending,
            Side::Storing => &mut entry.storing,
        };
        if slot.as_deref() == trouble && entry.started == (entry.shown.state != State::Starting) {
            return None;
        }
        *slot = trouble.map(str::to_owned);
        let error = entry.storing.as_ref().or(entry.receiving.as_ref()).or(entry.sending.as_ref());
        let state = match (error, entry.started) {
            (Some(_), _) => State::Failing,
            (None, true) => State::Ready,
            (None, false) => State::Starting,
        };
        let changed = state != entry.shown.state;
        if changed {
            entry.shown.state = state;
            entry.shown.since = now;
        }
        entry.shown.error = error.cloned();
        changed.then(|| entry.shown.clone())
    }

    pub(crate) fn show(&self) -> BTreeMap<InstanceId, InstanceHealth> {
        self.lock().iter().map(|(id, entry)| (id.clone(), entry.shown.clone())).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<InstanceId, Entry>> {
        self.instances.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_ready_when_all_its_sides_are() {
        let rc = InstanceId::new("rc").unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let board = HealthBoard::new([rc.clone()], at(0));
        assert_eq!(board.show()[&rc].state, State::Starting);
        assert_eq!(board.note(&rc, Side::Receiving, None, at(1)).map(|h| h.state), Some(State::Ready));
        assert_eq!(board.note(&rc, Side::Receiving, None, at(2)), None, "nothing changed");
        let failing = board.note(&rc, Side::Sending, Some("refused"), at(3)).expect("a change");
        assert_eq!((failing.state, failing.since, failing.error.as_deref()), (State::Failing, at(3), Some("refused")));
        assert_eq!(board.note(&rc, Side::Receiving, None, at(4)), None, "sending is still broken");
        let ready = board.note(&rc, Side::Sending, None, at(5)).expect("a change");
        assert_eq!((ready.state, ready.since, ready.error), (State::Ready, at(5), None), "what was wrong is over");
        let full = board.note(&rc, Side::Storing, Some("disk full"), at(6)).expect("a change");
        assert_eq!((full.state, full.error.as_deref()), (State::Failing, Some("disk full")));
        assert_eq!(board.note(&rc, Side::Sending, None, at(7)), None, "the disk is still full");
        assert_eq!(board.note(&rc, Side::Storing, None, at(8)).map(|h| h.error), Some(None));
    }
}
