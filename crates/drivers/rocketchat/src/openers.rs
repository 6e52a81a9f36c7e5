//! Threads that the relay keeps: what is sent goes behind their openers, while those exist.

use std::time::Duration;

use dashmap::DashMap;
use jiff::Timestamp;
use serde_json::Value;
use tieline_core::id::MessageId;
use tieline_core::send::{SendError, Sending};

use crate::driver::RocketChatDriver;
use crate::part::{Said, Step};

/// How long an opener is believed to be there after it was seen.
const BELIEVED: Duration = Duration::from_mins(1);
/// How many openers are remembered; above it all are looked for again.
const REMEMBERED: usize = 4096;

/// When each opener was seen last.
#[derive(Default)]
pub(crate) struct Openers {
    seen: DashMap<MessageId, Timestamp>,
}

impl Openers {
    fn is_fresh(&self, opener: &MessageId, now: Timestamp) -> bool {
        self.seen.get(opener).is_some_and(|seen| now.duration_since(*seen).unsigned_abs() < BELIEVED)
    }

    fn note(&self, opener: &MessageId, now: Timestamp) {
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(opener.clone(), now);
    }
}

impl RocketChatDriver {
    /// A step as it is sent into the delivery's thread, if it has one.
    ///
    /// The server takes the id of a message that is gone for a thread without complaint, and shows what is said there to
    /// nobody; so the opener is looked for first, at most once a minute. A root with replies is not deleted but emptied,
    /// with `t: "rm"`. Where nobody can look, the thread is believed in.
    pub(crate) async fn in_thread(&self, sending: &Sending, step: Step) -> Result<Step, SendError> {
        let Some(opener) = &sending.thread else { return Ok(step) };
        let into = |said: Said| Said { reply_to: Some(opener.to_string()), quote: false, ..said };
        let step = match step {
            Step::Upload(_) => return Ok(step),
            Step::Text(said) => Step::Text(into(said)),
            Step::Confirm { said, file, label } => Step::Confirm { said: into(said), file, label },
            Step::Hook { said, attachments } => Step::Hook { said: into(said), attachments },
        };
        let now = self.services.clock.now();
        if !self.api.login.is_possible() || self.openers.is_fresh(opener, now) {
            return Ok(step);
        }
        match self.fetch_message(opener.as_str()).await {
            Ok(Some(message)) if message.get("t").and_then(Value::as_str) != Some("rm") => {
                self.openers.note(opener, now);
                Ok(step)
            }
            Ok(_) => Err(SendError::ThreadGone),
            Err(failure) => {
                tracing::debug!(instance = %self.instance.id, %failure, "A thread's opener could not be looked for");
                Ok(step)
            }
        }
    }
}
