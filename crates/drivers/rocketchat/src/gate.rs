//! Holds back what an Outgoing Webhook tells of a room until what was missed there is handed in.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long a call is held back. The server waits 20 s for an answer; what it tells in vain is found later.
const HOLD: Duration = Duration::from_secs(10);

/// Which rooms have yet to be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Waiting {
    Every,
    These(BTreeSet<String>),
}

/// The gate. It is shut once, when the instance begins to receive, and opens room by room.
#[derive(Debug)]
pub(crate) struct Gate(watch::Sender<Waiting>);

impl Gate {
    /// A gate that is shut until it is known which rooms are looked into.
    pub(crate) fn shut() -> Self {
        Self(watch::Sender::new(Waiting::Every))
    }

    /// Opens it for all rooms.
    pub(crate) fn open(&self) {
        self.0.send_replace(Waiting::These(BTreeSet::new()));
    }

    /// Only these rooms are looked into; nothing that it was opened for is shut again.
    pub(crate) fn expect(&self, rooms: &BTreeSet<String>) {
        self.0.send_if_modified(|waiting| {
            let shut = *waiting == Waiting::Every;
            if shut {
                *waiting = Waiting::These(rooms.clone());
            }
            shut
        });
    }

    /// Opens it for a room.
    pub(crate) fn pass(&self, room: &str) {
        self.0.send_if_modified(|waiting| match waiting {
            Waiting::Every => false,
            Waiting::These(rooms) => rooms.remove(room),
        });
    }

    /// Waits until it is open for a room, or for long enough.
    pub(crate) async fn through(&self, room: &str) {
        let is_open = |waiting: &Waiting| matches!(waiting, Waiting::These(rooms) if !rooms.contains(room));
        let mut waiting = self.0.subscribe();
        if timeout(HOLD, waiting.wait_for(is_open)).await.is_err() {
            tracing::debug!(room, "What a room said meanwhile is not fetched yet; a call is taken before it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn it_opens_room_by_room_and_is_never_shut_again() {
        let gate = Gate::shut();
        let rooms = BTreeSet::from(["A".to_owned(), "B".to_owned()]);
        assert!(gate.through("A").now_or_never().is_none());
        gate.expect(&rooms);
        assert!(gate.through("other").now_or_never().is_some());
        gate.pass("A");
        assert!(gate.through("A").now_or_never().is_some() && gate.through("B").now_or_never().is_none());
        gate.open();
        gate.expect(&rooms);
        assert!(gate.through("B").now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        Gate::shut().through("A").await;
    }
}
