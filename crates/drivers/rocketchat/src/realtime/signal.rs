//! What the machine is told, and what it wants done.

use std::collections::BTreeSet;

use serde_json::Value;
use tieline_core::secret::Secret;

use super::word::{Changed, Command, Word};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// This token is good as far as REST knows.
    Token(Secret),
    /// There is no token. `refused`: nothing will change before a person does something.
    NoToken { why: String, refused: bool },
    /// The connection that was dialled is open.
    Opened,
    /// There is no connection.
    NotOpened(String),
    /// The rooms were looked up; this is to be heard.
    Listed(Wanted),
    /// The rooms could not be looked up.
    NotListed(String),
    /// The rules changed: this is to be heard from now on.
    Wanted(Wanted),
    /// Somebody types elsewhere: the account of this name is to be shown as typing in a room.
    Typing { room: String, username: String },
    /// The server said something.
    Said(Word),
    /// The connection ended: closed with a code, or without one.
    Ended(Option<u16>),
    /// What was missed could not be fetched, so the session is of no use.
    Behind(String),
    /// From now on nobody listens: there are too many events that nobody has taken yet.
    Deaf,
    /// Somebody listens again.
    Listening,
    /// It is [due](super::machine::Machine::due).
    Due,
    /// Stop for good.
    Stop,
}

/// What is to be heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Every room that the bot is in.
    pub(crate) every: bool,
    /// The rooms that rules name; with `every`, those that the bot is in.
    pub(crate) rooms: BTreeSet<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// Ask REST for a token; `renew`: another one than the last.
    AskToken { renew: bool },
    /// Dial.
    Dial,
    /// Look up which rooms there are and which are wanted.
    List,
    /// Send this.
    Send(Command),
    /// Close the connection.
    Close,
    /// Hand this on.
    Event(Dispatch),
    /// The bot joined or left a room, or the room has another name: `[how, subscription]`.
    Membership(Vec<Value>),
    /// A room is not heard, and why.
    Unheard { room: String, why: String },
    /// A room is heard, but not what is deleted there.
    DeletionsUnheard { room: String },
    /// All is heard.
    Ready,
    /// Something is wrong; a sentence for people.
    Failing(String),
}

/// Something of a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dispatch {
    /// Which session: each has a greater number than the one before.
    pub(crate) session: u64,
    pub(crate) what: What,
}

/// What happened in a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// These rooms are heard from now on; what they said before must be fetched.
    Began { rooms: Vec<String>, every: bool },
    /// A subscription told something.
    Changed(Changed),
}
