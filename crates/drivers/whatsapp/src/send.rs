//! Sends.
//!
//! The chat is always a whole JID and a JSON text: the addon guesses at anything else, and breaks on a number after it
//! has sent the message.

use serde_json::{Map, Value, json};
use tieline_core::id::{ChannelKey, MessageId};
use tieline_core::send::{SendError, Sending, Sent};
use tieline_core::spool::SpoolId;
use tieline_net::Transport;

use crate::address::CHAT;
use crate::body;
use crate::driver::WhatsAppDriver;
use crate::jid::Jid;
use crate::part::{Carrier, Posted, Step};
use crate::refusal::Failure;

impl WhatsAppDriver {
    /// Sends one part.
    pub(crate) async fn send_part(&self, sending: &Sending) -> Result<Sent, SendError> {
        let step = step(sending)?;
        let chat = chat(sending)?;
        if !step.is_change() && self.registered.is_absent(&self.api, &chat).await {
            let reason = format!("{} is not on WhatsApp: check the number", chat.shown());
            return Err(SendError::Permanent { reason });
        }
        let jid = chat.to_string();
        let _turn = self.claims.turn(&jid, &sending.part.body.to_string()).await;
        let (step, outcome) = match self.call(&jid, sending, &step).await? {
            Err(failure) if step.is_change() && failure.refuses_change() => {
                let reason = failure.to_string();
                let Some(correction) = step.message() else { return Err(SendError::Impossible { reason }) };
                tracing::info!(instance = %self.instance.id, reason, "A message cannot be edited; a correction follows it");
                let outcome = self.call(&jid, sending, &correction).await?;
                (correction, outcome)
            }
            outcome => (step, outcome),
        };
        let answer = outcome.map_err(|failure| {
            self.doubt(&failure);
            if let (Step::File(_), Failure::Lost { outcome: Transport::Unknown, .. }) = (&step, &failure) {
                self.doubts.broke(&sending.key);
            }
            failure.of_send(self.api.base())
        })?;
        match &step {
            Step::Edit { .. } | Step::React { .. } => return Ok(Sent::default()),
            Step::Revoke { id } => {
                return Ok(Sent { gone: MessageId::new(id).into_iter().collect(), ..Sent::default() });
            }
            Step::Text { .. } | Step::File(_) => {}
        }
        let id = answer.get("id").and_then(Value::as_str).and_then(|id| MessageId::new(id).ok());
        let Some(id) = id else {
            let reason = "the WhatsApp addon took the message, but did not name it".to_owned();
            return Err(SendError::Ambiguous { reason });
        };
        self.registered.note(&chat);
        Ok(self.became(sending, &step, &chat, id))
    }

    /// Makes the call that a step is.
    async fn call(&self, jid: &str, sending: &Sending, step: &Step) -> Result<Result<Value, Failure>, SendError> {
        let (call, body) = match step {
            Step::Text { text, quotes, .. } => return Ok(self.say(jid, text, quotes.as_deref()).await),
            Step::File(file) => return self.post(jid, sending, file).await,
            Step::Edit { id, text } => ("/edit_message", json!({ "number": jid, "messageId": id, "newText": text })),
            Step::Revoke { id } => ("/revoke_message", json!({ "number": jid, "messageId": id })),
            Step::React { id, emoji } => {
                ("/send_reaction", json!({ "number": jid, "messageId": id, "reaction": emoji }))
            }
        };
        Ok(self.api.send(call, &body).await)
    }

    /// A part that is this message.
    pub(crate) fn became(&self, sending: &Sending, step: &Step, chat: &Jid, id: MessageId) -> Sent {
        self.claims.take(&id, &sending.key);
        self.doubts.settle(&sending.key);
        Sent {
            ids: vec![id],
            channel: ChannelKey::new(&chat.to_string()).ok(),
            how: step.how().map(|how| how.name().to_owned()),
            wordless: step.how().is_none(),
            ..Sent::default()
        }
    }

    async fn say(&self, jid: &str, text: &str, quotes: Option<&str>) -> Result<Value, Failure> {
        let mut body = json!({ "number": jid, "message": text });
        if let Some(id) = quotes {
            body["quotedMessageId"] = json!(id);
        }
        self.api.send("/send_message", &body).await
    }

    async fn post(&self, jid: &str, sending: &Sending, file: &Posted) -> Result<Result<Value, Failure>, SendError> {
        let gone =
            |why: &str| SendError::Permanent { reason: format!("the file `{}` is not in the spool: {why}", file.name) };
        let id = sending.part.files.first().ok_or_else(|| gone("the part names none"))?;
        let path = self.services.spool.open(id).await.map_err(|error| gone(&error.to_string()))?;
        let fields = fields(jid, file);
        if body::fits(file.size) {
            match self.api.send_file(file.carrier.call(), &path, &file.mime, &fields).await {
                // Something in front of the addon takes less than the addon does.
                Err(failure) if failure.status() == Some(http::StatusCode::PAYLOAD_TOO_LARGE) => {}
                outcome => return Ok(outcome),
            }
        }
        match &self.instance.media_url {
            Some(base) => self.post_offered(base.reveal(), id, file, fields).await,
            None => Ok(self.say(jid, &file.label, None).await),
        }
    }

    /// Lets the addon fetch the file from us.
    async fn post_offered(
        &self,
        base: &str,
        id: &SpoolId,
        file: &Posted,
        mut fields: Map<String, Value>,
    ) -> Result<Result<Value, Failure>, SendError> {
        let link = self.offers.link(base, id, file).await?;
        fields.insert("url".to_owned(), Value::String(link));
        Ok(self.api.send_offer(file.carrier.call(), &Value::Object(fields), file.size).await)
    }
}

/// What stands beside a file.
fn fields(jid: &str, file: &Posted) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut add = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    add("number", json!(jid));
    if !file.caption.is_empty() {
        add("caption", json!(file.caption));
    }
    match file.carrier {
        Carrier::Voice => add("ptt", json!(true)),
        Carrier::Document => {
            // The addon can guess neither from a `data:` address.
            add("fileName", json!(file.name));
            add("mimetype", json!(file.mime));
        }
        Carrier::Image | Carrier::Video | Carrier::Audio | Carrier::Sticker => {}
    }
    fields
}

/// What the part is.
pub(crate) fn step(sending: &Sending) -> Result<Step, SendError> {
    let unknown = |error| SendError::Permanent { reason: format!("this part was stored by another version: {error}") };
    serde_json::from_value(sending.part.body.clone()).map_err(unknown)
}

/// The chat that it goes into.
pub(crate) fn chat(sending: &Sending) -> Result<Jid, SendError> {
    sending
        .target
        .text(CHAT)
        .and_then(Jid::parse)
        .ok_or_else(|| SendError::Permanent { reason: format!("{} names no chat of WhatsApp", sending.target) })
}
