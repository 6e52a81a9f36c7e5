//! What a client sends.

use serde_json::Value;
use tieline_core::secret::Secret;

use super::close::{DECODE_ERROR, UNKNOWN_OPCODE};

/// The longest payload of a client, in bytes.
const LONGEST: usize = 4096;

/// Dispatch: an event.
pub(crate) const DISPATCH: u64 = 0;
/// Heartbeat, in both directions.
pub(crate) const HEARTBEAT: u64 = 1;
const IDENTIFY: u64 = 2;
const RESUME: u64 = 6;
/// Reconnect: the client shall.
pub(crate) const RECONNECT: u64 = 7;
/// Invalid Session.
pub(crate) const INVALID_SESSION: u64 = 9;
/// Hello.
pub(crate) const HELLO: u64 = 10;
/// Heartbeat ACK.
pub(crate) const HEARTBEAT_ACK: u64 = 11;
/// Presence, voice state, guild members, soundboard sounds, channel info: taken from whoever is identified; a fake has
/// nothing to say to them.
const OTHERS: [u64; 5] = [3, 4, 8, 31, 43];

/// A payload that the gateway understands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload {
    Heartbeat(Option<u64>),
    Identify(Identification),
    Resume(Resumption),
    Other,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identification {
    pub(crate) token: Secret,
    pub(crate) intents: u64,
    pub(crate) shard: Option<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resumption {
    pub(crate) token: Secret,
    pub(crate) session: String,
    pub(crate) seq: u64,
}

/// What came: its opcode and data, as far as they can be read, and what they mean, or the code to close with.
pub(crate) struct Read {
    pub(crate) op: Option<u64>,
    /// Without the token.
    pub(crate) data: Value,
    pub(crate) payload: Result<Payload, u16>,
}

impl Read {
    /// Reads a text.
    pub(crate) fn text(text: &str) -> Self {
        let Ok(mut said) = serde_json::from_str::<Value>(text) else { return Self::nonsense() };
        let op = said["op"].as_u64();
        let mut data = said.get_mut("d").map(Value::take).unwrap_or_default();
        let payload = match op {
            Some(op) if text.len() <= LONGEST => understand(op, &data),
            _ => Err(DECODE_ERROR),
        };
        if let Some(token) = data.get_mut("token") {
            *token = Value::from("•••");
        }
        Self { op, data, payload }
    }

    /// What is no text, or too long to be read at all.
    pub(crate) fn nonsense() -> Self {
        Self { op: None, data: Value::Null, payload: Err(DECODE_ERROR) }
    }
}

fn understand(op: u64, data: &Value) -> Result<Payload, u16> {
    let understood = match op {
        HEARTBEAT if data.is_null() => Some(Payload::Heartbeat(None)),
        HEARTBEAT => data.as_u64().map(|seq| Payload::Heartbeat(Some(seq))),
        IDENTIFY => identification(data).map(Payload::Identify),
        RESUME => resumption(data).map(Payload::Resume),
        op if OTHERS.contains(&op) => data.is_object().then_some(Payload::Other),
        _ => return Err(UNKNOWN_OPCODE),
    };
    understood.ok_or(DECODE_ERROR)
}

/// `properties` under their old names (`$os`) still work at Discord; here they don't, since nothing new uses them.
fn identification(data: &Value) -> Option<Identification> {
    let properties = data.get("properties")?;
    let all_there = ["os", "browser", "device"].iter().all(|name| properties[name].is_string());
    let threshold = &data["large_threshold"];
    let optional = [
        data["compress"].is_null() || data["compress"].is_boolean(),
        threshold.is_null() || threshold.as_u64().is_some_and(|members| (50..=250).contains(&members)),
        data["presence"].is_null() || data["presence"].is_object(),
    ];
    if !all_there || optional.contains(&false) {
        return None;
    }
    Some(Identification {
        token: token(data)?,
        intents: data["intents"].as_u64()?,
        shard: data.get("shard").filter(|shard| !shard.is_null()).cloned(),
    })
}

fn resumption(data: &Value) -> Option<Resumption> {
    let session = data["session_id"].as_str()?.to_owned();
    Some(Resumption { token: token(data)?, session, seq: data["seq"].as_u64()? })
}

fn token(data: &Value) -> Option<Secret> {
    data["token"].as_str().map(Secret::new)
}
