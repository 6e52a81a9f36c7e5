//! The rooms that the bot is in, their names, and the bot's own name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tieline_core::driver::Sources;

use crate::api::Api;
use crate::realtime::Wanted;
use crate::refusal::Failure;

/// What REST told of the bot, and the realtime API since.
#[derive(Debug, Default)]
pub(crate) struct Roster(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By id; a direct message has no name.
    rooms: BTreeMap<String, String>,
    username: String,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the server.
    pub(crate) async fn look_up(&self, api: &Api) -> Result<(), Failure> {
        let me = api.get("me", &[]).await?.body;
        api.login.learn_name(me["username"].as_str().unwrap_or_default());
        let rooms = api.get("rooms.get", &[]).await?.body;
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let joined = rooms["update"].as_array().into_iter().flatten();
        let rooms = joined.map(|room| (text(room, "_id"), text(room, "name")));
        *self.lock() =
            Known { rooms: rooms.filter(|(id, _)| !id.is_empty()).collect(), username: text(&me, "username") };
        Ok(())
    }

    /// What is to be heard, by the rules that are in force.
    pub(crate) fn wanted(&self, sources: &dyn Sources) -> Wanted {
        match sources.named() {
            Some(named) => Wanted { every: false, rooms: named.into_iter().map(String::from).collect() },
            None => Wanted { every: true, rooms: self.lock().rooms.keys().cloned().collect::<BTreeSet<_>>() },
        }
    }

    /// The bot joined or left a room, or the room has another name: `[how, subscription]`.
    pub(crate) fn hear(&self, args: &[Value]) {
        let [how, subscription, ..] = args else { return };
        let Some(room) = subscription["rid"].as_str() else { return };
        let mut known = self.lock();
        if how == "removed" {
            known.rooms.remove(room);
        } else {
            let named = subscription["t"] != "d";
            let name = subscription["name"].as_str().filter(|_| named).unwrap_or_default();
            known.rooms.insert(room.to_owned(), name.to_owned());
        }
    }

    /// The name of a room, where it is known.
    pub(crate) fn name(&self, room: &str) -> Option<String> {
        self.lock().rooms.get(room).filter(|name| !name.is_empty()).cloned()
    }

    pub(crate) fn username(&self) -> String {
        self.lock().username.clone()
    }
}
