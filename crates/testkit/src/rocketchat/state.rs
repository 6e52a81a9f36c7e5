//! What the server knows: accounts, rooms, messages, files, integrations.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::incoming::HookState;
use super::message::{FakeFile, FakeMessage, iso};
use super::outgoing::HookCalls;

/// What kind of room a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// A public channel (`c`).
    Public,
    /// A private group (`p`).
    Private,
    /// A direct message (`d`): it has no name.
    Direct,
}

impl RoomKind {
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Public => "c",
            Self::Private => "p",
            Self::Direct => "d",
        }
    }
}

/// An account with credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: String,
    /// Its username.
    pub username: String,
    /// A personal access token.
    pub token: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) password: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct RoomState {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: RoomKind,
    /// Ids of accounts.
    pub(crate) members: Vec<String>,
    pub(crate) archived: bool,
    pub(crate) read_only: bool,
    pub(crate) created: Timestamp,
}

/// A message that was deleted.
#[derive(Debug, Clone)]
pub(crate) struct Trashed {
    pub(crate) id: String,
    pub(crate) room: String,
    pub(crate) deleted: Timestamp,
}

/// A file with what is known beside its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) file: FakeFile,
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) confirmed: bool,
}

/// What an account may do that not everybody may, with the roles that may by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    Impersonate,
    BypassRateLimit,
    MentionAll,
    MentionHere,
    EditOthers,
    DeleteOwn,
    DeleteOthers,
    PostReadOnly,
    /// Past the time in which a message may be edited or deleted.
    BypassTimeLimits,
    /// Delete whatever the settings say.
    ForceDelete,
}

impl Permission {
    fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Impersonate | Self::BypassTimeLimits => &["bot", "app"],
            Self::BypassRateLimit => &["admin", "bot", "app"],
            Self::MentionAll | Self::MentionHere => &["admin", "owner", "moderator", "user"],
            Self::EditOthers | Self::DeleteOthers | Self::PostReadOnly => &["admin", "owner", "moderator"],
            Self::DeleteOwn => &["admin", "user"],
            Self::ForceDelete => &["admin", "owner"],
        }
    }
}

impl Account {
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| permission.roles().contains(&role.as_str()))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "_id": self.id, "username": self.username, "name": self.name, "roles": self.roles, "active": true,
            "type": if self.roles.iter().any(|role| role == "bot") { "bot" } else { "user" }, "status": "online",
        })
    }
}

impl RoomState {
    pub(crate) fn has(&self, user: &str) -> bool {
        self.members.iter().any(|member| member == user)
    }

    /// Whether an account may read it: members, and everybody in a public channel.
    pub(crate) fn readable_by(&self, user: &str) -> bool {
        self.kind == RoomKind::Public || self.has(user)
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut room = json!({
            "_id": self.id, "t": self.kind.letter(), "usersCount": self.members.len(), "ts": iso(self.created),
            "ro": self.read_only, "archived": self.archived, "_updatedAt": iso(self.created),
        });
        if self.kind == RoomKind::Direct {
            room["uids"] = json!(self.members);
        } else {
            room["name"] = json!(self.name);
            room["fname"] = json!(self.name);
        }
        room
    }
}

/// Everything the server knows.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) accounts: Vec<Account>,
    /// Which account a token belongs to.
    pub(crate) tokens: HashMap<String, String>,
    pub(crate) rooms: Vec<RoomState>,
    /// In the order in which they were posted.
    pub(crate) messages: Vec<FakeMessage>,
    pub(crate) trash: Vec<Trashed>,
    pub(crate) uploads: HashMap<String, Upload>,
    pub(crate) incoming: Vec<HookState>,
    pub(crate) outgoing: Vec<HookCalls>,
    ids: u64,
}

impl State {
    /// A new id of 17 characters, as Meteor makes them, but ascending, so that a test that fails can be read.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}{:0width$}", self.ids, width = 17usize.saturating_sub(prefix.len()))
    }

    /// The account of a token, if the user id fits.
    pub(crate) fn caller(&self, user: &str, token: &str) -> Option<&Account> {
        self.tokens.get(token).filter(|owner| *owner == user).and_then(|owner| self.account(owner))
    }

    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(crate) fn account_named(&self, username: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.username == username)
    }

    pub(crate) fn room(&self, id: &str) -> Option<&RoomState> {
        self.rooms.iter().find(|room| room.id == id)
    }

    pub(crate) fn room_mut(&mut self, id: &str) -> Option<&mut RoomState> {
        self.rooms.iter_mut().find(|room| room.id == id)
    }

    /// A room by id, or by name where it has one.
    pub(crate) fn room_called(&self, id_or_name: &str) -> Option<&RoomState> {
        self.room(id_or_name)
            .or_else(|| self.rooms.iter().find(|room| room.kind != RoomKind::Direct && room.name == id_or_name))
    }

    /// The room that a destination names: `#room`, `@user`, or bare: a room's id or name, then a user's id.
    /// A direct room with a user is made if there is none.
    pub(crate) fn destination(&mut self, sender: &str, name: &str, now: Timestamp) -> Option<String> {
        if let Some(room) = name.strip_prefix('#') {
            return self.room_called(room).map(|room| room.id.clone());
        }
        if let Some(username) = name.strip_prefix('@') {
            let user = self.account_named(username).or_else(|| self.account(username))?.id.clone();
            return Some(self.direct(sender, &user, now));
        }
        if let Some(room) = self.room_called(name) {
            return Some(room.id.clone());
        }
        let user = self.account(name)?.id.clone();
        Some(self.direct(sender, &user, now))
    }

    fn direct(&mut self, one: &str, other: &str, now: Timestamp) -> String {
        let found = self
            .rooms
            .iter()
            .find(|room| room.kind == RoomKind::Direct && room.has(one) && room.has(other))
            .map(|room| room.id.clone());
        found.unwrap_or_else(|| {
            let id = self.new_id("dm");
            self.rooms.push(RoomState {
                id: id.clone(),
                name: String::new(),
                kind: RoomKind::Direct,
                members: vec![one.to_owned(), other.to_owned()],
                archived: false,
                read_only: false,
                created: now,
            });
            id
        })
    }

    pub(crate) fn message(&self, id: &str) -> Option<&FakeMessage> {
        self.messages.iter().find(|message| message.id == id)
    }

    pub(crate) fn message_mut(&mut self, id: &str) -> Option<&mut FakeMessage> {
        self.messages.iter_mut().find(|message| message.id == id)
    }

    /// A file; the id of a thumbnail leads to its picture, whose rights it has.
    pub(crate) fn upload(&self, id: &str) -> Option<&Upload> {
        self.uploads.get(id.strip_suffix("-thumb").unwrap_or(id))
    }
}
