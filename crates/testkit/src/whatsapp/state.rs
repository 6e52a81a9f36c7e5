//! What the addon and WhatsApp know, account by account.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::jid::{PHONE, user};
use super::media::FakeMedia;
use super::person::{Group, Person};
use super::script::AccountScript;
use super::upsert::Upsert;

/// How many messages the addon stores for each session, and of how many it knows that it has seen them.
const STORED: usize = 5000;
/// How long the addon knows that it has seen a message, in milliseconds.
const SEEN_MS: i64 = 15 * 60 * 1000;

/// Whether an account is connected to WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It is.
    Open,
    /// It is about to be: calls wait for it.
    Connecting,
    /// It is not: calls are answered 503 at once.
    Closed,
}

/// A message as the phones in a chat show it.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeMessage {
    /// Its id.
    pub id: String,
    /// The chat.
    pub chat: String,
    /// Whether our account wrote it.
    pub from_me: bool,
    /// The JID of who wrote it, as the addon names it.
    pub author: String,
    /// The name that the author chose; empty for ours that were sent through the API.
    pub name: String,
    /// The text, or the caption.
    pub text: String,
    /// The file.
    pub media: Option<FakeMedia>,
    /// The id of the message that it quotes.
    pub quotes: Option<String>,
    /// Who reacted with what, by JID.
    pub reactions: BTreeMap<String, String>,
    /// Whether its text was edited.
    pub edited: bool,
    /// Whether it was deleted for all.
    pub revoked: bool,
    /// The message as Baileys has it.
    pub raw: Value,
}

/// A contact of the cache.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) id: String,
    /// The name in the phone's address book.
    pub(crate) name: Option<String>,
    /// The name that the person chose; of a group, that of who spoke last.
    pub(crate) notify: Option<String>,
}

/// A session.
pub(crate) struct SessionState {
    pub(crate) id: String,
    pub(crate) connection: Connection,
    /// When it was last connected, in seconds since 1970.
    pub(crate) connected_at: i64,
    /// The account; `None` as long as nobody paired one.
    pub(crate) account: Option<AccountScript>,
    pub(crate) people: Vec<Person>,
    pub(crate) contacts: Vec<Contact>,
    /// JIDs in the order in which they were first used.
    pub(crate) chats: Vec<String>,
    pub(crate) groups: Vec<Group>,
    pub(crate) pictures: HashMap<String, String>,
    /// What the addon stores, the most recently used last.
    store: Vec<Value>,
    /// What the phones show, in the order in which it came.
    pub(crate) messages: Vec<FakeMessage>,
    /// When a message was first seen, in milliseconds since 1970.
    seen: Vec<(String, i64)>,
    pub(crate) events: Vec<Value>,
    /// What waits until the account is connected again.
    pub(crate) missed: Vec<Upsert>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl SessionState {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            connection: Connection::Closed,
            connected_at: 0,
            account: None,
            people: Vec::new(),
            contacts: Vec::new(),
            chats: Vec::new(),
            groups: Vec::new(),
            pictures: HashMap::new(),
            store: Vec::new(),
            messages: Vec::new(),
            seen: Vec::new(),
            events: Vec::new(),
            missed: Vec::new(),
            sent: 0,
            received: 0,
        }
    }

    /// The account's JID with its device.
    pub(crate) fn own_device(&self) -> String {
        self.account.as_ref().map(|account| format!("{}:7{PHONE}", account.number)).unwrap_or_default()
    }

    /// The account's JID.
    pub(crate) fn own(&self) -> String {
        self.account.as_ref().map(|account| format!("{}{PHONE}", account.number)).unwrap_or_default()
    }

    pub(crate) fn group(&self, jid: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.jid == jid)
    }

    pub(crate) fn contact(&self, jid: &str) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.id == jid)
    }

    /// Notes that somebody spoke in a chat.
    pub(crate) fn spoke(&mut self, jid: &str, push_name: Option<&str>) {
        if !self.chats.iter().any(|chat| chat == jid) {
            self.chats.push(jid.to_owned());
        }
        let Some(name) = push_name else { return };
        match self.contacts.iter_mut().find(|contact| contact.id == jid) {
            Some(contact) => contact.notify = Some(name.to_owned()),
            None => {
                self.contacts.push(Contact { id: jid.to_owned(), name: None, notify: Some(name.to_owned()) });
            }
        }
    }

    /// The name of a chat in `/chats`.
    pub(crate) fn chat_name(&self, jid: &str) -> String {
        let group = self.group(jid).map(|group| group.subject.clone());
        let contact = || self.contact(jid).and_then(|contact| contact.name.clone().or_else(|| contact.notify.clone()));
        group.or_else(contact).unwrap_or_else(|| user(jid).to_owned())
    }

    /// Keeps a message, as the most recently used.
    pub(crate) fn keep(&mut self, raw: Value) {
        self.store.retain(|stored| stored["key"]["id"] != raw["key"]["id"]);
        if self.store.len() >= STORED {
            self.store.remove(0);
        }
        self.store.push(raw);
    }

    /// A stored message; it is then the most recently used.
    pub(crate) fn stored(&mut self, id: &str) -> Option<&mut Value> {
        let at = self.store.iter().position(|stored| stored["key"]["id"] == id)?;
        let raw = self.store.remove(at);
        self.store.push(raw);
        self.store.last_mut()
    }

    /// What the store has of a message is this now; its place stays.
    pub(crate) fn replace_stored(&mut self, raw: &Value) {
        if let Some(stored) = self.store.iter_mut().find(|stored| stored["key"]["id"] == raw["key"]["id"]) {
            stored.clone_from(raw);
        }
    }

    /// A message leaves the store.
    pub(crate) fn drop_stored(&mut self, id: &str) {
        self.store.retain(|stored| stored["key"]["id"] != id);
    }

    /// A stored message; its place stays.
    pub(crate) fn peek(&self, id: &str) -> Option<&Value> {
        self.store.iter().find(|stored| stored["key"]["id"] == id)
    }

    /// The stored messages of a chat, the most recently used first.
    pub(crate) fn stored_in(&self, jid: &str, limit: usize) -> Vec<Value> {
        let is_there = |raw: &&Value| {
            raw["key"]["remoteJid"].as_str().is_some_and(|remote| remote == jid || user(remote) == user(jid))
        };
        self.store.iter().rev().filter(is_there).take(limit).cloned().collect()
    }

    /// Whether a message is new to the addon.
    pub(crate) fn is_new(&mut self, id: &str, now_ms: i64) -> bool {
        self.seen.retain(|(_, seen)| now_ms - seen < SEEN_MS);
        if self.seen.iter().any(|(seen, _)| seen == id) {
            return false;
        }
        if self.seen.len() >= STORED {
            self.seen.remove(0);
        }
        self.seen.push((id.to_owned(), now_ms));
        true
    }

    /// The process was started again: what was only in memory is gone.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
        self.events.clear();
    }

    /// `session.stats`.
    pub(crate) fn stats(&self) -> Value {
        let number = self.account.as_ref().map_or("Unknown", |account| account.number.as_str());
        json!({
            "sent": self.sent, "received": self.received, "failed": 0, "last_error_reason": "None",
            "totalReconnects": 0, "my_number": number,
        })
    }

    /// `/status`.
    pub(crate) fn status(&self) -> Value {
        let user = self.account.as_ref().map(
            |account| json!({ "id": self.own_device(), "lid": format!("{}:7@lid", account.lid), "name": account.name }),
        );
        json!({
            "connected": self.connection == Connection::Open,
            "connecting": self.connection == Connection::Connecting,
            "session_id": self.id,
            "user": user,
            "stats": self.stats(),
            "admin_numbers": [],
        })
    }
}

/// Everything the fake knows.
#[derive(Default)]
pub(crate) struct State {
    /// In the order in which they were made.
    pub(crate) sessions: Vec<SessionState>,
    /// Messages whose webhooks wait until a test releases them.
    pub(crate) held: HashSet<String>,
    /// Own sends whose echoes wait.
    pub(crate) held_echoes: HashSet<String>,
    /// Files under `/media/`, by name.
    pub(crate) media: HashMap<String, FakeMedia>,
    ids: u64,
}

impl State {
    /// A session; one that nobody has heard of is made.
    pub(crate) fn session(&mut self, id: &str) -> &mut SessionState {
        if let Some(at) = self.sessions.iter().position(|session| session.id == id) {
            return &mut self.sessions[at];
        }
        self.sessions.push(SessionState::new(id));
        let last = self.sessions.len() - 1;
        &mut self.sessions[last]
    }

    /// The next number for an id.
    pub(crate) fn next(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}
