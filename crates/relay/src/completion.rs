//! Makes events whole before they are sent: the message's missing fields, its files.
//!
//! The event is on disk already, so this may take its time; all lanes of an event share one completion. It is tried for a
//! minute; then the event goes as it stands, and the trace says so. Waits that the platform asked for do not count.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tieline_core::driver::{CompleteError, Completed};
use tieline_core::event::{Content, Event};
use tieline_core::id::{EventSeq, InstanceId};
use tieline_core::outbox::Delivery;
use tieline_core::send::{Pause, Scope};
use tokio::sync::{OnceCell, RwLock, Semaphore};

use crate::backoff::COMPLETION;
use crate::exchange::{Exchange, Stopping};
use crate::instances::Running;

/// How long the platform may be silent or broken.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// How many events of one instance are in their driver's hands at once. What it does side by side it decides itself: a
/// lookup must not wait for a large file.
const SIDE_BY_SIDE: usize = 256;

#[derive(Default)]
pub(crate) struct Completions {
    under_way: DashMap<EventSeq, Arc<OnceCell<Arc<Event>>>>,
    turns: DashMap<InstanceId, Arc<Semaphore>>,
    /// Read-locked from the first byte of a file until the event that refers to it is stored; see `Exchange::discard`.
    pub(crate) spooling: RwLock<()>,
}

impl Completions {
    /// The whole event of a delivery.
    pub(crate) async fn whole(&self, exchange: &Exchange, delivery: &Delivery) -> Result<Arc<Event>, Stopping> {
        self.complete(exchange, delivery.seq, &delivery.event).await
    }

    /// Makes an event whole, unless it is.
    pub(crate) async fn complete(
        &self,
        exchange: &Exchange,
        seq: EventSeq,
        event: &Arc<Event>,
    ) -> Result<Arc<Event>, Stopping> {
        if event.missing.is_none() {
            return Ok(Arc::clone(event));
        }
        let cell = Arc::clone(&self.under_way.entry(seq).or_default());
        let whole = cell.get_or_try_init(|| self.run(exchange, seq)).await.cloned();
        self.under_way.remove_if(&seq, |_, known| Arc::ptr_eq(known, &cell));
        whole
    }

    async fn run(&self, exchange: &Exchange, seq: EventSeq) -> Result<Arc<Event>, Stopping> {
        // It may have been completed after this delivery was read.
        let stored = exchange.insist("reading an event", || exchange.outbox.event(seq)).await?;
        let Some(event) = stored else {
            tracing::error!(trace = %seq, "An event that is still to be delivered is gone from the outbox");
            return Err(Stopping);
        };
        if event.missing.is_none() {
            return Ok(event);
        }
        let _spooling = self.spooling.read().await;
        let completed = match exchange.instances.get(&event.instance) {
            Some(instance) => self.ask(exchange, &instance, seq, &event).await?,
            None => as_it_stands(&event, &format!("the instance `{}` is not configured any more", event.instance)),
        };
        exchange.telemetry.completed(seq, &event.instance, &completed.notes);
        let whole = Arc::new(completed.event);
        exchange
            .insist("storing a completed event", || {
                exchange.outbox.complete(seq, Arc::clone(&whole), completed.notes.clone())
            })
            .await?;
        Ok(whole)
    }

    async fn ask(
        &self,
        exchange: &Exchange,
        instance: &Running,
        seq: EventSeq,
        event: &Event,
    ) -> Result<Completed, Stopping> {
        let turns = Arc::clone(
            &self.turns.entry(event.instance.clone()).or_insert_with(|| Arc::new(Semaphore::new(SIDE_BY_SIDE))),
        );
        let mut deadline = later(exchange.now(), PATIENCE);
        let mut failures = 0;
        let scopes = [completing()];
        loop {
            let turn = turns.acquire().await.map_err(|_| Stopping)?;
            if let Some(until) = exchange.gates.opens(&event.instance, &scopes, exchange.now()) {
                drop(turn);
                let now = exchange.now();
                exchange.sleep_until(until).await?;
                deadline = later(deadline, exchange.now().duration_since(now));
                continue;
            }
            let last_try = exchange.now() >= deadline;
            let asked = tokio::select! {
                asked = AssertUnwindSafe(instance.driver.complete(event, last_try)).catch_unwind() => asked,
                () = exchange.shutdown.cancelled() => return Err(Stopping),
            };
            drop(turn);
            let CompleteError { reason, pause } = match asked {
                Ok(Ok(completed)) => return Ok(made_whole(completed)),
                Ok(Err(error)) => error,
                Err(_panic) => {
                    CompleteError { reason: "the driver failed on this event; please report it".into(), pause: None }
                }
            };
            if let Some(until) = pause {
                exchange.telemetry.completion_waits(seq, &event.instance, until);
                exchange.close_gate(&event.instance, &Pause { scope: completing(), until }).await;
                continue;
            }
            if last_try {
                return Ok(as_it_stands(event, &reason));
            }
            failures += 1;
            tracing::debug!(instance = %event.instance, message = %event.message_id, reason, "Event cannot be completed yet");
            let rest = Duration::try_from(deadline.duration_since(exchange.now())).unwrap_or_default();
            exchange.sleep(COMPLETION.after(failures, fastrand::f64()).min(rest)).await?;
        }
    }
}

/// The scope of the calls by which an instance's events are completed.
fn completing() -> Scope {
    Scope::Named("completing".to_owned())
}

/// Holds a driver to its word: nothing is missing any more.
fn made_whole(mut completed: Completed) -> Completed {
    completed.event.missing = None;
    give_up_files(&mut completed.event, "it was not fetched");
    completed
}

/// The event without what could not be had.
fn as_it_stands(event: &Event, reason: &str) -> Completed {
    let mut event = event.clone();
    event.missing = None;
    give_up_files(&mut event, reason);
    Completed { event, notes: vec![format!("sent on as it stands: {reason}")] }
}

fn give_up_files(event: &mut Event, reason: &str) {
    let files = event.message_mut().map(|message| message.attachments.as_mut_slice()).unwrap_or_default();
    for file in files {
        if let Content::Remote(_) = file.content {
            file.content = Content::Unavailable(reason.to_owned());
        }
    }
}

fn later(time: Timestamp, wait: SignedDuration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}
