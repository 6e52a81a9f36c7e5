//! Threads that the relay keeps: what is sent goes behind their openers, while those exist.

use serde_json::Value;
use tieline_core::id::MessageId;
use tieline_core::send::{SendError, Sending, Sent};

use crate::driver::RocketChatDriver;
use crate::part::{Said, Step};

/// What is known about the opener of the thread that a step goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opener {
    /// Nothing has to be known: the step goes into no thread.
    None,
    /// It is there.
    Seen,
    /// Nobody could look for it.
    Believed,
    /// Somebody deleted it.
    Gone,
}

/// A step as it is sent into the delivery's thread, if it has one. An upload is shown to nobody.
pub(crate) fn in_thread(sending: &Sending, step: Step) -> (Step, Option<&MessageId>) {
    let Some(opener) = &sending.thread else { return (step, None) };
    let into = |said: Said| Said { reply_to: Some(opener.to_string()), quote: false, ..said };
    let step = match step {
        Step::Upload(_) => return (step, None),
        Step::Text(said) => Step::Text(into(said)),
        Step::Confirm { said, file, label } => Step::Confirm { said: into(said), file, label },
        Step::Hook { said, attachments } => Step::Hook { said: into(said), attachments },
    };
    (step, Some(opener))
}

impl RocketChatDriver {
    /// Looks for an opener.
    ///
    /// The server takes the id of a message that is gone for a thread without complaint, and shows what is said there to
    /// nobody; so the opener is looked for right before every send: one that was seen a second ago may be gone. A root
    /// with replies is not deleted but emptied, with `t: "rm"`. Where nobody can look, the thread is believed in.
    pub(crate) async fn look_for(&self, opener: Option<&MessageId>) -> Opener {
        let Some(opener) = opener else { return Opener::None };
        if !self.api.login.is_possible() {
            return Opener::Believed;
        }
        match self.fetch_message(opener.as_str()).await {
            Ok(Some(message)) if message.get("t").and_then(Value::as_str) != Some("rm") => Opener::Seen,
            Ok(_) => Opener::Gone,
            Err(failure) => {
                tracing::debug!(instance = %self.instance.id, %failure, "A thread's opener could not be looked for");
                Opener::Believed
            }
        }
    }

    /// What became of a send into a thread, with what was known about its opener before.
    ///
    /// A refusal may be about the opener, whatever words it has, and then the relay makes another one. What was sent
    /// behind one that nobody had looked for may be shown to nobody; a repeat could not change that, since the server
    /// has the message under its key, so the operator is told.
    pub(crate) async fn settled(
        &self,
        opener: Option<&MessageId>,
        before: Opener,
        outcome: Result<Sent, SendError>,
    ) -> Result<Sent, SendError> {
        match outcome {
            Err(SendError::Permanent { .. }) if self.look_for(opener).await == Opener::Gone => {
                Err(SendError::ThreadGone)
            }
            Ok(sent) if before == Opener::Believed && self.look_for(opener).await == Opener::Gone => {
                tracing::warn!(
                    instance = %self.instance.id,
                    opener = opener.map(MessageId::as_str),
                    messages = ?sent.ids,
                    "A message was sent into a thread whose opener is deleted: nobody sees it in Rocket.Chat. The next one \
                     opens a new thread",
                );
                Ok(sent)
            }
            outcome => outcome,
        }
    }
}
