//! What goes over the gateway.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use tieline_core::secret::Secret;
use url::Url;

use crate::fields::whole;

/// Largest payload that Discord takes, in bytes.
pub(crate) const LARGEST: usize = 4096;

const GUILDS: u64 = 1;
const GUILD_WEBHOOKS: u64 = 1 << 5;
const GUILD_MESSAGES: u64 = 1 << 9;
const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
/// Who types where.
pub(crate) const GUILD_MESSAGE_TYPING: u64 = 1 << 11;
const MESSAGE_CONTENT: u64 = 1 << 15;
/// What we want to hear of in any case.
pub(crate) const INTENTS: u64 = GUILDS | GUILD_WEBHOOKS | GUILD_MESSAGES | GUILD_MESSAGE_REACTIONS | MESSAGE_CONTENT;

/// Something that the gateway says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Word {
    /// Opcode 0: something happened, or READY or RESUMED.
    Dispatch { kind: String, seq: Option<u64>, data: Value },
    /// Opcode 1: it wants a heartbeat at once.
    Heartbeat,
    /// Opcode 7: we shall reconnect and resume.
    Reconnect,
    /// Opcode 9: the session cannot go on over this connection.
    InvalidSession { resumable: bool },
    /// Opcode 10: the first word; how often it wants a heartbeat, in milliseconds.
    Hello { heartbeat_interval: u64 },
    /// Opcode 11: it heard our heartbeat.
    HeartbeatAck,
    /// Any other.
    Unknown(u64),
}

impl Word {
    /// Reads a payload. Whatever stands beside what is needed is passed over.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, String> {
        let mut payload: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let op = whole(&payload, "op").ok_or("it has no opcode")?;
        let data = payload.get_mut("d").map(Value::take).unwrap_or_default();
        Ok(match op {
            0 => Self::Dispatch {
                kind: payload["t"].as_str().unwrap_or_default().to_owned(),
                seq: whole(&payload, "s"),
                data,
            },
            1 => Self::Heartbeat,
            7 => Self::Reconnect,
            9 => Self::InvalidSession { resumable: data.as_bool().unwrap_or(false) },
            10 => {
                let interval = whole(&data, "heartbeat_interval");
                Self::Hello { heartbeat_interval: interval.ok_or("its greeting names no interval for heartbeats")? }
            }
            11 => Self::HeartbeatAck,
            other => Self::Unknown(other),
        })
    }
}

/// Something that we say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Opcode 1.
    Heartbeat { seq: Option<u64> },
    /// Opcode 2: a session begins.
    Identify { token: Secret, intents: u64 },
    /// Opcode 6: a session goes on behind the event with this number.
    Resume { token: Secret, session: Arc<Session>, seq: u64 },
}

impl Command {
    /// As it is sent.
    pub(crate) fn text(&self) -> String {
        let payload = match self {
            Self::Heartbeat { seq } => json!({ "op": 1, "d": seq }),
            Self::Identify { token, intents } => json!({ "op": 2, "d": {
                "token": token.reveal(),
                "intents": intents,
                "properties": { "os": std::env::consts::OS, "browser": "tieline", "device": "tieline" },
            }}),
            Self::Resume { token, session, seq } => json!({ "op": 6, "d": {
                "token": token.reveal(), "session_id": session.id, "seq": seq,
            }}),
        };
        payload.to_string()
    }
}

/// A session of the gateway: it outlives connections.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its id, which together with the token lets one hear it.
    pub(crate) id: String,
    /// Where to resume it, if Discord said so.
    pub(crate) resume_at: Option<Url>,
}

impl Session {
    /// The session that READY names; `None` if it cannot be resumed. Over an `encrypted` connection no other place to
    /// resume it is taken than an encrypted one, since the token will be said there.
    pub(crate) fn named_by(ready: &Value, encrypted: bool) -> Option<Self> {
        // A longer id would not fit into a payload that resumes.
        let id = ready["session_id"].as_str().filter(|id| !id.is_empty() && id.len() <= LARGEST / 4)?;
        let resume_at = ready["resume_gateway_url"].as_str().and_then(gateway_url);
        let resume_at = resume_at.filter(|url| !encrypted || url.scheme() == "wss");
        Some(Self { id: id.to_owned(), resume_at })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("resume_at", &self.resume_at.as_ref().map(Url::as_str)).finish_non_exhaustive()
    }
}

/// Reads the address of a gateway that Discord names.
pub(crate) fn gateway_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "ws" | "wss") && url.host_str().is_some())
}

/// The address that is dialled, with what we want to speak.
pub(crate) fn dialled(gateway: &Url) -> Url {
    const OURS: [(&str, &str); 3] = [("v", "10"), ("encoding", "json"), ("compress", "zlib-stream")];
    let kept: Vec<(String, String)> = gateway
        .query_pairs()
        .filter(|(name, _)| OURS.iter().all(|(ours, _)| name != ours))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut url = gateway.clone();
    url.query_pairs_mut().clear().extend_pairs(OURS).extend_pairs(kept);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_want_what_the_manual_says() {
        assert_eq!(INTENTS, 34337);
    }

    #[test]
    fn what_we_say_fits_and_shows_no_token_in_the_log() {
        let token = Secret::new("t".repeat(200));
        let session = Arc::new(Session { id: "\u{1}".repeat(LARGEST / 8), resume_at: None });
        for command in [
            Command::Identify { token: token.clone(), intents: INTENTS },
            Command::Resume { token, session, seq: u64::MAX },
            Command::Heartbeat { seq: None },
        ] {
            assert!(command.text().len() <= LARGEST, "{command:?}");
            let shown = format!("{command:?}");
            assert!(!shown.contains("ttt") && !shown.contains("\\u"), "{shown}");
        }
        let identify = Command::Identify { token: Secret::new("T"), intents: 7 }.text();
        let identify: Value = serde_json::from_str(&identify).unwrap();
        let said = (&identify["op"], &identify["d"]["token"], &identify["d"]["intents"]);
        assert_eq!(said, (&json!(2), &json!("T"), &json!(7)));
        assert_eq!(Command::Heartbeat { seq: None }.text(), r#"{"op":1,"d":null}"#);
    }

    #[test]
    fn odd_payloads_are_read_as_far_as_they_go() {
        let read = |text: &str| Word::read(text.as_bytes());
        assert_eq!(
            read(r#"{"op":0,"t":"X","s":4,"d":{"a":1},"new":[]}"#),
            Ok(Word::Dispatch { kind: "X".to_owned(), seq: Some(4), data: json!({ "a": 1 }) })
        );
        assert_eq!(read(r#"{"op":9}"#), Ok(Word::InvalidSession { resumable: false }));
        assert_eq!(read(r#"{"op":9,"d":true}"#), Ok(Word::InvalidSession { resumable: true }));
        assert_eq!(read(r#"{"op":77}"#), Ok(Word::Unknown(77)));
        assert_eq!(
            read(r#"{"op":10,"d":{"heartbeat_interval":41250}}"#),
            Ok(Word::Hello { heartbeat_interval: 41250 })
        );
        assert_eq!(
            read(r#"{"op":"10","d":{"heartbeat_interval":41250.0}}"#),
            Ok(Word::Hello { heartbeat_interval: 41250 }),
            "compatible servers write numbers in other ways"
        );
        for unreadable in ["", "[]", "{}", "{\"op\":null}", r#"{"op":10,"d":{}}"#, &"[".repeat(100_000)] {
            assert!(read(unreadable).is_err());
        }
    }

    #[test]
    fn the_address_says_what_we_speak() {
        let dial = |url: &str| dialled(&Url::parse(url).unwrap()).to_string();
        assert_eq!(
            dial("wss://gateway.discord.gg"),
            "wss://gateway.discord.gg/?v=10&encoding=json&compress=zlib-stream"
        );
        assert_eq!(dial("ws://h:1/g?v=9&key=a%20b"), "ws://h:1/g?v=10&encoding=json&compress=zlib-stream&key=a+b");
        assert!(gateway_url("https://discord.com").is_none() && gateway_url("gateway.discord.gg").is_none());
    }
}
