//! Sends by REST.

use serde_json::{Map, Value, json};
use tieline_core::id::{ChannelKey, MessageId};
use tieline_core::send::{Pause, Scope, SendError, Sending, Sent, Trouble};

use crate::api::{Answer, Payload, Upload};
use crate::classify::{Repeat, send_error};
use crate::complete::is_in;
use crate::driver::RocketChatDriver;
use crate::how::sent_as;
use crate::part::{FileFacts, Said};
use crate::refusal::{Failure, Refusal};

pub(crate) const SEND: &str = "chat.sendMessage";
pub(crate) const MEDIA: &str = "rooms.media";
pub(crate) const CONFIRM: &str = "rooms.mediaConfirm";

impl RocketChatDriver {
    /// A text: under an id of ours, so that a repeat cannot double.
    pub(crate) async fn send_text(&self, sending: &Sending, said: &Said) -> Result<Sent, SendError> {
        let room = room(sending)?;
        let scope = Scope::Named(SEND.to_owned());
        let shown = self.shown(room, said).await;
        let way = Way::Say { room, key: sending.key.as_str() };
        let outcome = self.masked(&shown, &way).await;
        match outcome {
            Ok(answer) => Ok(sent(&answer, said, false, &scope)),
            Err(Failure::Refused(refusal)) if may_be_repeat(&refusal) => {
                // The server trips over an id that exists already; then the first try had arrived.
                match self.fetch_message(sending.key.as_str()).await {
                    Ok(Some(message)) if is_in(&message, room) => Ok(sent_as(&message, said, false)),
                    Ok(_) => Err(send_error(&Failure::Refused(refusal), Repeat::Doubles, &scope, room)),
                    Err(failure) => Err(SendError::Ambiguous { reason: failure.to_string() }),
                }
            }
            Err(failure) => Err(send_error(&failure, Repeat::Doubles, &scope, room)),
        }
    }

    /// `chat.sendMessage`, and where that is refused, `chat.postMessage`.
    async fn put(&self, room: &str, key: &str, said: &Said) -> Result<Answer, Failure> {
        let mut message = fields(said);
        message.insert("_id".into(), json!(key));
        message.insert("rid".into(), json!(room));
        message.insert("msg".into(), json!(said.text));
        let refusal = match self.api.post(SEND, &json!({ "message": message })).await {
            Err(Failure::Refused(refusal)) if refusal.status == 404 || refusal.is_no_access() => refusal,
            outcome => return named(outcome?, Some(room), Some(key)),
        };
        self.rooms.forget(room);
        let mut body = fields(said);
        body.insert("roomId".into(), json!(room));
        body.insert("text".into(), json!(said.text));
        match self.api.post("chat.postMessage", &Value::Object(body)).await {
            // What the better call said is the better reason.
            Err(Failure::Refused(second)) if second.until.is_none() && second.status.is_client_error() => {
                Err(Failure::Refused(if second.is_impersonation() { second } else { refusal }))
            }
            // This call also takes a room's name; then the answer says another room than we did.
            outcome => named(outcome?, None, None),
        }
    }

    /// The bytes of a file. Nobody sees it before it is confirmed, so a repeat does no harm.
    pub(crate) async fn send_upload(&self, sending: &Sending, file: &FileFacts) -> Result<Sent, SendError> {
        let room = room(sending)?;
        if let Err(failure) = self.rooms.enter(&self.api, room).await {
            tracing::debug!(instance = %self.instance.id, room, %failure, "A room could not be looked up before a send");
        }
        let scope = Scope::Named(MEDIA.to_owned());
        match self.upload(&format!("{MEDIA}/{room}"), sending, file, &[]).await? {
            Ok(answer) => {
                let Some(id) = answer.body.pointer("/file/_id").and_then(Value::as_str) else {
                    let reason = "Rocket.Chat took the file, but did not name it".to_owned();
                    return Err(SendError::Retryable { reason, trouble: Trouble::Other, after: None });
                };
                Ok(Sent { carry: json!({ "file": id }), pause: pause(&answer, &scope), ..Sent::default() })
            }
            // Before 6.10 there is no such call; the confirmation then uploads the other way.
            Err(Failure::Refused(refusal)) if refusal.status == 404 => {
                Ok(Sent { carry: json!({ "old": true }), ..Sent::default() })
            }
            Err(Failure::Refused(refusal)) if is_unwanted_file(&refusal) => {
                Ok(Sent { carry: json!({ "unwanted": true }), ..Sent::default() })
            }
            Err(failure) => Err(send_error(&failure, Repeat::Harmless, &scope, room)),
        }
    }

    /// Makes a message of an uploaded file.
    pub(crate) async fn send_confirm(
        &self,
        sending: &Sending,
        said: &Said,
        file: &FileFacts,
        label: &str,
    ) -> Result<Sent, SendError> {
        let room = room(sending)?;
        let scope = Scope::Named(CONFIRM.to_owned());
        let carried = sending.before.last().map_or(&Value::Null, |sent| &sent.carry);
        if carried.get("unwanted").is_some() {
            let with_label = |text: &str| if text.is_empty() { label.to_owned() } else { format!("{text}\n{label}") };
            let said =
                Said { text: with_label(&said.text), named: said.named.as_deref().map(with_label), ..said.clone() };
            return self.send_text(sending, &said).await;
        }
        let shown = self.shown(room, said).await;
        let Some(id) = carried.get("file").and_then(Value::as_str) else {
            let shown = if shown.impersonates() { shown.unmasked() } else { shown };
            let mut more = vec![("msg", shown.text.as_str())];
            more.extend(shown.reply_to.as_deref().map(|tmid| ("tmid", tmid)));
            let outcome = self.upload(&format!("rooms.upload/{room}"), sending, file, &more).await?;
            return outcome
                .and_then(|answer| named(answer, Some(room), None))
                .map(|answer| sent(&answer, said, true, &scope))
                .map_err(|failure| send_error(&failure, Repeat::Doubles, &scope, room));
        };
        match self.masked(&shown, &Way::Confirm { room, file: id }).await {
            Ok(answer) => Ok(sent(&answer, said, true, &scope)),
            // The file is confirmed already, or its day is over: only a look at the room can tell.
            Err(Failure::Refused(refusal)) if refusal.says("invalid-file") => {
                match self.find_file(room, id, sending.since).await {
                    Ok(Some(message)) => Ok(sent_as(&message, said, true)),
                    Ok(None) => {
                        let reason = "the upload has expired on the server: retry the message".to_owned();
                        Err(SendError::Permanent { reason })
                    }
                    Err(failure) => Err(SendError::Ambiguous { reason: failure.to_string() }),
                }
            }
            Err(failure) => Err(send_error(&failure, Repeat::Doubles, &scope, room)),
        }
    }

    /// Sends with the identity, and where the bot may not show it, once more with the name in the text.
    async fn masked(&self, said: &Said, way: &Way<'_>) -> Result<Answer, Failure> {
        if said.impersonates() && !self.mask.may_be_worn(self.services.clock.now()) {
            return self.go(way, &said.unmasked()).await;
        }
        match self.go(way, said).await {
            Err(Failure::Refused(refusal)) if said.impersonates() && refusal.is_impersonation() => {
                if self.mask.refuse(self.services.clock.now()) {
                    tracing::warn!(
                        instance = %self.instance.id,
                        "The bot may not show other names: they stand in the text. Give it the role `bot` in Rocket.Chat",
                    );
                }
                self.go(way, &said.unmasked()).await
            }
            outcome => outcome,
        }
    }

    async fn go(&self, way: &Way<'_>, said: &Said) -> Result<Answer, Failure> {
        match way {
            Way::Say { room, key } => self.put(room, key, said).await,
            Way::Confirm { room, file } => {
                let mut body = fields(said);
                body.insert("msg".into(), json!(said.text));
                named(self.api.post(&format!("{CONFIRM}/{room}/{file}"), &Value::Object(body)).await?, Some(room), None)
            }
        }
    }

    /// The text with the link that makes a quotation, if it is one and the room's name is known.
    pub(crate) async fn shown(&self, room: &str, said: &Said) -> Said {
        let facts = match self.rooms.enter(&self.api, room).await {
            Ok(facts) => facts,
            Err(failure) => {
                // The send itself will say what is wrong, in words of its own.
                tracing::debug!(instance = %self.instance.id, room, %failure, "A room could not be looked up before a send");
                return said.clone();
            }
        };
        let Some(id) = said.reply_to.as_deref().filter(|_| said.quote && !facts.name.is_empty()) else {
            return said.clone();
        };
        let name: String = url::form_urlencoded::byte_serialize(facts.name.as_bytes()).collect();
        let link = self.instance.on_server(&format!("/{}/{}?msg={id}", facts.in_links(), name.replace('+', "%20")));
        let quoted = |text: &str| format!("[ ]({link}) {text}");
        Said { text: quoted(&said.text), named: said.named.as_deref().map(quoted), reply_to: None, ..said.clone() }
    }

    async fn upload(
        &self,
        call: &str,
        sending: &Sending,
        file: &FileFacts,
        fields: &[(&str, &str)],
    ) -> Result<Result<Answer, Failure>, SendError> {
        let gone = |why: String| SendError::Permanent {
            reason: format!("the file `{}` is not in the spool: {why}", file.name),
        };
        let id = sending.part.files.first().ok_or_else(|| gone("the part names none".to_owned()))?;
        let path = self.services.spool.open(id).await.map_err(|error| gone(error.to_string()))?;
        let upload = Upload { path: &path, name: &file.name, mime: &file.mime, fields };
        Ok(self.api.call(call, Payload::File(&upload)).await)
    }
}

/// How a text gets into a room.
enum Way<'w> {
    /// As a message of its own, under our key.
    Say { room: &'w str, key: &'w str },
    /// As the caption of an uploaded file.
    Confirm { room: &'w str, file: &'w str },
}

/// The fields that every way of posting knows.
fn fields(said: &Said) -> Map<String, Value> {
    let all = [("alias", &said.alias), ("avatar", &said.avatar), ("emoji", &said.emoji), ("tmid", &said.reply_to)];
    let given = all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
    // A picture wins over an emoji on the server too; with both, some versions refuse the message.
    given.filter(|(key, _)| key != "emoji" || said.avatar.is_none()).collect()
}

/// Whether a refusal could be the server tripping over an id that it has already.
fn may_be_repeat(refusal: &Refusal) -> bool {
    let known = refusal.code.starts_with("error-") || refusal.code == "invalid-params" || refusal.is_impersonation();
    refusal.status == 400 && refusal.until.is_none() && !known
}

fn is_unwanted_file(refusal: &Refusal) -> bool {
    let codes = ["error-file-too-large", "error-invalid-file-type", "error-file-upload-disabled"];
    refusal.status == 413
        || codes.iter().any(|code| refusal.says(code))
        || refusal.says("error-direct-message-file-upload-not-allowed")
        || refusal.says("File exceeds allowed size")
        || refusal.says("File size exceeds")
}

pub(crate) fn room(sending: &Sending) -> Result<&str, SendError> {
    let missing = || SendError::Permanent { reason: "the target names no `room_id`".to_owned() };
    sending.target.text("room_id").ok_or_else(missing)
}

/// A success, if it names the message that it made: that of our key, in the room that we named. One that names another, or
/// none, says nothing about ours.
fn named(answer: Answer, room: Option<&str>, key: Option<&str>) -> Result<Answer, Failure> {
    let message = answer.body.get("message").unwrap_or(&Value::Null);
    let id = message.get("_id").and_then(Value::as_str).and_then(|id| MessageId::new(id).ok());
    let ours = id.is_some_and(|id| key.is_none_or(|key| id.as_str() == key));
    if ours && room.is_none_or(|room| is_in(message, room)) {
        return Ok(answer);
    }
    let why = "Rocket.Chat says that it was sent, but names no message, or not the one that was sent".to_owned();
    Err(Failure::Unusable { why })
}

fn sent(answer: &Answer, said: &Said, file: bool, scope: &Scope) -> Sent {
    let message = answer.body.get("message").unwrap_or(&Value::Null);
    Sent { pause: pause(answer, scope), ..sent_as(message, said, file) }
}

/// What a message says about its send.
pub(crate) fn of_message(message: &Value) -> Sent {
    let text = |key: &str| message.get(key).and_then(Value::as_str);
    Sent {
        ids: text("_id").and_then(|id| MessageId::new(id).ok()).into_iter().collect(),
        channel: text("rid").and_then(|rid| ChannelKey::new(rid).ok()),
        ..Sent::default()
    }
}

pub(crate) fn pause(answer: &Answer, scope: &Scope) -> Option<Pause> {
    answer.spent_until.map(|until| Pause { scope: scope.clone(), until })
}
