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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use jiff::Timestamp;
    use proptest::prelude::*;
    use tieline_core::address::Address;
    use tieline_core::event::{Author, Body, Event, Message};
    use tieline_core::id::{Channel, ChannelKey, DeliveryId, EventSeq, InstanceId, LaneId, MessageId};
    use tieline_core::outbox::Lane;

    fn delivery(position: i64) -> Delivery {
        let instance = InstanceId::new("rc").unwrap();
        let channel = ChannelKey::new("R").unwrap();
        let place = Channel { instance: instance.clone(), key: channel.clone() };
        Delivery {
            id: DeliveryId(position),
            position: Position(position),
            lane: LaneId(1),
            ends: Arc::new(Lane { source: place.clone(), target: place }),
            seq: EventSeq(position),
            event: Arc::new(Event {
                instance,
                platform: "rocketchat".into(),
                channel,
                parent: None,
                address: Address::default(),
                room: None,
                message_id: MessageId::new("m").unwrap(),
                revision: None,
                time: Timestamp::UNIX_EPOCH,
                author: Author::default(),
                body: Body::Message(Message::default()),
                missing: None,
            }),
            received: Timestamp::UNIX_EPOCH,
            frames: Vec::new(),
            attempts: 0,
            not_before: None,
            waited_ms: 0,
            parts: Vec::new(),
            about: None,
            deleted: false,
        }
    }

    /// What can happen between the outbox' thread and the lane's task, one step at a time.
    #[derive(Debug, Clone, Copy)]
    enum StepOf {
        Commit,
        Announce,
        Work,
        ReadDisk,
        HandOver,
    }

    /// A disk, a writer that announces some time after it commits, and a lane that reads some time before it takes in.
    #[derive(Default)]
    struct House {
        mailbox: Mailbox,
        committed: i64,
        announced: i64,
        settled: i64,
        task: bool,
        /// The page that the lane wants next: after this position, or from the first.
        asked: Vec<Option<Position>>,
        read: Option<Vec<Delivery>>,
        handled: Vec<i64>,
    }

    impl House {
        fn step(&mut self, step: StepOf) {
            match step {
                StepOf::Commit => self.committed += 1,
                StepOf::Announce if self.announced < self.committed => {
                    self.announced += 1;
                    if self.mailbox.announce(delivery(self.announced)) {
                        assert!(!self.task, "two tasks for one lane");
                        self.task = true;
                    }
                }
                StepOf::Work if self.task && self.asked.is_empty() && self.read.is_none() => {
                    match self.mailbox.next() {
                        Next::Deliver(delivery) => {
                            self.handled.push(delivery.position.0);
                            self.settled = delivery.position.0;
                        }
                        Next::Read(after) => self.asked.push(after),
                        Next::Idle => self.task = false,
                    }
                }
                StepOf::ReadDisk if self.read.is_none() => {
                    if let Some(after) = self.asked.pop() {
                        let first = after.map_or(1, |position| position.0 + 1).max(self.settled + 1);
                        self.read = Some((first..=self.committed).take(CAPACITY).map(delivery).collect());
                    }
                }
                StepOf::HandOver => {
                    if let Some(read) = self.read.take() {
                        self.mailbox.refill(read);
                    }
                }
                StepOf::Announce | StepOf::Work | StepOf::ReadDisk => {}
            }
        }
    }

    proptest! {
        #[test]
        fn every_delivery_comes_once_and_in_order_however_the_threads_meet(
            left in 0_i64..200,
            steps in prop::collection::vec(
                prop_oneof![
                    4 => Just(StepOf::Commit),
                    4 => Just(StepOf::Announce),
                    3 => Just(StepOf::Work),
                    1 => Just(StepOf::ReadDisk),
                    1 => Just(StepOf::HandOver),
                ],
                0..2_000,
            ),
        ) {
            let mut house = House { committed: left, announced: left, ..House::default() };
            if left > 0 {
                house.task = house.mailbox.look_on_disk();
            }
            for step in steps {
                house.step(step);
            }
            for _ in 0..20_000 {
                if house.handled.len() as i64 == house.committed && !house.task {
                    break;
                }
                for step in [StepOf::Announce, StepOf::Work, StepOf::ReadDisk, StepOf::HandOver] {
                    house.step(step);
                }
            }
            let expected: Vec<i64> = (1..=house.committed).collect();
            prop_assert_eq!(house.handled, expected);
        }
    }
}
