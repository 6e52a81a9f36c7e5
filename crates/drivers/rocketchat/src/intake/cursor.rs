//! How far we have come in what rooms say, and what stood there, as it is kept in the outbox.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tieline_core::driver::{CursorError, Cursors};

use super::memory::Reactions;
use crate::instance::Instance;

/// The cursor's name.
const ROOMS: &str = "rooms";
/// The name under which it is kept who reacted.
const REACTIONS: &str = "reactions";

/// For each room where it begins and the latest change that is on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
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
    /// When the server was asked last what changed, by our clock.
    #[serde(default)]
    pub(crate) asked: i64,
}

/// Something that is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<T> {
    /// Where the ids are unique. What another server said is of no use.
    realm: String,
    kept: T,
}

impl Cursor {
    /// Reads it. What cannot be understood, or is another server's, counts as none.
    pub(crate) async fn read(cursors: &dyn Cursors, instance: &Instance) -> Result<Self, CursorError> {
        let rooms = read(cursors, ROOMS, instance).await?;
        Ok(Self { realm: instance.realm.clone(), rooms })
    }

    /// Keeps it.
    pub(crate) async fn write(&self, cursors: &dyn Cursors) -> Result<(), CursorError> {
        write(cursors, ROOMS, &self.realm, &self.rooms).await
    }

    /// Reads who had reacted to the latest messages, by their ids.
    pub(crate) async fn reactions(
        cursors: &dyn Cursors,
        instance: &Instance,
    ) -> Result<BTreeMap<String, Reactions>, CursorError> {
        read(cursors, REACTIONS, instance).await
    }

    /// Keeps who has reacted to the latest messages.
    pub(crate) async fn write_reactions(
        &self,
        cursors: &dyn Cursors,
        reactions: &BTreeMap<String, Reactions>,
    ) -> Result<(), CursorError> {
        write(cursors, REACTIONS, &self.realm, reactions).await
    }

    /// How far we have come in a room; `None`: it was never heard.
    pub(crate) fn of(&self, room: &str) -> Option<Place> {
        self.rooms.get(room).copied()
    }

    /// A room is heard for the first time: what is posted from this time on.
    pub(crate) fn begin(&mut self, room: &str, at: i64, now: i64) {
        self.rooms.insert(room.to_owned(), Place { from: at, reached: at, asked: now });
    }

    /// The server was asked what changed in a room. That alone is not worth a write.
    pub(crate) fn asked(&mut self, room: &str, now: i64) {
        if let Some(place) = self.rooms.get_mut(room) {
            place.asked = now;
        }
    }

    /// What a room said until then is on disk. Whether that is further than before.
    pub(crate) fn reach(&mut self, room: &str, at: i64) -> bool {
        let behind = self.rooms.get_mut(room).filter(|place| place.reached < at);
        behind.map(|place| place.reached = at).is_some()
    }

    /// Something that was posted then was heard, so the server's clock is behind ours.
    pub(crate) fn heard(&mut self, room: &str, posted: i64) {
        if let Some(place) = self.rooms.get_mut(room) {
            place.from = place.from.min(posted);
        }
    }

    /// Forgets the rooms that are not heard any more: they will begin anew. Whether there were any.
    pub(crate) fn retain(&mut self, heard: impl Fn(&str) -> bool) -> bool {
        let before = self.rooms.len();
        self.rooms.retain(|room, _| heard(room));
        self.rooms.len() < before
    }
}

async fn read<T: DeserializeOwned + Default>(
    cursors: &dyn Cursors,
    name: &str,
    instance: &Instance,
) -> Result<T, CursorError> {
    let Some(kept) = cursors.get(name).await? else { return Ok(T::default()) };
    match serde_json::from_str::<Kept<T>>(&kept) {
        Ok(kept) if kept.realm == instance.realm => Ok(kept.kept),
        Ok(_) => Ok(T::default()),
        Err(error) => {
            tracing::warn!(
                instance = %instance.id, name, %error,
                "The place in what Rocket.Chat told cannot be read; what was written while tieline did not run is missed"
            );
            Ok(T::default())
        }
    }
}

async fn write<T: Serialize>(cursors: &dyn Cursors, name: &str, realm: &str, kept: &T) -> Result<(), CursorError> {
    let failed = |error: serde_json::Error| CursorError { name: name.to_owned(), why: error.to_string() };
    let text = serde_json::to_string(&Kept { realm: realm.to_owned(), kept }).map_err(failed)?;
    cursors.set(name, &text).await
}
