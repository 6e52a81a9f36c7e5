//! The connections, and what the server remembers of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::realtime::{RealtimeDial, Subscribed};

/// So many bytes may wait for a client that does not read, before it is closed as too slow.
const BACKLOG: usize = 4 * 1024 * 1024;

/// The first frame was no `connect`, or an id or a method is missing.
pub(crate) const PROTOCOL_ERROR: u16 = 1002;
/// A frame is no JSON.
pub(crate) const BAD_JSON: u16 = 1007;
/// The client does not read.
pub(crate) const SLOW_READER: u16 = 1013;
/// The client kept silent after a ping.
pub(crate) const SILENT: u16 = 4000;

/// What goes out to a client.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Frame(String),
    Close(u16),
}

/// A subscription to one key of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Sub {
    pub(crate) id: String,
    pub(crate) stream: String,
    pub(crate) key: String,
}

#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Whether it said `connect`.
    pub(crate) connected: bool,
    /// Whether it is being closed.
    pub(crate) over: bool,
    /// The account that logged in.
    pub(crate) user: Option<String>,
    pub(crate) subs: Vec<Sub>,
    queue: VecDeque<Outgoing>,
    waiting: usize,
    pub(crate) cut: CancellationToken,
}

impl Connection {
    /// A connection that a token can cut.
    pub(crate) fn new(cut: CancellationToken) -> Self {
        Self { cut, ..Self::default() }
    }

    pub(crate) fn say(&mut self, frame: &Value) {
        if self.over {
            return;
        }
        let text = frame.to_string();
        self.waiting += text.len();
        self.queue.push_back(Outgoing::Frame(text));
        if self.waiting > BACKLOG {
            self.close(SLOW_READER);
        }
    }

    /// Closes behind what was said; a slow reader is closed without it.
    pub(crate) fn close(&mut self, code: u16) {
        if code == SLOW_READER {
            self.queue.clear();
        }
        self.over = true;
        self.queue.push_back(Outgoing::Close(code));
    }
}

/// Everything that the realtime API knows.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) open: BTreeMap<u64, Connection>,
    pub(crate) dials: Vec<RealtimeDial>,
    pub(crate) heard: Vec<Value>,
    pub(crate) subscribed: Vec<Subscribed>,
    pub(crate) logins: usize,
    /// The codes with which clients closed; 1005 is a close without a code, 1006 a line that broke.
    pub(crate) closes: Vec<u16>,
    /// So many of the next requests are refused.
    pub(crate) refusals: usize,
    /// Nothing is answered or said.
    pub(crate) deaf: bool,
    /// How long each frame takes to leave.
    pub(crate) slow: Duration,
}

impl Connections {
    /// What a connection is to be sent next.
    pub(crate) fn next(&mut self, number: u64) -> Option<Outgoing> {
        if self.deaf {
            return None;
        }
        let connection = self.open.get_mut(&number)?;
        let next = connection.queue.pop_front()?;
        if let Outgoing::Frame(text) = &next {
            connection.waiting -= text.len();
        }
        Some(next)
    }
}

/// The realtime API of a server.
#[derive(Debug, Default)]
pub(crate) struct Ddp(Mutex<Connections>);

impl Ddp {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Connections> {
        // What a panicking test left behind is still the state of the server.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
