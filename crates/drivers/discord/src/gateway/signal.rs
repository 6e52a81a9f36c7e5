//! What the machine is told, and what it wants done.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::payload::{Command, Session, Word};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// The API said where the gateway is.
    Told(Entrance),
    /// The API did not say where the gateway is. `refused`: nothing will change before a person does something.
    NotTold { why: String, refused: bool },
    /// The connection that was dialled is open.
    Opened,
    /// There is no connection.
    NotOpened(String),
    /// The gateway said something.
    Said(Word),
    /// The connection ended: closed with a code, or without one.
    Ended(Option<u16>),
    /// What came over the connection cannot be understood, nor can what follows.
    Garbled(String),
    /// From now on nobody listens: there are too many events that nobody has taken yet.
    Deaf,
    /// Somebody listens again.
    Listening,
    /// It is [due](super::machine::Machine::due).
    Due,
    /// Stop for good.
    Stop,
}

/// What `GET /gateway/bot` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entrance {
    /// Where the gateway is.
    pub(crate) url: Url,
    /// How many identifies are left, if it says so.
    pub(crate) remaining: Option<u64>,
    /// When there will be more, from now.
    pub(crate) reset_after: Duration,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// Ask the API where the gateway is.
    Ask,
    /// Dial this address.
    Dial(Url),
    /// Send this.
    Send(Command),
    /// Close the connection with this code.
    Close(u16),
    /// Hand this on.
    Event(Dispatch),
    /// The session begins or goes on.
    Ready,
    /// Something is wrong; a sentence for people.
    Failing(String),
}

/// An event of a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dispatch {
    /// Its kind, as Discord calls it: `MESSAGE_CREATE`.
    pub(crate) kind: String,
    pub(crate) data: Value,
    /// The session, if it can be resumed.
    pub(crate) session: Option<Arc<Session>>,
    /// The number within the session up to which all events were handed out, this one included.
    pub(crate) seq: Option<u64>,
}
