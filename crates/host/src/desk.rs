//! Answers questions about stored messages: dead letters and traces.
//!
//! There is one desk per outbox: inside the running relay, asked through its [socket](crate::socket), or, while none
//! runs, inside the command itself. So both say the same.

use serde::{Deserialize, Serialize};
use tieline_core::id::DeliveryId;
use tieline_core::outbox::{DeadLetter, OutboxError, Trace};
use tieline_relay::StoredMessages;

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
pub(crate) struct Desk(StoredMessages);

impl Desk {
    /// A desk that knows these messages.
    pub(crate) fn new(stored: StoredMessages) -> Self {
        Self(stored)
    }

    /// Answers; configured secrets are masked.
    pub(crate) async fn answer(&self, question: Question) -> Answer {
        self.look(question).await.unwrap_or_else(|error| Answer::Failed(self.0.mask(&error.to_string())))
    }

    async fn look(&self, question: Question) -> Result<Answer, OutboxError> {
        Ok(match question {
            Question::DeadLetters => Answer::DeadLetters(self.0.dead_letters().await?),
            Question::Retry(ids) => Answer::Done(self.0.retry_dead(&ids).await?),
            Question::Drop(ids) => Answer::Done(self.0.drop_dead(&ids).await?),
            Question::Trace(id) => Answer::Traces(self.0.trace(&id).await?),
        })
    }
}
