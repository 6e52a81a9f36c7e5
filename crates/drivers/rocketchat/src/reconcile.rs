//! What became of a send whose answer was lost.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tieline_core::event::{Body, Event};
use tieline_core::id::MessageId;
use tieline_core::send::{Reconciled, Scope, SendError, Sending, Sent};

use crate::classify::{Repeat, send_error};
use crate::complete::is_in;
use crate::driver::RocketChatDriver;
use crate::hook::Hook;
use crate::how::{How, sent_as};
use crate::parse::parse;
use crate::part::{Said, Step};
use crate::refusal::Failure;
use crate::send_api::room;

/// How far the server's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How many messages of a room are looked through.
const RECENT: &str = "100";

impl RocketChatDriver {
    pub(crate) async fn find_out(
        &self,
        sending: &Sending,
        step: &Step,
        held: &[Event],
    ) -> Result<Reconciled, SendError> {
        match step {
            Step::Upload(_) => Ok(Reconciled::Missing),
            Step::Text(said) => self.find_text(sending, said).await,
            Step::Confirm { said, file, .. } => {
                let room = room(sending)?;
                let carried = sending.before.last().map(|sent| &sent.carry);
                if carried.is_some_and(|carry| carry.get("unwanted").is_some()) {
                    return self.find_text(sending, said).await;
                }
                let found = match carried.and_then(|carry| carry.get("file")?.as_str()) {
                    Some(id) => self.find_file(room, id, sending.since).await,
                    None => {
                        self.find_recent(room, sending.since, |message| {
                            by_us(message, self.own()) && names_file(message, &file.name)
                        })
                        .await
                    }
                };
                found.map(|found| arrived(found, said, true)).map_err(|failure| unsure(&failure, room))
            }
            Step::Hook { said, .. } => self.find_hooked(sending, said, held).await,
        }
    }

    /// The message has our id. Only where `chat.postMessage` had to do, the room's recent messages are looked through.
    async fn find_text(&self, sending: &Sending, said: &Said) -> Result<Reconciled, SendError> {
        let room = room(sending)?;
        let found = self.fetch_message(sending.key.as_str()).await.map_err(|failure| unsure(&failure, room))?;
        if let Some(message) = found.filter(|message| is_in(message, room)) {
            return Ok(Reconciled::Arrived(sent_as(&message, said, false)));
        }
        if self.rooms.known(room).is_some() {
            return Ok(Reconciled::Missing);
        }
        let same = |message: &Value| by_us(message, self.own()) && same_text(message, said);
        match self.find_recent(room, sending.since, same).await {
            Ok(found) => Ok(arrived(found, said, false)),
            // A room that the bot may not even read is one that it did not write to.
            Err(Failure::Refused(refusal)) if refusal.is_no_access() || refusal.says("error-room-not-found") => {
                Ok(Reconciled::Missing)
            }
            Err(failure) => Err(unsure(&failure, room)),
        }
    }

    async fn find_hooked(&self, sending: &Sending, said: &Said, held: &[Event]) -> Result<Reconciled, SendError> {
        let wanted = parse(said.text.trim()).to_plain();
        let room = sending.target.text("room_id");
        for event in held {
            let Body::Message(message) = &event.body else { continue };
            let here = room.is_none_or(|room| event.channel.as_str() == room);
            let same = event.author.kind.may_be_ours() && message.text.to_plain() == wanted;
            if here && same && !self.services.links.is_known(self.realm(), &event.message_id).await {
                return Ok(Reconciled::Arrived(Sent {
                    ids: vec![event.message_id.clone()],
                    channel: Some(event.channel.clone()),
                    how: How { correction: said.correction, ..How::default() }.written(),
                    wordless: said.text.is_empty(),
                    ..Sent::default()
                }));
            }
        }
        let (Some(room), Some(hook), true) = (room, self.instance.hook(), self.api.login.is_possible()) else {
            return Ok(Reconciled::Unknowable);
        };
        match self.find_recent(room, sending.since, |message| by_hook(message, hook) && same_text(message, said)).await
        {
            Ok(found) => Ok(arrived(found, said, false)),
            Err(Failure::Refused(refusal)) if refusal.until.is_none() && refusal.status.is_client_error() => {
                Ok(Reconciled::Unknowable)
            }
            Err(failure) => Err(unsure(&failure, room)),
        }
    }

    /// The message that a confirmed upload became.
    pub(crate) async fn find_file(&self, room: &str, file: &str, since: Timestamp) -> Result<Option<Value>, Failure> {
        self.find_recent(room, since, |message| {
            let id = |file: &Value| file.get("_id").and_then(Value::as_str).map(str::to_owned);
            let files = message.get("files").and_then(Value::as_array).into_iter().flatten();
            files.chain(message.get("file")).any(|candidate| id(candidate).as_deref() == Some(file))
        })
        .await
    }

    /// The oldest message since then that fits and is not known as somebody else's copy.
    async fn find_recent(
        &self,
        room: &str,
        since: Timestamp,
        fits: impl Fn(&Value) -> bool + Send,
    ) -> Result<Option<Value>, Failure> {
        let facts = self.rooms.enter(&self.api, room).await?;
        let oldest = since.checked_sub(SKEW).unwrap_or(Timestamp::MIN).to_string();
        let query = [("roomId", room), ("oldest", &oldest), ("count", RECENT)];
        let answer = self.api.get(facts.history(), &query).await?;
        let messages = answer.body.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
        for message in messages.into_iter().rev().filter(|message| is_in(message, room) && fits(message)) {
            let id = message.get("_id").and_then(Value::as_str).and_then(|id| MessageId::new(id).ok());
            let Some(id) = id else { continue };
            if !self.services.links.is_known(self.realm(), &id).await {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn own(&self) -> Option<&str> {
        self.api.login.user_id()
    }
}

/// A look that failed tells nothing: a send stays ambiguous until the platform answers.
fn unsure(failure: &Failure, room: &str) -> SendError {
    send_error(failure, Repeat::Doubles, &Scope::Instance, room)
}

fn arrived(found: Option<Value>, said: &Said, file: bool) -> Reconciled {
    found.map_or(Reconciled::Missing, |message| Reconciled::Arrived(sent_as(&message, said, file)))
}

fn by_us(message: &Value, own: Option<&str>) -> bool {
    let author = message.pointer("/u/_id").and_then(Value::as_str);
    own.is_some() && author == own && message.get("bot").is_none_or(|bot| bot.get("i").is_none())
}

fn by_hook(message: &Value, hook: &Hook) -> bool {
    match message.get("bot") {
        Some(Value::Object(bot)) => bot.get("i").and_then(Value::as_str) == Some(hook.integration.as_str()),
        Some(Value::Bool(bot)) => *bot,
        _ => false,
    }
}

fn same_text(message: &Value, said: &Said) -> bool {
    let text = message.get("msg").and_then(Value::as_str).unwrap_or_default().trim();
    // A quotation's link stands before the text, and its address is made anew at each try.
    let matches = |wanted: &str| text == wanted.trim() || (said.quote && text.ends_with(wanted.trim()));
    matches(&said.text) || said.named.as_deref().is_some_and(matches)
}

fn names_file(message: &Value, name: &str) -> bool {
    message.pointer("/file/name").and_then(Value::as_str) == Some(name)
}
