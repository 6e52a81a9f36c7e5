//! Changes of messages, by REST: what is done twice is done once.

use http::StatusCode;
use serde_json::json;
use tieline_core::id::ChannelKey;
use tieline_core::send::{Copied, Scope, SendError, Sending, Sent};

use crate::classify::{Repeat, send_error};
use crate::driver::RocketChatDriver;
use crate::how::How;
use crate::part::{Change, Said, Step};
use crate::refusal::{Failure, Refusal};
use crate::send_api::pause;
use crate::send_hook::room_of;

pub(crate) const UPDATE: &str = "chat.update";
pub(crate) const DELETE: &str = "chat.delete";
pub(crate) const REACT: &str = "chat.react";

impl RocketChatDriver {
    pub(crate) async fn send_change(&self, sending: &Sending, change: Change) -> Result<Sent, SendError> {
        match change {
            Change::Edit { copy, said } => self.send_edit(sending, &copy, &said).await,
            Change::Delete { copy } => self.send_delete(sending, &copy).await,
            Change::React { to, codes, added } => self.send_reaction(sending, &to, &codes, added).await,
        }
    }

    /// Lets a message say something else. Where the server does not allow it any more, or the account that posted it is
    /// another one (a hook's), it is corrected by a message of its own.
    async fn send_edit(&self, sending: &Sending, copy: &Copied, said: &Said) -> Result<Sent, SendError> {
        let scope = Scope::Named(UPDATE.to_owned());
        let room = self.room_with(sending, copy, &scope).await?;
        let how = How::of(copy);
        let new = if how.correction { said.corrected() } else { said.clone() };
        // In a thread nothing is quoted.
        let new = if new.quote && sending.thread.is_none() { self.shown(&room, &new).await } else { new };
        let new = if how.named { new.unmasked() } else { new };
        let body = json!({ "roomId": room, "msgId": copy.id, "text": new.text });
        match self.api.post(UPDATE, &body).await {
            Ok(answer) => Ok(Sent { pause: pause(&answer, &scope), ..Sent::default() }),
            Err(Failure::Refused(refusal)) if is_gone(&refusal) => Err(gone()),
            Err(Failure::Refused(refusal)) if is_closed(&refusal) => {
                self.say(sending, Step::say(&self.instance, said.corrected())).await
            }
            Err(failure) => Err(send_error(&failure, Repeat::Harmless, &scope, &room)),
        }
    }

    /// Takes a message away.
    async fn send_delete(&self, sending: &Sending, copy: &Copied) -> Result<Sent, SendError> {
        let scope = Scope::Named(DELETE.to_owned());
        let taken = if copy.original { Vec::new() } else { vec![copy.id.clone()] };
        let room = self.room_with(sending, copy, &scope).await?;
        match self.api.post(DELETE, &json!({ "roomId": room, "msgId": copy.id })).await {
            Ok(answer) => Ok(Sent { gone: taken, pause: pause(&answer, &scope), ..Sent::default() }),
            Err(Failure::Refused(refusal)) if is_gone(&refusal) => Ok(Sent { gone: taken, ..Sent::default() }),
            Err(failure) => Err(match &failure {
                Failure::Refused(refusal) if refusal.code == NOT_ALLOWED => {
                    SendError::Permanent { reason: format!("{failure} — {}", self.remedy(copy)) }
                }
                _ => send_error(&failure, Repeat::Harmless, &scope, &room),
            }),
        }
    }

    /// What lets the bot delete a message.
    fn remedy(&self, copy: &Copied) -> &'static str {
        if copy.original {
            "what people wrote is deleted only with the permission `delete-message`: make the bot a moderator of the room"
        } else if self.instance.hook().is_some() {
            "what the Incoming Webhook posted belongs to the account under *Post as*: give the bot the permission \
             `delete-message`, or `delete-own-message` if it is that account"
        } else {
            "give the bot the role `user`, which holds `delete-own-message`; and look at `Message_AllowDeleting` on the \
             server"
        }
    }

    /// Reacts to a message, or takes that back, by the first short code that the server knows.
    async fn send_reaction(
        &self,
        sending: &Sending,
        to: &Copied,
        codes: &[String],
        added: bool,
    ) -> Result<Sent, SendError> {
        let scope = Scope::Named(REACT.to_owned());
        for code in codes {
            let body = json!({ "messageId": to.id, "emoji": code, "shouldReact": added });
            match self.api.post(REACT, &body).await {
                Ok(answer) => return Ok(Sent { pause: pause(&answer, &scope), ..Sent::default() }),
                Err(Failure::Refused(refusal)) if refusal.says("Invalid emoji provided") => {}
                Err(Failure::Refused(refusal)) if is_gone(&refusal) => return Err(gone()),
                Err(failure) => {
                    let room = place(sending, to);
                    let room = room.as_ref().map_or("of the message", ChannelKey::as_str);
                    return Err(send_error(&failure, Repeat::Harmless, &scope, room));
                }
            }
        }
        let reason = format!("Rocket.Chat knows no emoji `:{}:`", codes.join(":`, `:"));
        Err(SendError::Impossible { reason })
    }

    /// The room that a message is in. Where a hook decides over the room, the message itself may have to be asked.
    async fn room_with(&self, sending: &Sending, copy: &Copied, scope: &Scope) -> Result<String, SendError> {
        if let Some(room) = place(sending, copy) {
            return Ok(room.to_string());
        }
        match self.fetch_message(copy.id.as_str()).await {
            Ok(message) => {
                let rid = message.as_ref().and_then(|message| message.get("rid")?.as_str());
                let unseen = || SendError::Impossible {
                    reason: "the message was deleted in Rocket.Chat, or the bot may not see it".to_owned(),
                };
                rid.map(str::to_owned).ok_or_else(unseen)
            }
            Err(failure) => Err(send_error(&failure, Repeat::Harmless, scope, "of the integration")),
        }
    }
}

/// The room that a message is in, as far as it was told.
fn place(sending: &Sending, copy: &Copied) -> Option<ChannelKey> {
    copy.channel.clone().or_else(|| room_of(&sending.target))
}

const NOT_ALLOWED: &str = "error-action-not-allowed";

/// Whether the message is not there any more. For `chat.react` that is an error of its own.
fn is_gone(refusal: &Refusal) -> bool {
    refusal.status == StatusCode::BAD_REQUEST
        && (refusal.text.starts_with("No message found") || refusal.code == "error-message-not-found")
}

/// Whether the message cannot be edited any more, or not by the bot.
fn is_closed(refusal: &Refusal) -> bool {
    refusal.code == "error-message-editing-blocked" || refusal.code == NOT_ALLOWED
}

fn gone() -> SendError {
    SendError::Impossible { reason: "the message was deleted in Rocket.Chat".to_owned() }
}
