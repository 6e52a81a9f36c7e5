//! What the server tells: every change of a message with the whole message, deletions, and who joined or left.

use serde_json::{Value, json};

use super::hearing::MY_MESSAGES;
use crate::rocketchat::inside::Inside;
use crate::rocketchat::message::FakeMessage;
use crate::rocketchat::state::RoomState;

impl Inside {
    /// A message is new, or something about it changed.
    pub(crate) fn tell_message(&self, message: &FakeMessage) {
        let Some(room) = self.state().room(&message.room).cloned() else { return };
        let whole = as_ddp(message.to_json());
        self.tell("stream-room-messages", |user, key| {
            if !room.readable_by(user) {
                // The stream stops without a word.
                return None;
            }
            let facts = json!({
                "roomParticipant": room.has(user), "roomType": room.kind.letter(), "roomName": room.name,
            });
            match key {
                MY_MESSAGES => Some(json!([whole, facts])),
                _ => (key == room.id).then(|| json!([whole])),
            }
        });
    }

    /// A message is gone.
    pub(crate) fn tell_deleted(&self, room: &str, message: &str) {
        self.tell_room(room, "deleteMessage", &json!({ "_id": message }));
    }

    /// Something happened to a room, which its members are told.
    pub(crate) fn tell_room(&self, room: &str, what: &str, said: &Value) {
        let Some(room) = self.state().room(room).cloned() else { return };
        let wanted = format!("{}/{what}", room.id);
        self.tell("stream-notify-room", |user, key| (key == wanted && room.has(user)).then(|| json!([said])));
    }

    /// Somebody joined or left a room.
    pub(crate) fn tell_membership(&self, user: &str, room: &RoomState, how: &str) {
        let wanted = format!("{user}/subscriptions-changed");
        let subscription = json!({
            "_id": format!("sub-{user}-{}", room.id), "rid": room.id, "name": room.name, "fname": room.name,
            "t": room.kind.letter(), "u": { "_id": user },
        });
        self.tell("stream-notify-user", |_, key| (key == wanted).then(|| json!([how, subscription])));
    }

    /// Tells everybody who subscribed to a stream what is theirs of it, once for each subscription.
    fn tell(&self, stream: &str, args: impl Fn(&str, &str) -> Option<Value>) {
        {
            let mut ddp = self.ddp.lock();
            for connection in ddp.open.values_mut() {
                let Some(user) = connection.user.clone() else { continue };
                for sub in connection.subs.clone().iter().filter(|sub| sub.stream == stream) {
                    if let Some(args) = args(&user, &sub.key) {
                        let fields = json!({ "eventName": sub.key, "args": args });
                        connection
                            .say(&json!({ "msg": "changed", "collection": stream, "id": "id", "fields": fields }));
                    }
                }
            }
        }
        self.changed();
    }
}

/// A message with its dates as DDP writes them.
fn as_ddp(mut message: Value) -> Value {
    for key in ["ts", "_updatedAt", "editedAt", "tlm", "pinnedAt"] {
        let time = message.get(key).and_then(Value::as_str).and_then(|time| time.parse::<jiff::Timestamp>().ok());
        if let Some(time) = time {
            message[key] = date(time);
        }
    }
    message
}

/// A date as DDP writes it.
pub(crate) fn date(time: jiff::Timestamp) -> Value {
    json!({ "$date": time.as_millisecond() })
}
