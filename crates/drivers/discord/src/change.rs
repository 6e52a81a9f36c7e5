//! Changes of what was said: edits, deletions, reactions. Each may be made again without harm.

mod emoji;
mod react;
mod remove;
mod rewrite;

use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tieline_core::send::{SendError, Sending, Sent};

use crate::api::{Answer, Call, Payload};
use crate::code;
use crate::driver::DiscordDriver;
use crate::how::Sender;
use crate::limits::Caller;
use crate::part::{Change, Said, Standing};
use crate::place::{channel, no_channel, scope, webhook_url};
use crate::refusal::{Failure, Refusal};
use crate::snowflake::Snowflake;
use crate::webhooks::Webhook;

pub(crate) use self::emoji::CustomEmoji;
pub(crate) use self::remove::TakenAway;

/// How a message of ours is called by whom it is of.
struct Way {
    path: String,
    caller: Caller,
    /// The webhook, if it is one's.
    webhook: Option<Snowflake>,
}

impl DiscordDriver {
    /// Makes one change.
    pub(crate) async fn make_change(&self, sending: &Sending, change: &Change) -> Result<Sent, SendError> {
        match change {
            Change::Rewrite { copy, said } => self.rewrite(sending, copy, said).await,
            Change::Remove(message) => self.remove(sending, message).await,
            Change::React { to, emoji, added } => self.react(sending, to, emoji, *added).await,
        }
    }

    /// What a change says as a new message, if it does; `None`: it changes what is there.
    pub(crate) async fn correction_of(&self, sending: &Sending, change: &Change) -> Result<Option<Said>, SendError> {
        let Change::Rewrite { copy, said } = change else { return Ok(None) };
        let Some(how) = copy.how() else { return Ok(None) };
        let way = self.way_to(sending, copy, how.by).await?;
        Ok(if way.is_none() { rewrite::correction(said) } else { None })
    }

    /// The way to a message by its sender; `None`: the webhook that sent it is gone.
    async fn way_to(&self, sending: &Sending, message: &Standing, by: Sender) -> Result<Option<Way>, SendError> {
        let Sender::Webhook(webhook) = by else {
            let path = format!("channels/{}/messages/{}", place_of(sending, message)?, message.id);
            return Ok(Some(Way { path, caller: Caller::Bot, webhook: None }));
        };
        let Some(webhook) = self.poster(sending, webhook).await? else { return Ok(None) };
        let thread =
            message.channel.or(channel(sending)).filter(|place| webhook.channel.is_some_and(|own| own != *place));
        let query = thread.map(|thread| format!("?thread_id={thread}")).unwrap_or_default();
        let path = format!("{}/messages/{}{query}", webhook.path(), message.id);
        Ok(Some(Way { path, caller: Caller::Webhook, webhook: Some(webhook.id) }))
    }

    /// The webhook that sent something, by the target's URL or by what the bot may know; `None`: it cannot be had.
    async fn poster(&self, sending: &Sending, webhook: Snowflake) -> Result<Option<Arc<Webhook>>, SendError> {
        if self.webhooks.is_gone(webhook) {
            return Ok(None);
        }
        let asked = match webhook_url(self, sending)?.filter(|url| url.id == webhook) {
            Some(url) => self.webhooks.named(&self.api, &url).await.map(|webhook| Some(Arc::new(webhook))),
            None => self.webhooks.poster(&self.api, webhook).await,
        };
        match asked {
            Ok(webhook) => Ok(webhook),
            Err(Failure::NoToken) => Ok(None),
            Err(failure) if failure.refusal().is_some_and(Refusal::is_dead_webhook) => {
                self.webhooks.note_gone(webhook);
                Ok(None)
            }
            // Nobody may tell us its token: that is no reason to leave out what a correction can say.
            Err(failure) if failure.refusal().is_some_and(Refusal::is_permission) => Ok(None),
            Err(failure) => Err(failure.before_send(&scope(sending))),
        }
    }

    /// Makes a call about a message; `None`: the webhook is gone.
    async fn call_by(&self, way: &Way, method: Method, body: Option<&Value>) -> Result<Option<Answer>, Failure> {
        let payload = body.map_or(Payload::Nothing, Payload::Json);
        let call =
            Call { method, path: &way.path, payload, caller: way.caller, into: None, waits: false, of_others: false };
        match self.api.call(&call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) => match way.webhook.filter(|_| failure.refusal().is_some_and(Refusal::is_dead_webhook)) {
                Some(webhook) => {
                    self.webhooks.note_gone(webhook);
                    Ok(None)
                }
                None => Err(failure),
            },
        }
    }
}

/// The channel or thread that a message is in.
fn place_of(sending: &Sending, message: &Standing) -> Result<Snowflake, SendError> {
    message.channel.or(channel(sending)).ok_or_else(|| no_channel(sending))
}

/// Whether the message that a change is about is not there any more.
fn is_missing(failure: &Failure) -> bool {
    matches!(failure.code(), Some(code::UNKNOWN_MESSAGE | code::UNKNOWN_CHANNEL))
}

fn impossible(reason: impl Into<String>) -> SendError {
    SendError::Impossible { reason: reason.into() }
}
