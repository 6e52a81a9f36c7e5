//! What the gateway knows: connections, sessions, and what a test asked for.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tieline_core::secret::Secret;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use super::allowance::{Identifies, Payloads};
use super::close;
use super::payload::HELLO;
use super::records::Records;
use super::script::GatewayScript;
use super::session::Session;

/// Something that a connection is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// A dispatch, which a test may hold back.
    Event(Utf8Bytes),
    /// Any other payload.
    Word(Utf8Bytes),
    /// The end, with this code.
    Close(u16),
}

/// How far a connection has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is open.
    Open,
    /// It hears a session.
    Identified(String),
    /// Its session, or its wish for one, was refused by Invalid Session: it can only close.
    Invalidated,
    /// The gateway closes it, or cut it.
    Over,
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) path: String,
    /// The host that the client dialled.
    pub(crate) host: String,
    pub(crate) phase: Phase,
    pub(crate) queue: VecDeque<Outgoing>,
    pub(crate) payloads: Payloads,
    /// Ends it without a word.
    pub(crate) cut: CancellationToken,
}

impl Connection {
    /// Queues a payload that is no event.
    pub(crate) fn say(&mut self, op: u64, data: &Value) {
        let payload = json!({ "t": null, "s": null, "op": op, "d": data });
        self.queue.push_back(Outgoing::Word(payload.to_string().into()));
    }
}

pub(crate) struct State {
    pub(crate) script: Arc<GatewayScript>,
    pub(crate) records: Records,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) sessions: HashMap<String, Session>,
    /// The identifies of each bot, by its token.
    pub(crate) identifies: HashMap<Secret, Identifies>,
    /// Whether events are held back.
    pub(crate) held: bool,
    /// Whether heartbeats are not acknowledged.
    pub(crate) deaf: bool,
    /// How many dials are still to be refused.
    pub(crate) refusals: usize,
    /// The code with which every new connection is closed.
    pub(crate) close_on_connect: Option<u16>,
    pub(crate) disallowed_intents: u64,
}

impl State {
    pub(crate) fn new(script: Arc<GatewayScript>) -> Self {
        Self {
            disallowed_intents: script.disallowed_intents,
            script,
            records: Records::default(),
            connections: BTreeMap::new(),
            sessions: HashMap::new(),
            identifies: HashMap::new(),
            held: false,
            deaf: false,
            refusals: 0,
            close_on_connect: None,
        }
    }

    /// A connection is open: it is greeted, or closed at once.
    pub(crate) fn open(&mut self, mut connection: Connection, close: Option<u16>) {
        let number = connection.number;
        let interval = self.script.heartbeat_interval.as_millis() as u64;
        let close = close.or(self.close_on_connect);
        if close.is_none() {
            connection.say(HELLO, &json!({ "heartbeat_interval": interval }));
        }
        let now = self.script.clock.now();
        self.connections.insert(number, connection);
        if let Some(code) = close {
            self.close(number, code, now);
        }
    }

    /// What a connection is to be sent next.
    pub(crate) fn next(&mut self, number: u64) -> Option<Outgoing> {
        let held = self.held;
        let queue = &mut self.connections.get_mut(&number)?.queue;
        let at = queue.iter().position(|outgoing| !(held && matches!(outgoing, Outgoing::Event(_))))?;
        queue.remove(at)
    }

    /// Something happened: every session that wants to know is told.
    pub(crate) fn dispatch(&mut self, event: &str, needs: u64, data: &Value, now: Timestamp) {
        self.forget_timed_out(now);
        for session in self.sessions.values_mut().filter(|session| session.wants(needs)) {
            let payload = session.happen(event, data, &self.script);
            if let Some(connection) = session.connection.and_then(|number| self.connections.get_mut(&number)) {
                connection.queue.push_back(Outgoing::Event(payload));
            }
        }
    }

    /// The sessions that nobody came back to are over.
    pub(crate) fn forget_timed_out(&mut self, now: Timestamp) {
        let script = &self.script;
        self.sessions.retain(|_, session| !session.timed_out(now, script));
    }

    /// Closes a connection. Some codes end its session.
    pub(crate) fn close(&mut self, number: u64, code: u16, now: Timestamp) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.queue.push_back(Outgoing::Close(code));
            self.part(number, Phase::Over, close::ends_session(code), now);
        }
    }

    /// Cuts a connection off. What it was not sent yet it never is.
    pub(crate) fn cut(&mut self, number: u64, now: Timestamp) {
        self.part(number, Phase::Over, false, now);
        if let Some(connection) = self.connections.get(&number) {
            connection.cut.cancel();
        }
    }

    /// A connection hears its session no more, which is over, or waits to be resumed.
    pub(crate) fn part(&mut self, number: u64, phase: Phase, session_ends: bool, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let Phase::Identified(id) = std::mem::replace(&mut connection.phase, phase) else { return };
        if session_ends {
            self.sessions.remove(&id);
        } else if let Some(session) = self.sessions.get_mut(&id) {
            session.lose(now);
        }
    }

    /// A connection has ended, by the client's close with this code unless the gateway ended it before.
    pub(crate) fn ended(&mut self, number: u64, code: u16, now: Timestamp) {
        if self.connections.get(&number).is_some_and(|connection| connection.phase != Phase::Over) {
            self.records.closes.push(code);
            self.part(number, Phase::Over, close::is_goodbye(code), now);
        }
        self.connections.remove(&number);
    }

    /// The connections that are neither closed nor cut.
    pub(crate) fn open_connections(&self) -> Vec<u64> {
        self.connections.values().filter(|one| one.phase != Phase::Over).map(|one| one.number).collect()
    }
}
