//! Answers questions about stored messages: dead letters and traces.
//!
//! There is one desk per outbox: inside the running relay, asked through its [socket](crate::socket), or, while none
//! runs, inside the command itself. So both say the same.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_core::clock::Clock;
use tieline_core::id::DeliveryId;
use tieline_core::outbox::{DeadLetter, Outbox, OutboxError, Trace};
use tieline_core::spool::MediaSpool;
use tieline_relay::SecretGuard;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// All dead letters, oldest first.
    DeadLetters,
    /// Put these at the end of their lanes.
    Retry(Vec<DeliveryId>),
    /// Forget these.
    Drop(Vec<DeliveryId>),
    /// What became of a message.
    Trace(String),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// To [`Question::DeadLetters`].
    DeadLetters(Vec<DeadLetter>),
    /// To [`Question::Retry`] and [`Question::Drop`]: those that were dead.
    Done(Vec<DeliveryId>),
    /// To [`Question::Trace`].
    Traces(Vec<Trace>),
    /// It did not work, for this reason.
    Failed(String),
}

/// Whoever answers.
pub(crate) struct Desk {
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) spool: Arc<dyn MediaSpool>,
    pub(crate) guard: Arc<SecretGuard>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Desk {
    /// Answers; configured secrets are masked.
    pub(crate) async fn answer(&self, question: Question) -> Answer {
        self.look(question).await.unwrap_or_else(|error| Answer::Failed(self.guard.mask(&error.to_string())))
    }

    async fn look(&self, question: Question) -> Result<Answer, OutboxError> {
        Ok(match question {
            Question::DeadLetters => {
                let mut letters = self.outbox.dead_letters().await?;
                for letter in &mut letters {
                    self.guard.mask_letter(letter);
                }
                Answer::DeadLetters(letters)
            }
            Question::Retry(ids) => Answer::Done(self.outbox.retry_dead(&ids, self.clock.now()).await?),
            Question::Drop(ids) => {
                let (dropped, files) = self.outbox.drop_dead(&ids, self.clock.now()).await?;
                self.spool.remove(&files).await;
                Answer::Done(dropped)
            }
            Question::Trace(id) => {
                let traces = self.outbox.trace(&id).await?;
                match traces.into_iter().map(|trace| masked(&self.guard, trace)).collect() {
                    Ok(traces) => Answer::Traces(traces),
                    Err(error) => Answer::Failed(format!("a configured secret is also a word of ours: {error}")),
                }
            }
        })
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
