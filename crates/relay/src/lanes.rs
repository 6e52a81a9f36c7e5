//! The lanes: from each source channel to each target channel, first in, first out, one delivery in flight.
//!
//! A lane costs a task only while it has something to do.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use dashmap::DashMap;
use tieline_core::id::{Channel, LaneId};
use tieline_core::outbox::{Delivery, Feed, Lane};
use tokio::runtime::Handle;

use crate::backoff::DISK;
use crate::delivery::deliver;
use crate::exchange::{Exchange, Stopping};
use crate::mailbox::{CAPACITY, Mailbox, Next};
use crate::unsettled::{Destination, Ticket};

pub(crate) struct Lanes {
    mailboxes: DashMap<LaneId, Arc<Mailbox>>,
    /// Lanes whose first delivery may have been under way when the last process ended without closing the outbox, each
    /// with the ticket that holds back what may be its echo.
    suspects: Mutex<HashMap<LaneId, Ticket>>,
    exchange: OnceLock<Weak<Exchange>>,
    /// The outbox announces from a thread of its own, where there is no runtime.
    runtime: Handle,
}

impl Lanes {
    pub(crate) fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self { mailboxes: DashMap::new(), suspects: Mutex::default(), exchange: OnceLock::new(), runtime })
    }

    /// Takes up what the last process left. If that one did not close the outbox, the first delivery of each lane is
    /// suspected to have been sent already, and is reconciled before it is sent again.
    pub(crate) fn open(self: &Arc<Self>, exchange: &Arc<Exchange>, left: Vec<(LaneId, Lane)>, suspect: bool) {
        self.exchange.get_or_init(|| Arc::downgrade(exchange));
        let lanes: HashSet<LaneId> = left.iter().map(|(lane, _)| *lane).collect();
        if suspect {
            let mut suspects = self.suspects.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            for (lane, ends) in left {
                let Channel { instance, key } = &ends.target;
                let ticket = match exchange.instances.get(instance) {
                    Some(target) => exchange.unsettled.begin(&target, key, None),
                    // It is not configured any more, so nobody sees echoes there.
                    None => exchange.unsettled.begin_at(&instance.as_str().into(), Destination::unknown(&ends.target)),
                };
                suspects.insert(lane, ticket);
            }
        }
        for lane in lanes {
            let mailbox = Arc::clone(&self.mailboxes.entry(lane).or_default());
            if mailbox.look_on_disk() {
                self.start(lane, mailbox);
            }
        }
    }

    fn start(self: &Arc<Self>, lane: LaneId, mailbox: Arc<Mailbox>) {
        let Some(exchange) = self.exchange.get().and_then(Weak::upgrade) else {
            mailbox.abandon(); // the relay is gone; the delivery is on disk for the next one
            return;
        };
        let tasks = exchange.tasks.clone();
        let lanes = Arc::clone(self);
        tasks.spawn_on(async move { lanes.work(&exchange, lane, &mailbox).await }, &self.runtime);
    }

    /// Works until the lane is empty or the relay stops.
    async fn work(&self, exchange: &Exchange, lane: LaneId, mailbox: &Mailbox) {
        let mut suspect = self.suspects.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&lane);
        let mut suspected = suspect.is_some();
        let mut failures = 0;
        while !exchange.shutdown.is_cancelled() {
            match mailbox.next() {
                Next::Deliver(delivery) => {
                    if let Err(Stopping) = deliver(exchange, *delivery, suspect.take()).await {
                        break;
                    }
                    suspected = false;
                }
                Next::Read(after) => match exchange.outbox.pending(lane, after, CAPACITY).await {
                    Ok(read) => {
                        failures = 0;
                        mailbox.refill(read);
                    }
                    Err(error) => {
                        failures += 1;
                        exchange.telemetry.disk_refused("reading a lane", &error);
                        if exchange.sleep(DISK.after(failures, fastrand::f64())).await.is_err() {
                            break;
                        }
                    }
                },
                Next::Idle => return,
            }
        }
        if suspected {
            // The next process must ask the platform in the place of this one.
            exchange.unclean.store(true, Ordering::Relaxed);
        }
        mailbox.abandon();
    }
}

/// What the outbox announces to. It keeps announcing while lanes come and go.
pub(crate) struct LaneFeed(pub(crate) Arc<Lanes>);

impl Feed for LaneFeed {
    fn committed(&self, delivery: Delivery) {
        let lane = delivery.lane;
        let mailbox = Arc::clone(&self.0.mailboxes.entry(lane).or_default());
        if mailbox.announce(delivery) {
            self.0.start(lane, mailbox);
        }
    }
}
