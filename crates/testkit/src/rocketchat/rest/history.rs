//! `channels.history` and its kin.

use serde_json::{Value, json};

use super::Query;
use crate::rocketchat::inside::Inside;
use crate::rocketchat::message::FakeMessage;
use crate::rocketchat::refusal::Refusal;
use crate::rocketchat::route::Route;
use crate::rocketchat::state::{Account, RoomKind};

impl Inside {
    /// The messages of a room, newest first, 20 unless told.
    pub(super) fn history(&self, route: Route, caller: &Account, query: &Query) -> Result<Value, Refusal> {
        const KNOWN: [&str; 10] = [
            "roomId",
            "roomName",
            "latest",
            "oldest",
            "inclusive",
            "unreads",
            "showThreadMessages",
            "count",
            "offset",
            "sort",
        ];
        query.only(&KNOWN)?;
        let state = self.state();
        let (kind, room) = match route {
            Route::ChannelsHistory => {
                let named = query.get("roomId").or_else(|| query.get("roomName"));
                (RoomKind::Public, named.and_then(|name| state.room_called(name)))
            }
            Route::GroupsHistory => (RoomKind::Private, state.room(query.need("roomId")?)),
            _ => (RoomKind::Direct, state.room(query.need("roomId")?)),
        };
        let room = room.filter(|room| room.kind == kind && room.readable_by(&caller.id)).ok_or_else(|| {
            Refusal::meteor(
                "error-room-not-found",
                "The required \"roomId\" or \"roomName\" param provided does not match any channel",
            )
        })?;
        let date = |key: &str| -> Result<Option<jiff::Timestamp>, Refusal> {
            let parsed = query.get(key).map(str::parse).transpose();
            parsed.map_err(|_| Refusal::schema(&[format!("{key} must be a date")]))
        };
        let (oldest, latest) = (date("oldest")?, date("latest")?);
        let inclusive = query.get("inclusive") == Some("true");
        let threads = query.get("showThreadMessages") != Some("false");
        let wanted = |message: &&FakeMessage| {
            let after = oldest.is_none_or(|oldest| message.time > oldest || (inclusive && message.time == oldest));
            let before = latest.is_none_or(|latest| message.time < latest || (inclusive && message.time == latest));
            message.room == room.id && after && before && (threads || message.tmid.is_none())
        };
        let page: Vec<Value> = state
            .messages
            .iter()
            .rev()
            .filter(wanted)
            .skip(query.number("offset", 0))
            .take(query.number("count", 20))
            .map(FakeMessage::to_json)
            .collect();
        Ok(json!({ "messages": page, "success": true }))
    }
}
