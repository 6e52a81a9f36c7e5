//! A session: a log of numbered events, whoever is connected.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tieline_core::secret::Secret;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::content;
use super::payload::DISPATCH;
use super::script::GatewayScript;

/// A session.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) token: Secret,
    pub(crate) intents: u64,
    /// The number of the last event.
    pub(crate) seq: u64,
    /// Who hears the events now.
    pub(crate) connection: Option<u64>,
    /// Since when nobody does.
    lost: Timestamp,
    /// The user id of the bot.
    bot: String,
    /// The events that a resume can ask for, with their numbers.
    log: VecDeque<(u64, Utf8Bytes)>,
    /// The number of the last event that is not in the log any more.
    forgotten: u64,
}

impl Session {
    /// A session without an event, heard by a connection.
    pub(crate) fn new(id: String, token: Secret, intents: u64, bot: String, connection: u64, now: Timestamp) -> Self {
        let connection = Some(connection);
        Self { id, token, intents, seq: 0, connection, lost: now, bot, log: VecDeque::new(), forgotten: 0 }
    }

    /// Whether the session has these intents.
    pub(crate) fn wants(&self, needs: u64) -> bool {
        self.intents & needs == needs
    }

    /// Nobody is connected any more.
    pub(crate) fn lose(&mut self, now: Timestamp) {
        self.connection = None;
        self.lost = now;
    }

    /// Whether nobody came back in time.
    pub(crate) fn timed_out(&self, now: Timestamp, script: &GatewayScript) -> bool {
        let patience = SignedDuration::try_from(script.session_timeout).unwrap_or(SignedDuration::MAX);
        self.connection.is_none() && now.duration_since(self.lost) >= patience
    }

    /// Numbers an event and keeps it for a resume. Returns the payload.
    pub(crate) fn happen(&mut self, event: &str, data: &Value, script: &GatewayScript) -> Utf8Bytes {
        let payload = self.number(event, &content::seen(event, data, self.intents, &self.bot));
        self.log.push_back((self.seq, payload.clone()));
        while self.log.len() > script.kept_events {
            if let Some((seq, _)) = self.log.pop_front() {
                self.forgotten = seq;
            }
        }
        payload
    }

    /// The events after a number, and RESUMED behind them, which no later resume gets again; `None` if some of them
    /// are not kept any more.
    pub(crate) fn resume(&mut self, after: u64) -> Option<Vec<Utf8Bytes>> {
        if after < self.forgotten {
            return None;
        }
        let missed = self.log.iter().filter(|(seq, _)| *seq > after);
        let mut replayed: Vec<_> = missed.map(|(_, payload)| payload.clone()).collect();
        replayed.push(self.number("RESUMED", &json!({})));
        Some(replayed)
    }

    fn number(&mut self, event: &str, data: &Value) -> Utf8Bytes {
        self.seq += 1;
        json!({ "t": event, "s": self.seq, "op": DISPATCH, "d": data }).to_string().into()
    }
}
