//! What is known about rooms: their names and kinds, and whether the bot has joined them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::api::Api;
use crate::refusal::Failure;

/// What `rooms.info` says about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomFacts {
    /// Its name; empty for a direct message.
    pub(crate) name: String,
    /// `c` public, `p` private, `d` direct, `l` livechat.
    pub(crate) kind: String,
}

impl RoomFacts {
    pub(crate) fn read(room: &Value) -> Self {
        let text = |key: &str| room.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { name: text("name"), kind: text("t") }
    }

    /// The part of a link to it that says its kind.
    pub(crate) fn in_links(&self) -> &'static str {
        match self.kind.as_str() {
            "p" => "group",
            "d" => "direct",
            _ => "channel",
        }
    }

    /// The call that lists its messages.
    pub(crate) fn history(&self) -> &'static str {
        match self.kind.as_str() {
            "p" => "groups.history",
            "d" => "im.history",
            _ => "channels.history",
        }
    }

    /// The call that lists who is in it, if there is one for its kind.
    pub(crate) fn members(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "c" => Some("channels.members"),
            "p" => Some("groups.members"),
            "d" => Some("im.members"),
            _ => None,
        }
    }
}

/// The rooms that were written to. One entry for each, so it grows no further than the rules do.
#[derive(Debug, Default)]
pub(crate) struct RoomBook(Mutex<HashMap<String, Arc<RoomFacts>>>);

impl RoomBook {
    /// What is known about a room, asking the server and joining a public room first if it is new to us.
    pub(crate) async fn enter(&self, api: &Api, room: &str) -> Result<Arc<RoomFacts>, Failure> {
        if let Some(known) = self.known(room) {
            return Ok(known);
        }
        let answer = api.get("rooms.info", &[("roomId", room)]).await?;
        let facts = Arc::new(RoomFacts::read(answer.body.get("room").unwrap_or(&Value::Null)));
        if facts.kind == "c" {
            api.post("channels.join", &json!({ "roomId": room })).await?;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(room.to_owned(), Arc::clone(&facts));
        Ok(facts)
    }

    pub(crate) fn known(&self, room: &str) -> Option<Arc<RoomFacts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(room).cloned()
    }

    /// Forgets a room, so that it is asked for and joined again.
    pub(crate) fn forget(&self, room: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(room);
    }
}
