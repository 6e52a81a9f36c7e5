//! Reading one chat.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tieline_core::driver::InboundError;
use tieline_core::event::Event;

use super::History;
use crate::fields::{text, whole};
use crate::jid::Jid;
use crate::kinds::webhook_tells_more;
use crate::parse::{self, Received};
use crate::payload;
use crate::refusal::Failure;

/// How long the addon may take to show a chat's messages.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the addon may be busy with fetching a file. Its webhook comes when that is done, and tells where the file is.
const FETCHING: SignedDuration = SignedDuration::from_mins(2);
/// Fewer messages than this are not asked for, however long the answer is.
const FEWEST: u32 = 10;

/// Why a chat is not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The addon does not show it.
    Failed(Failure),
    /// The outbox takes nothing.
    Refused(InboundError),
    /// The addon may not yet have told of messages there, of which it tells more than its store does.
    Fetching,
}

impl History {
    /// Reads a chat of which the addon tells a message, if it is not yet read in this round: that one is handed in at its
    /// place. If this fails, the message does not wait for it, nor do those behind it.
    pub(super) async fn read_before(&self, jid: &Jid, told: &Event) {
        let (round, whole) = {
            let state = self.state();
            (state.round, state.whole)
        };
        if whole {
            return;
        }
        let chat = self.chat(jid);
        let mut reading = chat.lock().await;
        if reading.tried >= round || !self.may_miss(self.begin_of(&told.channel)) {
            return;
        }
        reading.tried = round;
        match self.read(jid, Some(told)).await {
            Ok(()) => reading.read = round,
            Err(unread) => tracing::debug!(
                instance = %self.driver.instance.id, chat = %jid, ?unread,
                "A message of WhatsApp does not wait for what its chat said before"
            ),
        }
    }

    /// Reads a chat unless it is read in this round.
    pub(super) async fn read_once(&self, jid: &Jid) -> Result<(), Unread> {
        let round = self.state().round;
        let chat = self.chat(jid);
        let mut reading = chat.lock().await;
        if reading.read >= round {
            return Ok(());
        }
        reading.tried = round;
        self.read(jid, None).await?;
        reading.read = round;
        Ok(())
    }

    /// Hands in what the store has of a chat, oldest first; of the message that the addon has `told` what it told.
    async fn read(&self, jid: &Jid, told: Option<&Event>) -> Result<(), Unread> {
        let now = self.driver.services.clock.now();
        let mut missed = Vec::new();
        for raw in self.stored(jid).await.map_err(Unread::Failed)? {
            let payload = payload::of_raw(raw, &self.driver.instance.session);
            // What says nothing to people, or cannot be understood, would not have been relayed either.
            let Ok(Received::Event(event)) = parse::event(&self.driver.instance, &payload, now) else { continue };
            if let Some(told) = told.filter(|told| told.message_id == event.message_id) {
                missed.push((told.clone(), false));
            } else if self.is_missed(&event) {
                let fetching = webhook_tells_more(&payload) && now.duration_since(event.time).abs() < FETCHING;
                missed.push((*event, fetching));
            }
        }
        let too_many = missed.len().saturating_sub(self.limits.max_messages as usize);
        let mut fetching = false;
        for (event, is_fetching) in missed.drain(..).skip(too_many) {
            if is_fetching {
                fetching = true;
                continue;
            }
            self.inbound.accept(event).await.map_err(Unread::Refused)?;
        }
        if fetching { Err(Unread::Fetching) } else { Ok(()) }
    }

    /// Whether a message of the store may have been missed. WhatsApp tells times in whole seconds.
    fn is_missed(&self, event: &Event) -> bool {
        let since = || self.since(self.begin_of(&event.channel)).as_second();
        self.sources.listens_to(&event.channel, None) && event.time.as_second() >= since()
    }

    /// The messages of a chat, oldest first. The addon shows those first that were used last, so those of one second are
    /// in the order in which they came.
    async fn stored(&self, jid: &Jid) -> Result<Vec<Value>, Failure> {
        let mut limit = self.limits.max_messages;
        let mut answer = loop {
            let body = json!({ "number": jid.to_string(), "limit": limit });
            match self.driver.api.post("/chats/messages", &body, PATIENCE).await {
                // Little previews stand in it, and make some answers long.
                Err(Failure::TooLong(_)) if limit > FEWEST => limit = (limit / 2).max(FEWEST),
                answer => break answer?,
            }
        };
        let Some(Value::Array(mut messages)) = answer.get_mut("messages").map(Value::take) else {
            return Err(Failure::Unusable("the WhatsApp addon does not show the chat's messages".to_owned()));
        };
        messages.reverse();
        messages.sort_by_key(|raw| whole(raw, "messageTimestamp").unwrap_or_default());
        Ok(messages)
    }

    /// The chats that the addon knows.
    pub(super) async fn listed(&self) -> Result<Vec<Jid>, Failure> {
        let answer = self.driver.api.get("/chats", &[], PATIENCE).await?;
        let entries = answer.as_array().into_iter().flatten();
        Ok(entries.filter_map(|entry| Jid::parse(&text(entry, "jid")?)).collect())
    }

    /// Whether a chat may hold something that was missed.
    pub(super) fn may_miss(&self, begin: Timestamp) -> bool {
        let began = self.state().began;
        self.since(begin).as_millisecond() < began.as_millisecond()
    }
}
