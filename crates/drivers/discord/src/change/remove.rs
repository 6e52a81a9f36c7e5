//! Deletions: by the account that sent the message, else by the bot.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use tieline_core::id::MessageId;
use tieline_core::send::{Pause, SendError, Sending, Sent};

use super::{impossible, is_missing, place_of};
use crate::api::{Call, Payload};
use crate::code;
use crate::driver::DiscordDriver;
use crate::how::Sender;
use crate::limits::Caller;
use crate::part::Standing;
use crate::place::scope;
use crate::refusal::Failure;
use crate::send::pause;
use crate::snowflake::Snowflake;

/// How many messages are remembered that we took away; their echoes come within seconds.
const REMEMBERED: usize = 1_000;

/// Messages that we took away ourselves: that they are gone is no news.
#[derive(Debug, Default)]
pub(crate) struct TakenAway(Mutex<VecDeque<Snowflake>>);

impl TakenAway {
    fn note(&self, message: Snowflake) {
        let mut messages = self.messages();
        if messages.len() >= REMEMBERED {
            messages.pop_front();
        }
        messages.push_back(message);
    }

    fn forget(&self, message: Snowflake) {
        self.messages().retain(|taken| *taken != message);
    }

    /// Whether it was us who took it away.
    pub(crate) fn contains(&self, message: Snowflake) -> bool {
        self.messages().contains(&message)
    }

    fn messages(&self) -> MutexGuard<'_, VecDeque<Snowflake>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiscordDriver {
    /// Takes a message away. One that is gone already is as good.
    pub(super) async fn remove(&self, sending: &Sending, message: &Standing) -> Result<Sent, SendError> {
        let snowflake = Snowflake::parse(&message.id);
        let gone = MessageId::new(&message.id).ok().zip(snowflake);
        let Some((gone, snowflake)) = gone else { return Err(impossible("its id is none of Discord's")) };
        // The gateway may tell of it before the answer is here.
        self.taken_away.note(snowflake);
        match self.take_away(sending, message).await {
            Ok(pause) => Ok(Sent { gone: vec![gone], pause, ..Sent::default() }),
            Err(error) => {
                if !matches!(error, SendError::Ambiguous { .. }) {
                    self.taken_away.forget(snowflake);
                }
                Err(error)
            }
        }
    }

    async fn take_away(&self, sending: &Sending, message: &Standing) -> Result<Option<Pause>, SendError> {
        let by = message.how().map(|how| how.by);
        if let Some(by @ Sender::Webhook(_)) = by
            && let Some(way) = self.way_to(sending, message, by).await?
        {
            match self.call_by(&way, Method::DELETE, None).await {
                Ok(Some(answer)) => return Ok(pause(sending, &answer)),
                Ok(None) => {}
                Err(failure) if is_missing(&failure) => return Ok(None),
                Err(failure) => return Err(failure.of_send(&scope(sending))),
            }
        }
        if self.instance.bot_token.is_none() {
            let why = "the webhook that posted it was deleted, and there is no bot that could delete the message";
            return Err(impossible(why));
        }
        let path = format!("channels/{}/messages/{}", place_of(sending, message)?, message.id);
        let of_others = by != Some(Sender::Bot);
        let payload = Payload::Nothing;
        let (method, caller) = (Method::DELETE, Caller::Bot);
        let call = Call { method, path: &path, payload, caller, into: None, waits: false, of_others };
        match self.api.call(&call).await {
            Ok(answer) => Ok(pause(sending, &answer)),
            Err(failure) if is_missing(&failure) => Ok(None),
            Err(failure) => Err(refused(&failure).unwrap_or_else(|| failure.of_send(&scope(sending)))),
        }
    }
}

/// What a refusal means for a deletion, where that is something else than for a message.
fn refused(failure: &Failure) -> Option<SendError> {
    match failure.code()? {
        // Waiting would bring nothing, and the lane has other things to do.
        code::MISSING_PERMISSIONS => Some(SendError::Permanent { reason: failure.to_string() }),
        code::SYSTEM_MESSAGE => Some(impossible("it is one of Discord's own notices, which nobody can delete")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered() {
        let taken = TakenAway::default();
        for message in 0..=REMEMBERED as u64 {
            taken.note(Snowflake(message));
        }
        assert!(!taken.contains(Snowflake(0)) && taken.contains(Snowflake(1)));
        taken.forget(Snowflake(1));
        assert!(!taken.contains(Snowflake(1)));
    }
}
