//! The tries of one delivery, part by part: waits, back-offs, and looking for what may have arrived.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tieline_core::frame::NamedFrame;
use tieline_core::id::EventSeq;
use tieline_core::outbox::{Delivery, Settlement};
use tieline_core::send::{Pause, Reconciled, SendError, Sending, Sent, Trouble};

use crate::attempt::{Parts, reconcile, send};
use crate::backoff::ATTEMPTS;
use crate::exchange::{Exchange, Stopping};
use crate::gates::until;
use crate::health::Side;
use crate::instances::Running;
use crate::unsettled::Ticket;

/// How often a delivery's thread is opened anew.
const REOPENED: u8 = 3;

/// The tries of one delivery.
pub(crate) struct Tries<'t> {
    pub(crate) exchange: &'t Exchange,
    pub(crate) instance: Arc<Running>,
    pub(crate) delivery: Delivery,
    pub(crate) frame: Arc<NamedFrame>,
    pub(crate) parts: Parts,
    /// Held from the beginning of a send until its end is known and on disk.
    pub(crate) ticket: Option<Ticket>,
    /// How often its thread was opened anew.
    pub(crate) reopened: u8,
    /// Whether a try may have arrived of which nobody knows.
    pub(crate) unsure: bool,
    /// The newest edit whose text it has.
    pub(crate) said: Option<EventSeq>,
}

/// Why a delivery is given up.
pub(crate) enum GivenUp {
    /// It cannot be delivered.
    Dead {
        reason: String,
        /// Whether the platform refused it for good, so that its writer can do something about it.
        refused: bool,
    },
    /// There is nothing to do, or nothing that the platform could do.
    Impossible(String),
    /// The message was edited or deleted, and nothing of it was sent yet.
    Overtaken,
}

/// Why it is not known whether a part arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt<'r> {
    /// A send of ours was not answered, for this reason. If it did not arrive, something is wrong, and the next one
    /// waits a while.
    LostAnswer(&'r str),
    /// The last process was killed, with this part under way or not even begun. No send has failed, so the next one is
    /// due at once; a back-off here would grow with every crash and hold up the lane for nothing.
    LastProcess,
}

impl Tries<'_> {
    /// Sends part after part until all have arrived, or the delivery is given up.
    pub(crate) async fn run(&mut self) -> Result<Result<(), GivenUp>, Stopping> {
        if self.ticket.is_some()
            && let Some((index, sending)) = self.next()
            && let Err(given_up) = self.find_out(index, &sending, Doubt::LastProcess).await?
        {
            return Ok(Err(given_up));
        }
        while let Some((index, sending)) = self.next() {
            self.wait_for_gates(&sending).await?;
            if let Some(gone) = self.succeed() {
                return Ok(Err(gone));
            }
            if self.is_overtaken() {
                return Ok(Err(GivenUp::Overtaken));
            }
            let begin = || {
                let key = &self.delivery.ends.target.key;
                self.exchange.unsettled.begin(&self.instance, key, Some(&self.frame.frame.address))
            };
            self.ticket.get_or_insert_with(begin).carries(&self.instance.realm, &sending.key);
            let done = match send(&self.instance, &sending).await {
                Ok(sent) => {
                    self.healthy();
                    self.arrived(index, sent).await?;
                    Ok(())
                }
                Err(error) => self.failed(index, &sending, error).await?,
            };
            if let Err(given_up) = done {
                return Ok(Err(given_up));
            }
        }
        Ok(Ok(()))
    }

    fn next(&self) -> Option<(usize, Sending)> {
        self.parts.next(self.exchange, &self.delivery, &self.frame.frame)
    }

    /// Whether the message was changed before anything of it was sent.
    fn is_overtaken(&self) -> bool {
        let overtaken = &self.exchange.overtaken;
        let untouched = || self.ticket.is_none() && !self.unsure && self.parts.are_unsent();
        (self.delivery.deleted
            || overtaken.is_deleted(self.delivery.id)
            || overtaken.is_newer(&self.delivery, self.said))
            && untouched()
    }

    async fn arrived(&mut self, index: usize, sent: Sent) -> Result<(), Stopping> {
        if let Some(pause) = &sent.pause {
            self.exchange.close_gate(self.instance.config.id(), pause).await;
        }
        self.parts.arrived(self.exchange, &self.instance.realm, &self.delivery, index, sent).await
    }

    /// A send did not succeed. `Ok(Ok(()))`: go on with the next part that is not sent, which may be the same.
    async fn failed(
        &mut self,
        index: usize,
        sending: &Sending,
        error: SendError,
    ) -> Result<Result<(), GivenUp>, Stopping> {
        match error {
            SendError::RateLimited(pause) => {
                self.ticket = None;
                self.rate_limited(&pause).await;
                Ok(Ok(()))
            }
            SendError::Retryable { reason, trouble, after } => {
                self.ticket = None;
                self.troubled(trouble, &reason);
                self.retry_later("retryable", &reason, after).await
            }
            SendError::Ambiguous { reason } => {
                // Most often the message is found, and nothing is wrong: the instance fails only if it is not.
                self.exchange.telemetry.answer_lost(&self.delivery, &self.exchange.guard.mask(&reason));
                self.find_out(index, sending, Doubt::LostAnswer(&reason)).await
            }
            SendError::ThreadGone => {
                self.ticket = None;
                self.thread_gone().await
            }
            SendError::Permanent { reason } => {
                self.ticket = None;
                self.delivery.attempts += 1;
                Ok(Err(GivenUp::Dead { reason, refused: true }))
            }
            SendError::Impossible { reason } => {
                self.ticket = None;
                Ok(Err(GivenUp::Impossible(reason)))
            }
        }
    }

    /// Opens the thread anew: once at once, then after a while, since whoever deletes an opener may delete the next.
    /// In the end the message is said outside of it.
    async fn thread_gone(&mut self) -> Result<Result<(), GivenUp>, Stopping> {
        let gone = self.parts.thread.take();
        if gone.is_some() && self.reopened == REOPENED {
            return Ok(Ok(()));
        }
        if gone.is_none() || self.reopened > 0 {
            let waited = self.retry_later("thread", "the thread is gone again", None).await?;
            if waited.is_err() {
                return Ok(waited);
            }
        }
        self.reopened += 1;
        self.parts.thread = self.exchange.threads.reopen(self.exchange, &self.delivery, &self.frame.frame).await?;
        Ok(Ok(()))
    }

    /// Asks the platform whether a part arrived, until there is an answer.
    async fn find_out(
        &mut self,
        index: usize,
        sending: &Sending,
        doubt: Doubt<'_>,
    ) -> Result<Result<(), GivenUp>, Stopping> {
        // Whoever waited for the answer has waited enough, and the platform that gives it is there.
        let mut at_once = doubt == Doubt::LastProcess;
        loop {
            self.wait_for_gates(sending).await?;
            if let Some(gone) = self.succeed() {
                self.ticket = None;
                return Ok(Err(self.doubt(gone)));
            }
            match reconcile(self.exchange, &self.instance, sending).await {
                Ok(Reconciled::Arrived(sent)) => {
                    self.healthy();
                    self.arrived(index, sent).await?;
                    return Ok(Ok(()));
                }
                Ok(Reconciled::Missing) => {
                    self.ticket = None;
                    if at_once {
                        return Ok(Ok(()));
                    }
                    self.doubted(doubt);
                    return self.retry_later("missing", "the message did not arrive", None).await;
                }
                Ok(Reconciled::Unknowable)
                | Err(SendError::Permanent { .. } | SendError::Impossible { .. } | SendError::ThreadGone) => {
                    self.ticket = None;
                    self.unsure = true;
                    self.exchange.telemetry.may_double(&self.delivery);
                    self.exchange
                        .insist("counting a possible duplicate", || self.exchange.outbox.count_possible_duplicate())
                        .await?;
                    if at_once {
                        return Ok(Ok(()));
                    }
                    self.doubted(doubt);
                    return self.retry_later("unknowable", "nobody can tell whether it arrived", None).await;
                }
                Err(SendError::RateLimited(pause)) => self.rate_limited(&pause).await,
                Err(SendError::Retryable { reason, trouble, after }) => {
                    at_once = true;
                    self.doubted(doubt);
                    self.troubled(trouble, &reason);
                    if let Err(given_up) = self.retry_later("reconcile", &reason, after).await? {
                        return Ok(Err(self.doubt(given_up)));
                    }
                }
                Err(SendError::Ambiguous { reason }) => {
                    at_once = true;
                    self.exchange.note_health(self.instance.config.id(), Side::Sending, Some(&reason));
                    if let Err(given_up) = self.retry_later("reconcile", &reason, None).await? {
                        return Ok(Err(self.doubt(given_up)));
                    }
                }
            }
        }
    }

    fn doubt(&mut self, mut given_up: GivenUp) -> GivenUp {
        self.unsure = true;
        if let GivenUp::Dead { reason, .. } = &mut given_up {
            reason.push_str(". Whether an earlier try arrived is not known");
        }
        given_up
    }

    async fn rate_limited(&mut self, pause: &Pause) {
        self.exchange.close_gate(self.instance.config.id(), pause).await;
        self.exchange.telemetry.waits(&self.delivery, pause.until);
        self.store_retry(pause.until, "the platform asked to wait").await;
    }

    /// Counts a try and waits for the next, unless the time for this delivery is over.
    async fn retry_later(
        &mut self,
        end: &'static str,
        reason: &str,
        after: Option<Duration>,
    ) -> Result<Result<(), GivenUp>, Stopping> {
        self.delivery.attempts += 1;
        let now = self.exchange.now();
        let deadline = self.deadline();
        if now >= deadline {
            self.ticket = None;
            let limit =
                SignedDuration::try_from(self.exchange.house_rules.load().give_up_after).unwrap_or(SignedDuration::MAX);
            let reason = format!(
                "given up at try {}, {limit:#} after its receipt (`global.give_up_after`); the last one failed: {reason}",
                self.delivery.attempts
            );
            return Ok(Err(GivenUp::Dead { reason, refused: false }));
        }
        let wait = ATTEMPTS.after(self.delivery.attempts, fastrand::f64()).max(after.unwrap_or_default());
        let again = add(now, wait).min(deadline);
        self.exchange.telemetry.failed(&self.delivery, end, &self.exchange.guard.mask(reason), again);
        self.store_retry(again, reason).await;
        self.rest_until(again).await?;
        Ok(Ok(()))
    }

    /// Until when the delivery is tried: waits that a platform asked for do not count.
    fn deadline(&self) -> Timestamp {
        let waited = Duration::from_millis(u64::try_from(self.delivery.waited_ms).unwrap_or_default());
        add(self.delivery.received, self.exchange.house_rules.load().give_up_after.saturating_add(waited))
    }

    /// Stores when the next try is due, for the next process and for people. If the disk refuses, this process knows.
    async fn store_retry(&mut self, not_before: Timestamp, error: &str) {
        let retry = Settlement::Retry {
            attempts: self.delivery.attempts,
            not_before,
            error: error.to_owned(),
            waited_ms: self.delivery.waited_ms,
        };
        let now = self.exchange.now();
        if let Err(error) = self.exchange.outbox.settle(self.delivery.id, retry, &self.instance.realm, now).await {
            self.exchange.telemetry.disk_refused("noting a retry", &error);
        }
    }

    /// Waits until nobody asks to wait: neither a rate limit nor refused credentials.
    async fn wait_for_gates(&mut self, sending: &Sending) -> Result<(), Stopping> {
        loop {
            let id = self.instance.config.id();
            let now = self.exchange.now();
            // A driver makes texts to name its scopes, and almost always there is nothing to look up.
            let gates = &self.exchange.gates;
            let opens =
                if gates.are_open() { None } else { gates.opens(id, &self.instance.driver.scopes(sending), now) };
            if let Some(opens) = opens {
                self.rest_until(opens).await?;
                let waited = until(self.exchange.now(), now);
                self.delivery.waited_ms += i64::try_from(waited.as_millis()).unwrap_or(i64::MAX);
            } else if let Some(again) = self.exchange.credentials.wait(id, now) {
                // Another lane may find the credentials good before this time; look again soon.
                let soon = add(now, Duration::from_secs(1));
                self.rest_until(again.min(soon)).await?;
            } else {
                return Ok(());
            }
            if self.succeed().is_some() {
                return Ok(());
            }
        }
    }

    /// Waits until a time, or until a reload has replaced the instance: its successor goes on.
    async fn rest_until(&mut self, time: Timestamp) -> Result<(), Stopping> {
        tokio::select! {
            slept = self.exchange.sleep_until(time) => slept?,
            () = self.instance.stop.cancelled() => {}
        }
        if self.exchange.shutdown.is_cancelled() {
            return Err(Stopping);
        }
        Ok(())
    }

    /// If a reload has replaced the instance, goes on with its successor. Returns why not, if there is none.
    fn succeed(&mut self) -> Option<GivenUp> {
        if !self.instance.stop.is_cancelled() || self.exchange.shutdown.is_cancelled() {
            return None;
        }
        let id = self.instance.config.id();
        if let Some(successor) = self.exchange.instances.get(id) {
            self.instance = successor;
            return None;
        }
        let reason = format!("the instance `{id}` is not configured any more");
        Some(GivenUp::Dead { reason, refused: false })
    }

    fn troubled(&self, trouble: Trouble, reason: &str) {
        let exchange = self.exchange;
        let id = self.instance.config.id();
        let now = exchange.now();
        match trouble {
            Trouble::Credentials => exchange.credentials.refused(id, now),
            Trouble::Unreachable => {}
            Trouble::Other => return,
        }
        exchange.note_health(id, Side::Sending, Some(reason));
    }

    /// A send was not answered, and looking for the message did not show that it arrived.
    fn doubted(&self, doubt: Doubt<'_>) {
        if let Doubt::LostAnswer(reason) = doubt {
            self.exchange.note_health(self.instance.config.id(), Side::Sending, Some(reason));
        }
    }

    fn healthy(&self) {
        let id = self.instance.config.id();
        self.exchange.credentials.taken(id);
        self.exchange.note_health(id, Side::Sending, None);
    }
}

/// A time so much later, or the last that there is.
fn add(time: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| time.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}
