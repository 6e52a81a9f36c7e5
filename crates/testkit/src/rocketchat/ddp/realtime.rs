//! The realtime API as a test holds it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::connection::Connections;
use super::hearing::tell_activity;
use super::telling::date;
use crate::rocketchat::inside::Inside;
use crate::rocketchat::server::FakeRocketChat;
use crate::rocketchat::state::User;

/// How long a `wait_…` waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The realtime API of a fake server.
#[derive(Clone, Copy)]
pub struct Realtime<'s> {
    pub(crate) inside: &'s Inside,
}

/// A request for a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealtimeDial {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// When it came, by the server's clock.
    pub time: Timestamp,
    /// The status with which it was refused.
    pub refused: Option<u16>,
}

/// A wish to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Over which connection: the number of its dial, the first being 0.
    pub connection: u64,
    /// The stream: `stream-room-messages`.
    pub stream: String,
    /// What of it: a room's id, `{rid}/deleteMessage`.
    pub key: String,
    /// Whether it was refused.
    pub refused: bool,
}

impl FakeRocketChat {
    /// Its realtime API.
    pub fn realtime(&self) -> Realtime<'_> {
        Realtime { inside: &self.inside }
    }

    /// Deletes every message of a room at once, as pruning does. `with_ids`: whether the server says which; older ones
    /// only say from when to when.
    pub fn prune(&self, room: &str, with_ids: bool) {
        let gone = self.inside.prune(room);
        let (first, last) = (gone.first().map(|(_, time)| *time), gone.last().map(|(_, time)| *time));
        let (Some(first), Some(last)) = (first, last) else { return };
        let second = jiff::SignedDuration::from_secs(1);
        let mut said = json!({
            "rid": room, "excludePinned": false, "ignoreDiscussion": true, "users": [],
            "ts": { "$gt": date(first - second), "$lt": date(last + second) },
        });
        if with_ids {
            said["ids"] = gone.iter().map(|(id, _)| json!(id)).collect();
        }
        self.inside.tell_room(room, "deleteMessageBulk", &said);
    }
}

impl Realtime<'_> {
    fn change(self, change: impl FnOnce(&mut Connections)) {
        change(&mut self.inside.ddp.lock());
        self.inside.changed();
    }

    /// Every connection breaks, without a close.
    pub fn cut(self) {
        self.change(|ddp| ddp.open.values().for_each(|connection| connection.cut.cancel()));
    }

    /// Closes every connection with this code: 4000, 1013, 1012.
    pub fn close_with(self, code: u16) {
        self.change(|ddp| ddp.open.values_mut().for_each(|connection| connection.close(code)));
    }

    /// From now on nothing is said or answered; what there is to say waits. Or that ends.
    pub fn set_deaf(self, deaf: bool) {
        self.change(|ddp| ddp.deaf = deaf);
    }

    /// From now on every frame takes so long to leave.
    pub fn set_slow(self, slow: Duration) {
        self.change(|ddp| ddp.slow = slow);
    }

    /// The next so many requests for a WebSocket are answered 503.
    pub fn refuse(self, count: usize) {
        self.change(|ddp| ddp.refusals = count);
    }

    /// Asks every client for a sign of life.
    pub fn ping(self, id: &str) {
        self.change(|ddp| ddp.open.values_mut().for_each(|one| one.say(&json!({ "msg": "ping", "id": id }))));
    }

    /// Sends every client a frame.
    pub fn say(self, frame: &Value) {
        self.change(|ddp| ddp.open.values_mut().for_each(|connection| connection.say(frame)));
    }

    /// Somebody begins to type in a room, or stops.
    pub fn types(self, user: &User, room: &str, types: bool) {
        let what = if types { json!(["user-typing"]) } else { json!([]) };
        let said = [json!(user.username), what, json!({})];
        self.change(|ddp| tell_activity(ddp, None, &format!("{room}/user-activity"), &said));
    }

    /// Sends a message to whoever hears its room once more, as the server does when a link's preview is there.
    pub fn tell_again(self, message: &str) {
        let message = self.inside.state().message(message).cloned();
        if let Some(message) = message {
            self.inside.tell_message(&message);
        }
    }

    /// Every request for a WebSocket, in order; refused ones, too.
    pub fn dials(self) -> Vec<RealtimeDial> {
        self.inside.ddp.lock().dials.clone()
    }

    /// Everything that clients said, in order, credentials apart.
    pub fn frames(self) -> Vec<Value> {
        self.inside.ddp.lock().heard.clone()
    }

    /// Every wish to subscribe, in order.
    pub fn subscribed(self) -> Vec<Subscribed> {
        self.inside.ddp.lock().subscribed.clone()
    }

    /// The codes with which clients closed, in order: 1005 is a close without a code, 1006 a line that broke.
    pub fn closes(self) -> Vec<u16> {
        self.inside.ddp.lock().closes.clone()
    }

    /// How many logins succeeded.
    pub fn logins(self) -> usize {
        self.inside.ddp.lock().logins
    }

    /// Waits until so often a WebSocket was asked for. Panics after 20 s.
    pub async fn wait_for_dials(self, count: usize) {
        self.until(&format!("{count} dials"), |ddp| ddp.dials.len() >= count).await;
    }

    /// Waits until somebody said something. Panics after 20 s.
    pub async fn wait_for_frame(self, wanted: impl Fn(&Value) -> bool) {
        self.until("such a frame", |ddp| ddp.heard.iter().any(&wanted)).await;
    }

    /// Waits until somebody subscribed to something over an open connection. Panics after 20 s.
    pub async fn wait_for_subscription(self, key: &str) {
        let heard = |ddp: &Connections| ddp.open.values().any(|one| one.subs.iter().any(|sub| sub.key == key));
        self.until(&format!("a subscription to {key}"), heard).await;
    }

    async fn until(self, wanted: &str, look: impl Fn(&Connections) -> bool) {
        let mut changes = self.inside.watch();
        let found = async {
            while !look(&self.inside.ddp.lock()) {
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, found).await.is_err() {
            let (dials, subs) = (self.dials().len(), self.subscribed());
            panic!("there were not {wanted}, but {dials} dials, {:?} and {subs:?}", self.frames());
        }
    }
}
