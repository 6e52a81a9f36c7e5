//! What waits for the writer, and for how long.
//!
//! A commit costs far more than what is in it, so a settlement for which nobody waits need not have one of its own: it
//! rides along with the next command that comes, or is committed alone after [`PATIENCE`] at the latest. Somebody waits
//! for a settlement if its lane has a further delivery, since a lane sends the next one only after the settlement of the
//! last is on disk. The queue knows which lanes have one, because it hears of every delivery that is fed.
//!
//! Nobody is told earlier than before: whoever hands a command in is answered after its commit. Being patient changes
//! when that is, and nothing else; see `docs/adr/0011-settlements-ride-along.md`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tieline_core::id::{DeliveryId, LaneId};
use tieline_core::outbox::{Delivery, OutboxError};
use tokio::sync::{Semaphore, oneshot};

use crate::writer::Command;

/// How many commands one transaction takes at most.
const BATCH: usize = 512;
/// How many commands may wait.
const ROOM: usize = 1024;
/// How long a settlement waits for company.
const PATIENCE: Duration = Duration::from_millis(3);

/// Whether a commit may be waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Urgency {
    /// Somebody waits.
    Now,
    /// It settles this delivery: somebody waits if the lane has a further one.
    Settles(DeliveryId),
}

/// Whether to mark the store as closed, and who waits for the end.
pub(crate) type Farewell = (bool, oneshot::Sender<Result<(), OutboxError>>);

/// What the writer is given to do.
pub(crate) enum Taken {
    /// To commit the commands.
    Commands,
    /// To end: nothing is left, and nothing will come. `None` if nobody waits for the end.
    End(Option<Farewell>),
}

/// What waits for the writer.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Something came that the writer must see.
    bell: Condvar,
    room: Semaphore,
}

#[derive(Default)]
struct Waiting {
    /// In the order in which they came; one that settles a delivery and may wait has its number.
    commands: VecDeque<(Box<dyn Command>, Option<DeliveryId>)>,
    /// How many of them may not wait.
    urgent: usize,
    /// One that could wait when it came can wait no longer.
    hurry: bool,
    /// When the first of those that may wait came.
    since: Option<Instant>,
    /// The newest delivery of each lane, as far as it was fed.
    newest: HashMap<LaneId, DeliveryId>,
    /// Those of them that are not settled, and whether their settlement waits here.
    last_in_lane: HashMap<DeliveryId, bool>,
    rest: Rest,
    farewell: Option<Farewell>,
    /// Nothing is taken in any more.
    closed: bool,
}

/// What the writer does while there is nothing to commit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It is busy, and looks here next.
    #[default]
    Awake,
    /// It looks again within [`PATIENCE`], or when the bell rings.
    Short,
    /// It waits for the bell.
    Long,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: Mutex::default(), bell: Condvar::new(), room: Semaphore::new(ROOM) }
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that holds this lock can panic between two changes that belong together.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a command in, and waits while there is no room for it.
    pub(crate) async fn push(&self, command: Box<dyn Command>, urgency: Urgency) -> Result<(), OutboxError> {
        self.room.acquire().await.map_err(|_| OutboxError::Closed)?.forget();
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(OutboxError::Closed);
        }
        let patient = match urgency {
            Urgency::Now => None,
            Urgency::Settles(delivery) => waiting.last_in_lane.get_mut(&delivery).map(|waits| {
                *waits = true;
                delivery
            }),
        };
        waiting.commands.push_back((command, patient));
        let ring = if patient.is_some() {
            waiting.since.get_or_insert_with(Instant::now);
            waiting.rest == Rest::Long
        } else {
            waiting.urgent += 1;
            waiting.urgent == 1 && waiting.rest != Rest::Awake
        };
        drop(waiting);
        if ring {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Hears of deliveries before their lanes do. What settles the one before in a lane waits no longer.
    pub(crate) fn fed(&self, deliveries: &[Delivery]) {
        if deliveries.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for delivery in deliveries {
            let before = waiting.newest.insert(delivery.lane, delivery.id);
            let settlement_waits = before.and_then(|before| waiting.last_in_lane.remove(&before));
            waiting.hurry |= settlement_waits == Some(true);
            waiting.last_in_lane.insert(delivery.id, false);
        }
    }

    /// Waits for something to commit.
    pub(crate) fn take(&self, commands: &mut Vec<Box<dyn Command>>) -> Taken {
        let mut waiting = self.waiting();
        let mut rested = false;
        while !waiting.is_due() {
            if waiting.closed {
                return Taken::End(waiting.farewell.take());
            }
            let rest = match waiting.since {
                Some(since) => Some(PATIENCE.saturating_sub(since.elapsed())),
                // The settlements of what was fed are expected: they need not ring.
                None if !rested && !waiting.last_in_lane.is_empty() => Some(PATIENCE),
                None => None,
            };
            rested = true;
            if let Some(rest) = rest {
                waiting.rest = Rest::Short;
                waiting = self.bell.wait_timeout(waiting, rest).unwrap_or_else(PoisonError::into_inner).0;
            } else {
                waiting.rest = Rest::Long;
                waiting = self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            waiting.rest = Rest::Awake;
        }
        let count = waiting.commands.len().min(BATCH);
        for _ in 0..count {
            let Some((command, patient)) = waiting.commands.pop_front() else { break };
            match patient {
                Some(delivery) => drop(waiting.last_in_lane.remove(&delivery)),
                None => waiting.urgent -= 1,
            }
            commands.push(command);
        }
        if waiting.commands.is_empty() {
            waiting.since = None;
            waiting.hurry = false;
        }
        drop(waiting);
        self.room.add_permits(count);
        Taken::Commands
    }

    /// Takes nothing in any more; what waits is committed at once.
    pub(crate) fn close(
        &self,
        clean: bool,
        reply: oneshot::Sender<Result<(), OutboxError>>,
    ) -> Result<(), OutboxError> {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(OutboxError::Closed);
        }
        waiting.closed = true;
        waiting.farewell = Some((clean, reply));
        drop(waiting);
        self.room.close();
        self.bell.notify_one();
        Ok(())
    }

    /// Nobody will hand in anything any more, and nobody said how to close.
    pub(crate) fn abandon(&self) {
        self.waiting().closed = true;
        self.room.close();
        self.bell.notify_one();
    }

    /// Whether there is something to commit now.
    pub(crate) fn is_due(&self) -> bool {
        self.waiting().is_due()
    }

    /// The writer leaves when this is dropped.
    pub(crate) fn leaving(&self) -> Leaving<'_> {
        Leaving(self)
    }
}

impl Waiting {
    fn is_due(&self) -> bool {
        !self.commands.is_empty()
            && (self.urgent > 0
                || self.hurry
                || self.closed
                || self.since.is_some_and(|since| since.elapsed() >= PATIENCE))
    }
}

/// Lets go of everything that waits, so that those who wait for an answer get one.
pub(crate) struct Leaving<'a>(&'a Queue);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.room.close();
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        let left = (std::mem::take(&mut waiting.commands), waiting.farewell.take());
        drop(waiting);
        drop(left);
    }
}
