//! What the gateway remembers of its clients. No `Debug` shows a token.

use jiff::Timestamp;
use serde_json::Value;
use tieline_core::secret::Secret;

use super::session::Session;

/// A request for a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The number of the connection: the first is 0. Refused ones have one, too.
    pub connection: u64,
    /// The path: `/gateway`, or `/gateway/resume`.
    pub path: String,
    /// The query, without `?`.
    pub query: String,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// When it came, by the gateway's clock.
    pub time: Timestamp,
    /// The status with which it was refused.
    pub refused: Option<u16>,
}

/// A payload that a client sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Over which connection.
    pub connection: u64,
    /// Its opcode; `None` if it has none, or is no JSON.
    pub op: Option<u64>,
    /// Its data; a token in it is hidden.
    pub data: Value,
    /// When it came, by the gateway's clock.
    pub time: Timestamp,
}

/// An identify whose form is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identify {
    /// Over which connection.
    pub connection: u64,
    /// The path of that connection.
    pub path: String,
    /// The token, to be compared.
    pub token: Secret,
    /// The intents.
    pub intents: u64,
    /// When it came, by the gateway's clock.
    pub time: Timestamp,
    /// The session that began with it; `None` if it was refused.
    pub session: Option<String>,
}

/// A resume whose form is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Over which connection.
    pub connection: u64,
    /// The path of that connection.
    pub path: String,
    /// The token, to be compared.
    pub token: Secret,
    /// The session that it names.
    pub session: String,
    /// The number of the last event that the client has.
    pub seq: u64,
    /// When it came, by the gateway's clock.
    pub time: Timestamp,
    /// Whether the session goes on.
    pub resumed: bool,
}

/// A heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Over which connection.
    pub connection: u64,
    /// The number of the last event that the client has.
    pub seq: Option<u64>,
    /// When it came, by the gateway's clock.
    pub time: Timestamp,
}

/// A session, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSeen {
    /// Its id.
    pub id: String,
    /// Its intents.
    pub intents: u64,
    /// The number of its last event.
    pub seq: u64,
    /// The connection over which it is heard; `None` while it waits to be resumed.
    pub connection: Option<u64>,
}

/// All of it, in order.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) dials: Vec<Dial>,
    pub(crate) heard: Vec<Heard>,
    pub(crate) identifies: Vec<Identify>,
    pub(crate) resumes: Vec<Resume>,
    pub(crate) heartbeats: Vec<Heartbeat>,
    pub(crate) closes: Vec<u16>,
}

impl SessionSeen {
    pub(crate) fn of(session: &Session) -> Self {
        Self { id: session.id.clone(), intents: session.intents, seq: session.seq, connection: session.connection }
    }
}
