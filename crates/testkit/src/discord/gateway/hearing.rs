//! What the gateway does about what a client sends.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::close::{ALREADY_AUTHENTICATED, NOT_AUTHENTICATED, RATE_LIMITED};
use super::payload::{HEARTBEAT_ACK, INVALID_SESSION, Payload, Read};
use super::records::{Heard, Heartbeat};
use super::server::ReadyData;
use super::state::{Phase, State};

impl State {
    /// A payload came. `ready` is what is known of the bot whose token is in it.
    pub(crate) fn hear(&mut self, number: u64, read: Read, ready: Option<ReadyData>, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        if connection.phase == Phase::Over {
            return;
        }
        self.records.heard.push(Heard { connection: number, op: read.op, data: read.data, time: now });
        if !connection.payloads.take(now, &self.script) {
            return self.close(number, RATE_LIMITED, now);
        }
        let payload = match read.payload {
            Ok(payload) => payload,
            Err(code) => return self.close(number, code, now),
        };
        match (payload, &connection.phase) {
            (Payload::Heartbeat(seq), _) => {
                self.records.heartbeats.push(Heartbeat { connection: number, seq, time: now });
                if !self.deaf {
                    connection.say(HEARTBEAT_ACK, &Value::Null);
                }
            }
            (Payload::Identify(identification), Phase::Open) => self.identify(number, identification, ready, now),
            (Payload::Resume(resumption), Phase::Open) => self.resume(number, resumption, ready.is_some(), now),
            (Payload::Identify(_) | Payload::Resume(_), Phase::Identified(_)) => {
                self.close(number, ALREADY_AUTHENTICATED, now);
            }
            (Payload::Other, Phase::Identified(_)) => {}
            _ => self.close(number, NOT_AUTHENTICATED, now),
        }
    }

    /// Tells a client that its session is none; `resumable`: that it shall resume it all the same.
    pub(crate) fn invalidate(&mut self, number: u64, resumable: bool, now: Timestamp) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.say(INVALID_SESSION, &json!(resumable));
            self.part(number, Phase::Invalidated, !resumable, now);
        }
    }
}
