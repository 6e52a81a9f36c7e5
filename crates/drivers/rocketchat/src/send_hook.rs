//! Sends by the Incoming Webhook.

use serde::Serialize;
use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::id::ChannelKey;
use tieline_core::send::{Scope, SendError, Sending, Sent};

use crate::classify::hook_error;
use crate::driver::RocketChatDriver;
use crate::how::sent_as;
use crate::parse::parse;
use crate::part::Said;
use crate::refusal::{Failure, Refusal};
use crate::send_api::pause;

/// The limit that all posts of a hook share; the server counts by hook and address, and no role is exempt.
pub(crate) const HOOK: &str = "hook";

impl RocketChatDriver {
    pub(crate) async fn send_hook(
        &self,
        sending: &Sending,
        said: &Said,
        attachments: &[Value],
    ) -> Result<Sent, SendError> {
        let scope = Scope::Named(HOOK.to_owned());
        let channel = sending.target.text("channel");
        let shown = channel.or_else(|| sending.target.text("room_id")).unwrap_or("of the integration");
        let json = serde_json::to_vec(&Body::new(said, attachments, channel)).map_err(|error| {
            SendError::Permanent { reason: format!("the message cannot be written as JSON: {error}") }
        })?;
        let answer = self.api.hook(json).await.map_err(|failure| hook_error(&failure, &scope, shown))?;
        let results = answer.body.get("responses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if let Some(error) = results.iter().find_map(|result| result.get("error")) {
            let body = json!({ "error": error.as_str().map_or_else(|| error.to_string(), str::to_owned) });
            let status = http::StatusCode::BAD_REQUEST;
            let refusal = Refusal::read(status, &http::HeaderMap::new(), &body, self.services.clock.now());
            return Err(hook_error(&Failure::Refused(refusal), &scope, shown));
        }
        let message = results.iter().find_map(|result| result.get("message"));
        let mut sent = message.map(|message| sent_as(message, said, false)).unwrap_or_default();
        if sent.ids.is_empty() {
            // Older servers ignore `separateResponse`; the echo is then known by its text, in the room where it was said.
            sent.unnamed_text = Some(parse(said.text.trim()).to_plain());
            sent.channel = room_of(&sending.target);
        }
        sent.pause = pause(&answer, &scope);
        Ok(sent)
    }
}

/// The id of the room that a post goes to, as far as the target says it.
pub(crate) fn room_of(target: &Address) -> Option<ChannelKey> {
    let bare = target.text("channel").filter(|channel| !channel.starts_with(['#', '@']));
    bare.or_else(|| target.text("room_id")).and_then(|room| ChannelKey::new(room).ok())
}

/// What is posted.
#[derive(Serialize)]
struct Body<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_emoji: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tmid: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'p str>,
    text: &'p str,
    #[serde(rename = "separateResponse")]
    separate_response: bool,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    attachments: &'p [Value],
}

impl<'p> Body<'p> {
    fn new(said: &'p Said, attachments: &'p [Value], channel: Option<&'p str>) -> Self {
        Self {
            username: said.alias.as_deref(),
            icon_url: said.avatar.as_deref(),
            icon_emoji: said.emoji.as_deref().filter(|_| said.avatar.is_none()),
            tmid: said.reply_to.as_deref(),
            channel,
            text: &said.text,
            separate_response: true,
            attachments,
        }
    }
}
