//! What all rooms of the relay share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tieline_core::clock::Clock;
use tieline_core::id::InstanceId;
use tieline_core::outbox::{Outbox, OutboxError, Retention};
use tieline_core::plan::Plan;
use tieline_core::send::Pause;
use tieline_core::spool::{MediaSpool, SpoolId};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alerts::Alerts;
use crate::backoff::DISK;
use crate::commands::Commands;
use crate::completion::Completions;
use crate::credentials::Credentials;
use crate::disk::Disk;
use crate::gates::{Gates, until};
use crate::health::{HealthBoard, Side};
use crate::instances::Instances;
use crate::mentions::Names;
use crate::overtaken::{Endings, Overtaken};
use crate::secret_guard::Guard;
use crate::telemetry::Telemetry;
use crate::threads::Threads;
use crate::unsettled::Unsettled;

/// The cursor under which an instance's closed gates are kept.
const GATES: &str = "gates";

/// A wait that is longer than platforms ask for in the ordinary.
const LONG_WAIT: Duration = Duration::from_mins(10);

/// What intake, lanes and supervisor share.
pub(crate) struct Exchange {
    pub(crate) plan: ArcSwap<Plan>,
    pub(crate) instances: Instances,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) spool: Arc<dyn MediaSpool>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) zone: TimeZone,
    pub(crate) guard: Guard,
    pub(crate) house_rules: ArcSwap<HouseRules>,
    pub(crate) gates: Gates,
    pub(crate) credentials: Credentials,
    pub(crate) unsettled: Arc<Unsettled>,
    pub(crate) completions: Completions,
    pub(crate) threads: Threads,
    pub(crate) commands: Commands,
    pub(crate) names: Names,
    pub(crate) overtaken: Overtaken,
    pub(crate) endings: Endings,
    pub(crate) health: HealthBoard,
    pub(crate) disk: Disk,
    pub(crate) telemetry: Telemetry,
    /// Cancelled when the relay stops: nothing new is begun.
    pub(crate) shutdown: CancellationToken,
    /// Every task of the relay.
    pub(crate) tasks: TaskTracker,
    /// Files that are free, and wait until no event is being completed.
    pub(crate) discarded: Mutex<Vec<SpoolId>>,
    /// A send of unknown outcome was left behind: the next process must reconcile.
    pub(crate) unclean: AtomicBool,
}

/// What the configuration says for the whole relay.
#[derive(Debug, Clone)]
pub(crate) struct HouseRules {
    /// Whether messages with one of our secrets in them are held back.
    pub(crate) secret_guard: bool,
    /// How long a message is tried, counted from its receipt.
    pub(crate) give_up_after: Duration,
    pub(crate) retention: Retention,
    /// Where to tell of trouble.
    pub(crate) alerts: Option<Alerts>,
}

/// The relay stops; whatever was waited for is left as it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopping;

impl Exchange {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for some time, unless the relay stops.
    pub(crate) async fn sleep(&self, time: Duration) -> Result<(), Stopping> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.shutdown.cancelled() => Err(Stopping),
        }
    }

    /// Waits until a time, never less, unless the relay stops.
    pub(crate) async fn sleep_until(&self, time: Timestamp) -> Result<(), Stopping> {
        loop {
            let rest = until(time, self.now());
            if rest.is_zero() {
                return Ok(());
            }
            // Timers count whole milliseconds; one more, so that the loop turns once.
            self.sleep(rest + Duration::from_millis(1)).await?;
        }
    }

    /// Repeats a write until the disk takes it: its result is true whether or not it can be stored now.
    ///
    /// `Err` only if the relay stops meanwhile, or the outbox cannot go on.
    pub(crate) async fn insist<T, F>(&self, what: &str, mut write: impl FnMut() -> F) -> Result<T, Stopping>
    where
        F: Future<Output = Result<T, OutboxError>>,
    {
        let mut failures = 0;
        loop {
            match write().await {
                Ok(value) => return Ok(value),
                Err(OutboxError::Closed) => return Err(Stopping),
                Err(error) => {
                    failures += 1;
                    self.disk_refused(what, &error);
                    if self.shutdown.is_cancelled() {
                        return Err(Stopping);
                    }
                    self.sleep(DISK.after(failures, fastrand::f64())).await?;
                }
            }
        }
    }

    /// Closes a gate, here and in the outbox. If the disk refuses, this process knows at least.
    ///
    /// Minutes are ordinary. Whoever must wait longer wants to know it, be the platform's time right or absurd.
    pub(crate) async fn close_gate(&self, instance: &InstanceId, pause: &Pause) {
        self.gates.close(instance, pause);
        if until(pause.until, self.now()) > LONG_WAIT {
            let at = pause.until.display_with_offset(self.zone.to_offset(pause.until));
            let why = format!("the platform asked to send nothing of this kind before {at}");
            self.note_health(instance, Side::Sending, Some(&why));
        }
        let gates = self.gates.stored(instance);
        if let Err(error) = self.outbox.set_cursor(instance, GATES, &gates).await {
            self.telemetry.disk_refused("keeping a rate limit", &error);
        }
    }

    /// Closes the gates that the last process left closed.
    pub(crate) async fn restore_gates(&self) -> Result<(), OutboxError> {
        for instance in self.instances.all().keys() {
            if let Some(gates) = self.outbox.cursor(instance, GATES).await? {
                let damaged = |error: serde_json::Error| OutboxError::Damaged(format!("rate limits: {error}"));
                self.gates.restore(instance, &gates).map_err(damaged)?;
            }
        }
        Ok(())
    }

    /// Notes how one side of an instance is, and says so if that changed its state.
    pub(crate) fn note_health(&self, instance: &InstanceId, side: Side, trouble: Option<&str>) {
        let masked = trouble.map(|trouble| self.guard.mask(trouble));
        if let Some(changed) = self.health.note(instance, side, masked.as_deref(), self.now()) {
            self.telemetry.health(instance, &changed);
        }
    }

    /// Deletes files that nobody needs any more.
    ///
    /// A file is named by its content, so an event that is being completed right now may be about to refer to the same
    /// one. While any event is, the files wait for the next call; and what a stored event refers to stays.
    pub(crate) async fn discard(&self, files: Vec<SpoolId>) {
        let nobody_completes = self.completions.spooling.try_write();
        let waiting = {
            let mut waiting = self.discarded.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(files);
            if waiting.is_empty() || nobody_completes.is_err() {
                return;
            }
            std::mem::take(&mut *waiting)
        };
        match self.outbox.spooled().await {
            Ok(needed) => {
                let free: Vec<SpoolId> = waiting.into_iter().filter(|file| !needed.contains(file)).collect();
                self.spool.remove(&free).await;
            }
            Err(error) => {
                self.telemetry.disk_refused("looking for files that are still needed", &error);
                self.discarded.lock().unwrap_or_else(PoisonError::into_inner).extend(waiting);
            }
        }
    }
}
