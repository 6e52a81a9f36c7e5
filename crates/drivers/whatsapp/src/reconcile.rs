//! What became of a send whose answer was lost.
//!
//! The addon tells of every message that the account sends, also through it (`fromMe`), and keeps it in its store. A
//! message is ours if it is in the chat, says the same, is not older than the send, and belongs to nobody else: neither
//! to another send of ours nor, as the outbox knows, to the owner's phone.
//!
//! An event that may be our echo is held by the outbox while the send is open. It is then known to the outbox as well, so
//! of a known message only those count that are handed in as held. One that became known between the two looks is no
//! answer yet: the next look has it among the held ones, or else it is somebody else's.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tieline_core::driver::InstanceConfig;
use tieline_core::event::{Attachment, Body, Event};
use tieline_core::id::MessageId;
use tieline_core::send::{Reconciled, SendError, Sending, Trouble};

use crate::driver::WhatsAppDriver;
use crate::fields::{flag, list, text, whole};
use crate::health::Condition;
use crate::jid::Jid;
use crate::markup::parse;
use crate::part::{Posted, Step};
use crate::send::{chat, step};
use crate::unwrap::inner;

/// How far the addon's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// When the store is looked at, and how many of the chat's messages: at once, and again since a message enters it a moment
/// after it was sent. The last look goes deep, since much may have been said while the addon was away.
const LOOKS: [(Duration, u32); 4] = [
    (Duration::ZERO, 30),
    (Duration::from_millis(200), 30),
    (Duration::from_millis(600), 30),
    (Duration::from_millis(1200), 200),
];
/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a message must be to be the one.
struct Wanted<'w> {
    chat: Jid,
    step: &'w Step,
    /// The SHA-256 of the file in hexadecimal digits.
    digest: Option<&'w str>,
    earliest: Timestamp,
    sending: &'w Sending,
}

impl WhatsAppDriver {
    pub(crate) async fn find_out(&self, sending: &Sending, held: &[Event]) -> Result<Reconciled, SendError> {
        // A change may be made again without harm. Only the correction that an edit may have become is looked for.
        let Some(step) = step(sending)?.message() else { return Ok(Reconciled::Missing) };
        let chat = chat(sending)?;
        let _turn = self.claims.turn(&chat.to_string(), &sending.part.body.to_string()).await;
        let wanted = Wanted {
            digest: sending.part.files.first().map(tieline_core::spool::SpoolId::as_str),
            earliest: sending.since.checked_sub(SKEW).unwrap_or(Timestamp::MIN),
            chat: chat.clone(),
            step: &step,
            sending,
        };
        let free = |event: &&Event| !self.claims.is_anothers(&event.message_id, &sending.key);
        if let Some(event) = held.iter().filter(|event| wanted.is_event(event)).find(free) {
            return Ok(Reconciled::Arrived(self.became(sending, &step, &chat, event.message_id.clone())));
        }
        for (wait, depth) in LOOKS {
            tokio::time::sleep(wait).await;
            if let Some(id) = self.look(&wanted, held, depth).await? {
                return Ok(Reconciled::Arrived(self.became(sending, &step, &chat, id)));
            }
        }
        if let Some(rest) = self.doubts.may_be_under_way(&sending.key) {
            return Err(SendError::Retryable {
                reason: "the WhatsApp addon may still be sending the file: the connection to it broke".to_owned(),
                trouble: Trouble::Other,
                after: Some(rest),
            });
        }
        // An account that is not connected may have sent it, and not heard of it yet.
        match self.condition().await {
            Condition::Ready => Ok(Reconciled::Missing),
            condition => Err(SendError::Retryable {
                reason: format!("whether the message arrived cannot be said yet: {condition}"),
                trouble: Trouble::Unreachable,
                after: None,
            }),
        }
    }

    /// Looks for the message in the addon's store, among the chat's latest.
    async fn look(&self, wanted: &Wanted<'_>, held: &[Event], depth: u32) -> Result<Option<MessageId>, SendError> {
        let body = json!({ "number": wanted.chat.to_string(), "limit": depth });
        let unsure = |failure: crate::refusal::Failure| match failure.of_send(self.api.base()) {
            SendError::Permanent { reason } => SendError::Ambiguous { reason },
            error => error,
        };
        let answer = self.api.post("/chats/messages", &body, PATIENCE).await.map_err(unsure)?;
        if !answer.get("messages").is_some_and(Value::is_array) {
            let reason = "the WhatsApp addon does not show the chat's messages".to_owned();
            return Err(SendError::Ambiguous { reason });
        }
        // The newest come first; of two that say the same, the older one is the older send's.
        for raw in list(&answer, "messages").iter().rev().filter(|raw| wanted.is_raw(raw)) {
            let Some(id) = raw.get("key").and_then(|key| text(key, "id")).and_then(|id| MessageId::new(&id).ok())
            else {
                continue;
            };
            if self.claims.is_anothers(&id, &wanted.sending.key) {
                continue;
            }
            let is_held = held.iter().any(|event| event.message_id == id);
            if is_held || !self.services.links.is_known(self.instance.realm(), &id).await {
                return Ok(Some(id));
            }
            if !self.doubts.doubt(&id, &wanted.sending.key) {
                return Err(SendError::Retryable {
                    reason: "the message's echo has just come; whether it is one is seen at the next look".to_owned(),
                    trouble: Trouble::Other,
                    after: None,
                });
            }
        }
        Ok(None)
    }
}

impl Wanted<'_> {
    fn is_event(&self, event: &Event) -> bool {
        let Body::Message(message) = &event.body else { return false };
        let here = event.channel.as_str() == self.chat.to_string();
        let ours = here && event.author.kind.may_be_ours() && event.time >= self.earliest;
        let said = message.text.to_plain();
        let says = |wanted: &str| said.trim() == parse(wanted).to_plain().trim();
        ours && match (self.step, &message.attachments[..]) {
            (Step::Text { text, .. }, []) => says(text),
            (Step::File(file), []) => says(&file.label),
            (Step::File(file), [echo]) => says(&file.caption) && is_file(file, echo),
            _ => false,
        }
    }

    fn is_raw(&self, raw: &Value) -> bool {
        let own = raw.get("key").is_some_and(|key| flag(key, "fromMe"));
        let Some(time) = whole(raw, "messageTimestamp").filter(|_| own) else { return false };
        // Whole seconds are all that WhatsApp tells.
        if time < self.earliest.as_second() {
            return false;
        }
        let Some(message) = raw.get("message").and_then(inner) else { return false };
        let content = message.content;
        match (self.step, message.kind) {
            (Step::Text { text: wanted, .. }, "conversation" | "extendedTextMessage") => is_text(content, wanted),
            (Step::File(file), "conversation" | "extendedTextMessage") => is_text(content, &file.label),
            (Step::File(file), kind) if kind == file.carrier.message() => {
                let caption = text(content, "caption").unwrap_or_default();
                let same = |key: &str, wanted: i64| whole(content, key).is_none_or(|found| found == wanted);
                caption.trim() == file.caption.trim()
                    && same("fileLength", i64::try_from(file.size).unwrap_or(i64::MAX))
                    && self.is_digest(content)
            }
            _ => false,
        }
    }

    /// Whether a message says that its file is another one than ours. The digest is of the file as it was before it was
    /// encrypted, in base64.
    fn is_digest(&self, content: &Value) -> bool {
        let said = text(content, "fileSha256").and_then(|letters| STANDARD.decode(letters).ok());
        let said: Option<[u8; 32]> = said.and_then(|digest| digest.try_into().ok());
        match (said.map(tieline_core::spool::SpoolId::of_digest), self.digest) {
            (Some(said), Some(ours)) => said.as_str() == ours,
            _ => true,
        }
    }
}

fn is_text(content: &Value, wanted: &str) -> bool {
    let said = content.as_str().map(str::to_owned).or_else(|| text(content, "text")).unwrap_or_default();
    said.trim() == wanted.trim()
}

fn is_file(file: &Posted, echo: &Attachment) -> bool {
    // The echo's name has passed through what makes a stranger's name harmless, so only its size says much.
    echo.kind == file.carrier.kind() && echo.size.is_none_or(|size| size == file.size)
}
