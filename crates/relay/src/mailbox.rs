//! A lane's mailbox: the deliveries that wait for it, in order.
//!
//! A short queue is kept in memory; when it is full the rest stays on disk and is read from there ("spilled"), so a
//! backlog of a million costs no memory. What must stay true: every committed delivery is handed to the lane exactly
//! once and in order of position. Two facts carry this: the outbox announces deliveries in order of position, after
//! their commit; and `last` names the highest position that was ever taken in, from either side.

use std::collections::VecDeque;
use std::sync::Mutex;

use tieline_core::outbox::{Delivery, Position};

/// How many deliveries wait in memory at most, and how many are read from disk at once.
pub(crate) const CAPACITY: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Delivery>,
    /// The highest position that was taken in.
    last: Option<Position>,
    /// There may be deliveries after `last` that are only on disk.
    spilled: bool,
    /// A delivery was announced and left on disk since the last look there.
    missed: bool,
    /// A task is working on the lane.
    running: bool,
}

/// What a lane does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Work on this one.
    Deliver(Box<Delivery>),
    /// Read deliveries after this position from the outbox and hand them to [`Mailbox::refill`].
    Read(Option<Position>),
    /// There is nothing to do; the task ends.
    Idle,
}

impl Mailbox {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // Nothing that holds this lock can panic between two changes that belong together.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes in an announced delivery. Returns whether the caller must start a task for the lane.
    pub(crate) fn announce(&self, delivery: Delivery) -> bool {
        let mut waiting = self.waiting();
        if waiting.last.is_some_and(|last| delivery.position <= last) {
            return false; // it was read from disk before it was announced
        }
        if waiting.spilled || waiting.queue.len() >= CAPACITY {
            waiting.spilled = true;
            waiting.missed = true;
        } else {
            waiting.last = Some(delivery.position);
            waiting.queue.push_back(delivery);
        }
        !std::mem::replace(&mut waiting.running, true)
    }

    /// Says that the lane has deliveries on disk from an earlier run. Returns whether the caller must start a task.
    pub(crate) fn look_on_disk(&self) -> bool {
        let mut waiting = self.waiting();
        waiting.spilled = true;
        waiting.missed = true;
        !std::mem::replace(&mut waiting.running, true)
    }

    /// What the lane's task does next.
    pub(crate) fn next(&self) -> Next {
        let mut waiting = self.waiting();
        if let Some(delivery) = waiting.queue.pop_front() {
            return Next::Deliver(Box::new(delivery));
        }
        if waiting.spilled {
            waiting.missed = false;
            return Next::Read(waiting.last);
        }
        waiting.running = false;
        Next::Idle
    }

    /// Takes in what was read from disk after the position that [`Next::Read`] named, `CAPACITY` at most.
    pub(crate) fn refill(&self, read: Vec<Delivery>) {
        let mut waiting = self.waiting();
        // A full page means that there may be more; a missed announcement, that the page may be older than it.
        waiting.spilled = read.len() >= CAPACITY || waiting.missed;
        if let Some(newest) = read.last() {
            waiting.last = Some(newest.position);
        }
        waiting.queue.extend(read);
    }

    /// The task ends before the lane is empty, because the relay stops.
    pub(crate) fn abandon(&self) {
        self.waiting().running = false;
    }
}
