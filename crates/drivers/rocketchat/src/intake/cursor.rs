//! How far we have come in what rooms say, as it is kept in the outbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tieline_core::driver::{CursorError, Cursors};

use crate::instance::Instance;

/// The cursor's name.
const NAME: &str = "realtime";

/// For each room where it begins and the latest change that is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cursor {
    /// Where the ids are unique. What another server said is of no use.
    realm: String,
    rooms: BTreeMap<String, Place>,
}

/// A place in what a room says. Times are the server's, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// What was posted before this is none of ours: nobody listened yet.
    pub(crate) from: i64,
    /// What changed until then is on disk.
    pub(crate) reached: i64,
}

impl Cursor {
    /// Reads it. What cannot be understood, or is another server's, counts as none.
    pub(crate) async fn read(cursors: &dyn Cursors, instance: &Instance) -> Result<Self, CursorError> {
        let new = Self { realm: instance.realm.clone(), rooms: BTreeMap::new() };
        let Some(kept) = cursors.get(NAME).await? else { return Ok(new) };
        match serde_json::from_str::<Self>(&kept) {
            Ok(cursor) if cursor.realm == instance.realm => Ok(cursor),
            Ok(_) => Ok(new),
            Err(error) => {
                tracing::warn!(
                    instance = %instance.id, %error,
                    "The place in what Rocket.Chat told cannot be read; what was written while tieline did not run is missed"
                );
                Ok(new)
            }
        }
    }

    /// Keeps it.
    pub(crate) async fn write(&self, cursors: &dyn Cursors) -> Result<(), CursorError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        cursors.set(NAME, &text).await
    }

    /// How far we have come in a room; `None`: it was never heard.
    pub(crate) fn of(&self, room: &str) -> Option<Place> {
        self.rooms.get(room).copied()
    }

    /// A room is heard for the first time.
    pub(crate) fn begin(&mut self, room: &str, now: i64) {
        self.rooms.insert(room.to_owned(), Place { from: now, reached: now });
    }

    /// What a room said until then is on disk.
    pub(crate) fn reach(&mut self, room: &str, at: i64) {
        if let Some(place) = self.rooms.get_mut(room) {
            place.reached = place.reached.max(at);
        }
    }

    /// Something that was posted then was heard, so the server's clock is behind ours.
    pub(crate) fn heard(&mut self, room: &str, posted: i64) {
        if let Some(place) = self.rooms.get_mut(room) {
            place.from = place.from.min(posted);
        }
    }
}
