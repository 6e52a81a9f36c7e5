//! Rooms and accounts.

use serde_json::{Value, json};

use super::Query;
use crate::rocketchat::inside::Inside;
use crate::rocketchat::refusal::Refusal;
use crate::rocketchat::route::Route;
use crate::rocketchat::shape::{Kind, Shape, text};
use crate::rocketchat::state::{Account, RoomKind, RoomState, State};

impl Inside {
    /// All rooms of the caller.
    pub(super) fn rooms_get(&self, caller: &Account, query: &Query) -> Value {
        let since: Option<jiff::Timestamp> = query.get("updatedSince").and_then(|date| date.parse().ok());
        let state = self.state();
        let mine = state.rooms.iter().filter(|room| room.has(&caller.id));
        let update: Vec<Value> =
            mine.filter(|room| since.is_none_or(|since| room.created > since)).map(RoomState::to_json).collect();
        json!({ "update": update, "remove": [], "success": true })
    }

    pub(super) fn rooms_info(&self, caller: &Account, query: &Query) -> Result<Value, Refusal> {
        query.only(&["roomId", "roomName"])?;
        let state = self.state();
        let room = asked_for(&state, query)?;
        if room.archived {
            return Err(Refusal::meteor("error-room-archived", &format!("The channel, {}, is archived", room.name)));
        }
        if !room.readable_by(&caller.id) {
            return Err(Refusal::plain("not-allowed"));
        }
        Ok(json!({ "room": room.to_json(), "success": true }))
    }

    /// `channels.info` and `groups.info`.
    pub(super) fn typed_info(&self, route: Route, caller: &Account, query: &Query) -> Result<Value, Refusal> {
        let (kind, key) = match route {
            Route::ChannelsInfo => (RoomKind::Public, "channel"),
            _ => (RoomKind::Private, "group"),
        };
        let state = self.state();
        let room = asked_for(&state, query)?;
        if room.kind != kind || !room.readable_by(&caller.id) {
            return Err(not_found());
        }
        Ok(json!({ key: room.to_json(), "success": true }))
    }

    pub(super) fn im_list(&self, caller: &Account) -> Value {
        let state = self.state();
        let mine = state.rooms.iter().filter(|room| room.kind == RoomKind::Direct && room.has(&caller.id));
        let ims: Vec<Value> = mine.map(RoomState::to_json).collect();
        json!({ "ims": ims, "count": ims.len(), "offset": 0, "total": ims.len(), "success": true })
    }

    pub(super) fn channels_join(&self, caller: &Account, body: &Value) -> Result<Value, Refusal> {
        const BODY: Shape = Shape {
            required: &[],
            optional: &[("roomId", Kind::Text), ("roomName", Kind::Text), ("joinCode", Kind::Text)],
        };
        let fields = BODY.check(body)?;
        let name = text(fields, "roomId").or_else(|| text(fields, "roomName")).unwrap_or_default();
        let mut state = self.state();
        let id = state.room_called(name).filter(|room| room.kind == RoomKind::Public).map(|room| room.id.clone());
        let room = id.and_then(|id| state.room_mut(&id)).ok_or_else(not_found)?;
        if !room.has(&caller.id) {
            room.members.push(caller.id.clone());
        }
        let channel = room.to_json();
        drop(state);
        self.changed();
        Ok(json!({ "channel": channel, "success": true }))
    }

    /// `channels.members` and its kin: by username, a hundred at most. `filter` is looked for in names, as a part of them and
    /// in whatever case.
    pub(super) fn members(&self, route: Route, caller: &Account, query: &Query) -> Result<Value, Refusal> {
        const MOST: usize = 100;
        query.only(&["roomId", "roomName", "username", "filter", "status", "sort", "count", "offset"])?;
        let kind = match route {
            Route::ChannelsMembers => RoomKind::Public,
            Route::GroupsMembers => RoomKind::Private,
            _ => RoomKind::Direct,
        };
        let filter = query.get("filter").unwrap_or_default().to_lowercase();
        let state = self.state();
        let room = asked_for(&state, query)?;
        if room.kind != kind || !room.readable_by(&caller.id) {
            return Err(not_found());
        }
        let mut members: Vec<&Account> = room.members.iter().filter_map(|id| state.account(id)).collect();
        members.retain(|account| {
            [&account.username, &account.name].into_iter().any(|name| name.to_lowercase().contains(&filter))
        });
        members.sort_by_key(|account| &account.username);
        let (offset, total) = (query.number("offset", 0), members.len());
        let page: Vec<Value> = members
            .into_iter()
            .skip(offset)
            .take(query.number("count", 50).min(MOST))
            .map(|account| {
                json!({ "_id": account.id, "username": account.username, "name": account.name, "status": "online" })
            })
            .collect();
        Ok(json!({ "members": page, "count": page.len(), "offset": offset, "total": total, "success": true }))
    }

    pub(super) fn users_info(&self, query: &Query) -> Result<Value, Refusal> {
        let state = self.state();
        let account = match (query.get("userId"), query.get("username")) {
            (Some(id), _) => state.account(id),
            (None, Some(username)) => state.account_named(username),
            (None, None) => return Err(Refusal::schema(&["must have required property 'userId'".to_owned()])),
        };
        let account = account.ok_or_else(|| Refusal::plain("User not found."))?;
        Ok(json!({ "user": account.to_json(), "success": true }))
    }
}

fn asked_for<'a>(state: &'a State, query: &Query) -> Result<&'a RoomState, Refusal> {
    let room = match (query.get("roomId"), query.get("roomName")) {
        (Some(id), _) => state.room(id),
        (None, Some(name)) => state.room_called(name),
        (None, None) => {
            let reason = "The parameter \"roomId\" or \"roomName\" is required";
            return Err(Refusal::meteor("error-roomid-param-not-provided", reason));
        }
    };
    room.ok_or_else(not_found)
}

fn not_found() -> Refusal {
    let reason = "The required \"roomId\" or \"roomName\" param provided does not match any channel";
    Refusal::meteor("error-room-not-found", reason)
}
