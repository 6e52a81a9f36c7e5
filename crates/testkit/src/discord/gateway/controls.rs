//! What a test does to connections and sessions.

use serde_json::Value;

use super::payload::{HEARTBEAT, RECONNECT};
use super::server::Gateway;

impl Gateway {
    /// Every connection breaks, without a close; what is on its way to the clients may be lost. Sessions wait to be
    /// resumed.
    pub fn cut(&self) {
        let now = self.inside.now();
        self.inside.change(|state| {
            for number in state.connections.keys().copied().collect::<Vec<_>>() {
                state.cut(number, now);
            }
        });
    }

    /// Closes every connection with this code. 4004, 4007, 4009 and those from 4010 on end the sessions, too.
    pub fn close_with(&self, code: u16) {
        let now = self.inside.now();
        self.inside.change(|state| {
            for number in state.open_connections() {
                state.close(number, code, now);
            }
        });
    }

    /// Asks every client to reconnect and resume (opcode 7). Until it does, it hears on.
    pub fn reconnect(&self) {
        self.say(RECONNECT);
    }

    /// Asks every client for a heartbeat at once (opcode 1).
    pub fn request_heartbeat(&self) {
        self.say(HEARTBEAT);
    }

    fn say(&self, op: u64) {
        self.inside.change(|state| {
            for number in state.open_connections() {
                if let Some(connection) = state.connections.get_mut(&number) {
                    connection.say(op, &Value::Null);
                }
            }
        });
    }

    /// Tells every client that its session is invalid (opcode 9). If it is not `resumable`, it is over.
    pub fn invalidate(&self, resumable: bool) {
        let now = self.inside.now();
        self.inside.change(|state| {
            for number in state.open_connections() {
                state.invalidate(number, resumable, now);
            }
        });
    }

    /// Heartbeats are not acknowledged from now on, as if the other end were gone.
    pub fn stop_acknowledging(&self) {
        self.inside.change(|state| state.deaf = true);
    }

    /// Heartbeats are acknowledged again.
    pub fn acknowledge(&self) {
        self.inside.change(|state| state.deaf = false);
    }

    /// The sessions that nobody hears now cannot be resumed any more: as if they had timed out.
    pub fn forget_sessions(&self) {
        self.inside.change(|state| state.sessions.retain(|_, session| session.connection.is_some()));
    }

    /// The next so many requests for a WebSocket are answered 503.
    pub fn refuse_connections(&self, count: usize) {
        self.inside.change(|state| state.refusals = count);
    }

    /// Every new connection is closed with this code before Hello; `None`: no more.
    pub fn close_on_connect(&self, code: impl Into<Option<u16>>) {
        let code = code.into();
        self.inside.change(|state| state.close_on_connect = code);
    }

    /// From now on the bot may not name these intents: identifies with them are closed with 4014.
    pub fn disallow_intents(&self, intents: u64) {
        self.inside.change(|state| state.disallowed_intents = intents);
    }

    /// Events happen from now on, but are not sent: not READY or RESUMED either.
    pub fn hold_events(&self) {
        self.inside.change(|state| state.held = true);
    }

    /// Sends what was held back.
    pub fn release_events(&self) {
        self.inside.change(|state| state.held = false);
    }
}
