//! The gateway as the server and a test hold it.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use serde_json::Value;
use tieline_core::secret::Secret;

use super::handshake;
use super::inside::Inside;
use super::intents;
use super::records::{Dial, Heard, Heartbeat, Identify, Resume, SessionSeen};
use super::script::GatewayScript;
use super::state::State;
use crate::port::Answer;

/// How long a `wait_…` waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A fake gateway. Its connections end when it is dropped.
pub struct Gateway {
    pub(super) inside: Arc<Inside>,
}

/// What a bot is told when it has identified.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyData {
    /// The bot's user.
    pub user: Value,
    /// The id of its application.
    pub application_id: String,
    /// Its guilds, each as `GUILD_CREATE` tells it.
    pub guilds: Vec<Value>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.inside.ended.cancel();
    }
}

impl Gateway {
    /// A gateway that knows no bot yet; see [`set_ready`](Self::set_ready).
    pub fn new(script: GatewayScript) -> Self {
        Self { inside: Arc::new(Inside::new(script)) }
    }

    /// Opens a WebSocket for a request to `/gateway` or `/gateway/resume`, and talks over it from then on; or refuses.
    /// A connection outlives the HTTP connection that it came from: when the port is closed, it must be
    /// [cut](Self::cut).
    pub(crate) fn serve(&self, request: Request<Incoming>) -> Answer {
        handshake::answer(&self.inside, request)
    }

    /// Who a bot is, asked with its token whenever one identifies or resumes; `None`: the token is wrong. What is given
    /// here must not keep the gateway alive.
    pub fn set_ready(&self, ready: impl Fn(&str) -> Option<ReadyData> + Send + Sync + 'static) {
        self.inside.set_ready(Arc::new(ready));
    }

    /// Something happened: every session that has the intents `needs` is told, now or when it is resumed. Of messages,
    /// a session without `MESSAGE_CONTENT` is told only what it may see.
    pub fn dispatch(&self, event: &str, needs: u64, data: &Value) {
        let now = self.inside.now();
        self.inside.change(|state| state.dispatch(event, needs, data, now));
    }

    /// `session_start_limit` of `GET /gateway/bot` for a bot.
    pub fn session_start_limit(&self, token: &str) -> Value {
        let now = self.inside.now();
        self.inside.quietly(|state| {
            let script = Arc::clone(&state.script);
            state.identifies.entry(Secret::new(token)).or_default().limit(now, &script)
        })
    }

    /// Whether a bot identified so often that its token was reset: nothing takes it any more.
    pub fn token_was_reset(&self, token: &str) -> bool {
        self.inside.look(|state| state.identifies.get(&Secret::new(token)).is_some_and(|bot| bot.token_reset))
    }

    /// The flags of an application, by the privileged intents that are switched on.
    pub fn application_flags(&self) -> u64 {
        self.inside.look(|state| intents::application_flags(state.disallowed_intents))
    }

    // === what happened ===

    /// Every request for a WebSocket, in order; refused ones, too.
    pub fn dials(&self) -> Vec<Dial> {
        self.inside.look(|state| state.records.dials.clone())
    }

    /// Everything that clients sent, in order.
    pub fn received(&self) -> Vec<Heard> {
        self.inside.look(|state| state.records.heard.clone())
    }

    /// The identifies, in order; refused ones, too.
    pub fn identifies(&self) -> Vec<Identify> {
        self.inside.look(|state| state.records.identifies.clone())
    }

    /// The resumes, in order; refused ones, too.
    pub fn resumes(&self) -> Vec<Resume> {
        self.inside.look(|state| state.records.resumes.clone())
    }

    /// The heartbeats, in order.
    pub fn heartbeats(&self) -> Vec<Heartbeat> {
        self.inside.look(|state| state.records.heartbeats.clone())
    }

    /// The codes with which clients closed, in order: 1005 is a close without a code, 1006 a line that broke. What the
    /// gateway closed or cut itself is not among them.
    pub fn closes(&self) -> Vec<u16> {
        self.inside.look(|state| state.records.closes.clone())
    }

    /// The sessions that can be heard or resumed, the oldest first.
    pub fn sessions(&self) -> Vec<SessionSeen> {
        let now = self.inside.now();
        self.inside.quietly(|state| {
            state.forget_timed_out(now);
            let mut sessions: Vec<_> = state.sessions.values().map(SessionSeen::of).collect();
            sessions.sort_by(|one, other| one.id.cmp(&other.id));
            sessions
        })
    }

    /// Waits until so often a WebSocket was asked for. Panics after 20 s.
    pub async fn wait_for_dials(&self, count: usize) -> Vec<Dial> {
        let enough = |state: &State| Some(state.records.dials.clone()).filter(|all| all.len() >= count);
        self.until(&format!("{count} dials"), enough).await
    }

    /// Waits until so many sessions have begun. Panics after 20 s.
    pub async fn wait_for_identified(&self, count: usize) {
        let begun = |state: &State| state.records.identifies.iter().filter(|one| one.session.is_some()).count();
        self.until(&format!("{count} sessions"), |state| (begun(state) >= count).then_some(())).await;
    }

    /// Waits until sessions were resumed so many times. Panics after 20 s.
    pub async fn wait_for_resumed(&self, count: usize) {
        let resumed = |state: &State| state.records.resumes.iter().filter(|one| one.resumed).count();
        self.until(&format!("{count} resumed sessions"), |state| (resumed(state) >= count).then_some(())).await;
    }

    /// Waits until so many heartbeats came. Panics after 20 s.
    pub async fn wait_for_heartbeats(&self, count: usize) -> Vec<Heartbeat> {
        let enough = |state: &State| Some(state.records.heartbeats.clone()).filter(|all| all.len() >= count);
        self.until(&format!("{count} heartbeats"), enough).await
    }

    /// Waits until clients closed so many connections. Panics after 20 s.
    pub async fn wait_for_closes(&self, count: usize) -> Vec<u16> {
        let enough = |state: &State| Some(state.records.closes.clone()).filter(|all| all.len() >= count);
        self.until(&format!("{count} closes"), enough).await
    }

    /// Waits until a session is heard over an open connection. Panics after 20 s.
    pub async fn wait_until_connected(&self) {
        let heard = |state: &State| state.sessions.values().any(|session| session.connection.is_some());
        self.until("a connected session", |state| heard(state).then_some(())).await;
    }

    async fn until<T>(&self, wanted: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let found = self.inside.until(PATIENCE, look).await;
        found.unwrap_or_else(|| {
            let ops: Vec<_> = self.received().iter().map(|heard| heard.op).collect();
            let (dials, closes) = (self.dials().len(), self.closes());
            panic!("there were not {wanted}, but {dials} dials, payloads of opcodes {ops:?}, and closes {closes:?}")
        })
    }
}
