//! Stored messages as people look at them and decide about them: dead letters and traces. Secrets are masked.
//!
//! While a relay runs, its lanes and completions work on the same messages, so they must be asked through it
//! ([`Relay::stored`](crate::Relay::stored)); while none does, a command that holds the data folder's lock looks at them
//! [alone](StoredMessages::alone).

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tieline_core::clock::Clock;
use tieline_core::id::DeliveryId;
use tieline_core::outbox::{DeadLetter, Outbox, OutboxError, Trace};
use tieline_core::spool::{MediaSpool, SpoolId};

use crate::exchange::Exchange;
use crate::secret_guard::SecretGuard;

/// What people may ask about stored messages.
pub struct StoredMessages {
    outbox: Arc<dyn Outbox>,
    guard: SecretGuard,
    clock: Arc<dyn Clock>,
    files: Files,
}

/// How files that nobody needs any more are deleted.
enum Files {
    /// A relay runs, and may be about to refer to one of them.
    Running(Arc<Exchange>),
    /// Nobody else uses the spool.
    Unused(Arc<dyn MediaSpool>),
}

impl StoredMessages {
    /// Those of an outbox and a spool that no relay works with.
    pub fn alone(
        outbox: Arc<dyn Outbox>,
        spool: Arc<dyn MediaSpool>,
        guard: &SecretGuard,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { outbox, guard: guard.clone(), clock, files: Files::Unused(spool) }
    }

    pub(crate) fn of_relay(exchange: Arc<Exchange>) -> Self {
        Self {
            outbox: Arc::clone(&exchange.outbox),
            guard: SecretGuard::clone(&exchange.guard.load()),
            clock: Arc::clone(&exchange.clock),
            files: Files::Running(exchange),
        }
    }

    /// A text for people, every configured secret in it replaced.
    pub fn mask(&self, text: &str) -> String {
        self.guard.mask(text)
    }

    /// Dead letters, oldest first.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, OutboxError> {
        let mut letters = self.outbox.dead_letters().await?;
        for letter in &mut letters {
            self.guard.mask_letter(letter);
        }
        Ok(letters)
    }

    /// Puts dead letters at the end of their lanes. Returns those that were dead.
    pub async fn retry_dead(&self, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>, OutboxError> {
        self.outbox.retry_dead(ids, self.clock.now()).await
    }

    /// Drops dead letters for good. Returns those that were dead.
    pub async fn drop_dead(&self, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>, OutboxError> {
        let (dropped, files) = self.outbox.drop_dead(ids, self.clock.now()).await?;
        self.discard(files).await;
        Ok(dropped)
    }

    async fn discard(&self, files: Vec<SpoolId>) {
        match &self.files {
            Files::Running(exchange) => exchange.discard(files).await,
            Files::Unused(spool) => spool.remove(&files).await,
        }
    }

    /// What became of a message, by its number or by a platform's id. [`TracedDelivery::attempts`] counts every try,
    /// the one that succeeded too.
    ///
    /// [`TracedDelivery::attempts`]: tieline_core::outbox::TracedDelivery::attempts
    pub async fn trace(&self, id: &str) -> Result<Vec<Trace>, OutboxError> {
        let mut traces = self.outbox.trace(id).await?;
        for delivery in traces.iter_mut().flat_map(|trace| &mut trace.deliveries) {
            // The outbox is told of tries that failed.
            delivery.attempts += u32::from(delivery.state == "delivered");
        }
        let masked: serde_json::Result<Vec<Trace>> =
            traces.into_iter().map(|trace| masked(&self.guard, trace)).collect();
        masked.map_err(|error| OutboxError::Damaged(format!("a configured secret is also a word of ours: {error}")))
    }
}

/// The same with every secret replaced, wherever in it a text stands. It fails if that hits a text of ours that has to
/// be one of a few words.
fn masked<T: Serialize + DeserializeOwned>(guard: &SecretGuard, thing: T) -> serde_json::Result<T> {
    let mut value = serde_json::to_value(&thing)?;
    if !guard.finds_in(&value) {
        return Ok(thing);
    }
    mask(guard, &mut value);
    serde_json::from_value(value)
}

/// Replaces every secret in the texts of a value.
fn mask(guard: &SecretGuard, value: &mut Value) {
    match value {
        Value::String(text) => *text = guard.mask(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(guard, item)),
        Value::Object(entries) => entries.values_mut().for_each(|item| mask(guard, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
