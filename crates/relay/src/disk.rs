//! What happens while the disk takes no writes: no instance is ready, and it is tried until it does.
//!
//! Webhooks are answered 503 meanwhile, and a balancer may send nobody here who would find out that there is space
//! again. So a write that nobody needs is made from time to time.

use std::fmt::Display;
use std::sync::Arc;

use tieline_core::outbox::OutboxError;
use tokio::sync::Notify;

use crate::backoff::DISK;
use crate::exchange::Exchange;
use crate::health::Side;

/// The cursor that is written to find out.
const TRIAL: &str = "disk";

/// How many bytes are written to find out: a disk that takes them takes a message.
const TRIAL_SIZE: usize = 64 * 1024;

/// Hears of writes that were refused.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    refused: Notify,
}

impl Exchange {
    /// Notes that the outbox could not be written or read.
    pub(crate) fn disk_refused(&self, what: &str, error: &OutboxError) {
        if *error == OutboxError::Closed {
            return; // the relay stops
        }
        self.telemetry.disk_refused(what, error);
        self.note_disk(Some(error));
        self.disk.refused.notify_one();
    }

    fn note_disk(&self, trouble: Option<&dyn Display>) {
        let trouble = trouble.map(ToString::to_string);
        for instance in self.instances.all().keys() {
            self.note_health(instance, Side::Storing, trouble.as_deref());
        }
    }

    async fn write_for_trial(&self) -> Result<(), OutboxError> {
        let all = self.instances.all();
        let Some(instance) = all.keys().next() else { return Ok(()) };
        self.outbox.set_cursor(instance, TRIAL, &" ".repeat(TRIAL_SIZE)).await?;
        self.outbox.set_cursor(instance, TRIAL, "").await
    }
}

/// Waits for refusals, and after each until the disk takes writes again.
pub(crate) async fn watch(exchange: Arc<Exchange>) {
    loop {
        tokio::select! {
            () = exchange.disk.refused.notified() => {}
            () = exchange.shutdown.cancelled() => return,
        }
        let mut failures = 0;
        loop {
            failures += 1;
            if exchange.sleep(DISK.after(failures, fastrand::f64())).await.is_err() {
                return;
            }
            match exchange.write_for_trial().await {
                Ok(()) => break,
                Err(error) => tracing::debug!(%error, "The outbox still cannot be written"),
            }
        }
        exchange.note_disk(None);
    }
}
