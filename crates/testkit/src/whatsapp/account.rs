//! A WhatsApp account of the addon, and the people who write to it.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use super::inside::Inside;
use super::jid::{CHANNEL, GROUP, LID, without_device};
use super::media::FakeMedia;
use super::message::{Addressing, Content, Message};
use super::person::{Group, Person};
use super::rest::{react, show_reaction};
use super::state::{Connection, Contact, FakeMessage, SessionState};
use super::upsert::Upsert;

/// A session of the addon. Through it a test or the demo plays the people on the other side.
#[derive(Clone)]
pub struct FakeAccount {
    inside: Arc<Inside>,
    session: String,
}

impl FakeAccount {
    pub(crate) fn new(inside: Arc<Inside>, session: String) -> Self {
        Self { inside, session }
    }

    /// The session's id, in lower case.
    pub fn session_id(&self) -> &str {
        &self.session
    }

    /// The account's JID, without the device; empty if nobody paired the session.
    pub fn own_jid(&self) -> String {
        self.with(|session| session.own())
    }

    // === whom it knows ===

    /// A person who has WhatsApp; who says something has it anyway.
    pub fn add_person(&self, person: &Person) {
        self.with(|session| {
            if !session.people.contains(person) {
                session.people.push(person.clone());
            }
        });
    }

    /// Puts a person into the phone's address book, under a name.
    pub fn save_contact(&self, person: &Person, name: &str) {
        self.add_person(person);
        let jid = person.jid();
        self.with(|session| match session.contacts.iter_mut().find(|contact| contact.id == jid) {
            Some(contact) => contact.name = Some(name.to_owned()),
            None => session.contacts.push(Contact { id: jid.clone(), name: Some(name.to_owned()), notify: None }),
        });
    }

    /// A group that the account is in; one with the same JID is replaced.
    pub fn add_group(&self, group: Group) {
        for participant in &group.participants {
            self.add_person(&participant.person);
        }
        self.with(|session| {
            session.groups.retain(|known| known.jid != group.jid);
            session.groups.push(group);
        });
    }

    /// The profile picture of a person or group.
    pub fn set_picture(&self, jid: &str, url: &str) {
        self.with(|session| session.pictures.insert(jid.to_owned(), url.to_owned()));
    }

    // === the connection ===

    /// Connects the account; what was said meanwhile arrives, as old as it is.
    pub fn connect(&self) {
        let now = self.inside.now().as_second();
        let missed = self.with(|session| {
            session.connection = Connection::Open;
            session.connected_at = now;
            std::mem::take(&mut session.missed)
        });
        for upsert in missed {
            self.inside.upsert(&self.session, upsert);
        }
    }

    /// The connection is lost: calls are answered 503 at once, and what is said waits on WhatsApp's servers.
    pub fn disconnect(&self) {
        self.with(|session| session.connection = Connection::Closed);
    }

    /// The connection is being made: calls wait for it a little, then they are answered 503.
    pub fn begin_connecting(&self) {
        self.with(|session| session.connection = Connection::Connecting);
    }

    // === what people do ===

    /// A person writes into a chat. Returns the message's id; panics where a file cannot be written.
    pub fn say(&self, chat: &str, person: &Person, message: Message) -> String {
        self.try_say(chat, person, message).expect("the fake's temporary folder can be written")
    }

    /// A person writes into a chat: the JID of a group, of a channel, or of the person. Returns the message's id.
    pub fn try_say(&self, chat: &str, person: &Person, message: Message) -> io::Result<String> {
        self.add_person(person);
        let id = message.id.clone().unwrap_or_else(|| self.inside.new_id());
        let mut raw = json!({ "key": self.with(|session| key(session, chat, person, message.addressing, &id)) });
        raw["messageTimestamp"] = json!(message.time.unwrap_or_else(|| self.inside.now().as_second()));
        if !chat.ends_with(CHANNEL) {
            raw["pushName"] = json!(person.name);
        }
        raw["broadcast"] = json!(false);
        self.arrive(raw, message)?;
        Ok(id)
    }

    /// A person writes a text. Returns the message's id.
    pub fn text(&self, chat: &str, person: &Person, text: &str) -> String {
        self.say(chat, person, Message::text(text))
    }

    /// The account's owner writes on the phone. Returns the message's id; panics where a file cannot be written.
    pub fn own(&self, chat: &str, message: Message) -> String {
        self.try_own(chat, message).expect("the fake's temporary folder can be written")
    }

    /// The account's owner writes on the phone. Returns the message's id.
    pub fn try_own(&self, chat: &str, message: Message) -> io::Result<String> {
        let id = message.id.clone().unwrap_or_else(|| self.inside.new_id());
        let (key, name) = self.with(|session| {
            let name = session.account.as_ref().map(|account| account.name.clone()).unwrap_or_default();
            (own_key(session, chat, &id), name)
        });
        let time = message.time.unwrap_or_else(|| self.inside.now().as_second());
        let mut raw = json!({ "key": key, "messageTimestamp": time, "pushName": name, "broadcast": false });
        raw["status"] = json!(2);
        self.arrive(raw, message)?;
        Ok(id)
    }

    /// The addon itself sends a text that nobody asked for: a welcome message, an automatic answer. Returns its id.
    pub fn unasked(&self, chat: &str, text: &str) -> String {
        let message = json!({ "extendedTextMessage": { "text": text } });
        self.inside.send_own(&self.session, chat, &message, None).0
    }

    /// A person reacts to a message; an empty reaction takes it back. There is no webhook for it.
    pub fn react(&self, person: &Person, message: &str, emoji: &str) {
        self.with(|session| {
            let who = person.jid();
            if let Some(raw) = session.stored(message) {
                react(raw, &who, emoji);
            }
            show_reaction(&mut session.messages, message, &who, emoji);
            session.events.push(Value::Null);
        });
    }

    /// Who wrote a message changes its text. The phones show it; the addon tells nobody and does not store it.
    pub fn edit(&self, message: &str, text: &str) {
        self.with(|session| {
            if let Some(message) = session.messages.iter_mut().find(|known| known.id == message) {
                text.clone_into(&mut message.text);
                message.edited = true;
            }
        });
    }

    /// Who wrote a message deletes it for all. The phones show it; the addon tells nobody.
    pub fn delete(&self, message: &str) {
        self.with(|session| {
            if let Some(message) = session.messages.iter_mut().find(|known| known.id == message) {
                message.revoked = true;
            }
        });
    }

    /// WhatsApp hands over a message once more. Within 15 minutes the addon tells nobody.
    pub fn resend(&self, message: &str) {
        let found = self.message(message);
        if let Some(FakeMessage { raw, media, .. }) = found {
            self.inside.upsert(&self.session, Upsert { raw, file: media, lost: false, vote: None });
        }
    }

    /// The addon's store does not have a message any more, as after 5000 others.
    pub fn uncache(&self, message: &str) {
        self.with(|session| session.drop_stored(message));
    }

    // === what there is ===

    /// The chats, JID and name, in the order in which they were first used.
    pub fn chats(&self) -> Vec<(String, String)> {
        self.with(|session| session.chats.iter().map(|jid| (jid.clone(), session.chat_name(jid))).collect())
    }

    /// The messages of a chat as the phones show them, in the order in which they came.
    pub fn messages(&self, chat: &str) -> Vec<FakeMessage> {
        self.with(|session| session.messages.iter().filter(|message| message.chat == chat).cloned().collect())
    }

    /// A message as the phones show it.
    pub fn message(&self, id: &str) -> Option<FakeMessage> {
        self.with(|session| session.messages.iter().find(|message| message.id == id).cloned())
    }

    fn with<T>(&self, look: impl FnOnce(&mut SessionState) -> T) -> T {
        let found = look(self.inside.state().session(&self.session));
        self.inside.changed();
        found
    }

    /// A message comes from WhatsApp: onto the phones at once, to the addon when it is connected.
    fn arrive(&self, mut raw: Value, message: Message) -> io::Result<()> {
        let id = raw["key"]["id"].as_str().unwrap_or_default().to_owned();
        let file = self.file(&message)?;
        let (quoted, own) = self.with(|session| {
            let wanted = match (&message.quotes, &message.content) {
                (Some(id), _) | (None, Content::Vote { poll: id, .. }) => Some(id),
                _ => None,
            };
            let quoted = wanted.and_then(|id| session.peek(id).cloned());
            (quoted, session.own())
        });
        let status = raw.as_object_mut().and_then(|fields| fields.shift_remove("status"));
        raw["message"] = message.raw(quoted.as_ref(), file.as_ref(), &own);
        if let Some(status) = status {
            raw["status"] = status;
        }
        if message.held {
            self.inside.state().held.insert(id);
        }
        self.inside.show(&self.session, &raw, file.as_ref());
        let vote = match message.content {
            Content::Vote { options, .. } => Some(options),
            _ => None,
        };
        let upsert = Upsert { raw, file, lost: message.lost, vote };
        let now = self.with(|session| {
            if session.connection == Connection::Open {
                return Some(upsert);
            }
            session.missed.push(upsert);
            None
        });
        if let Some(upsert) = now {
            self.inside.upsert(&self.session, upsert);
        }
        Ok(())
    }

    fn file(&self, message: &Message) -> io::Result<Option<FakeMedia>> {
        let Content::File { mime, bytes, more, .. } = &message.content else { return Ok(None) };
        let mut file = FakeMedia::keep(self.inside.new_path(), mime, bytes)?;
        file.name = more.get("fileName").and_then(Value::as_str).map(str::to_owned);
        Ok(Some(file))
    }
}

fn mode(jid: &str) -> &'static str {
    if jid.ends_with(LID) { "lid" } else { "pn" }
}

/// `raw.key` of what the owner writes on the phone.
fn own_key(session: &SessionState, chat: &str, id: &str) -> Value {
    let mut key = json!({ "remoteJid": chat, "fromMe": true });
    let by_lid = session.group(chat).is_some_and(|group| group.by_lid);
    if let Some(account) = session.account.as_ref().filter(|_| by_lid) {
        key["participant"] = json!(format!("{}{LID}", account.lid));
        key["addressingMode"] = json!("lid");
        key["participantAlt"] = json!(session.own());
    } else {
        if chat.ends_with(GROUP) {
            key["participant"] = json!(session.own());
        }
        key["addressingMode"] = json!(mode(chat));
    }
    key["id"] = json!(id);
    key
}

/// `raw.key` of what a person writes.
fn key(session: &SessionState, chat: &str, person: &Person, addressing: Addressing, id: &str) -> Value {
    let (phone, lid) = (person.phone_jid(), person.lid_jid());
    if chat.ends_with(CHANNEL) {
        return json!({ "remoteJid": chat, "fromMe": false, "id": id });
    }
    let group = chat.ends_with(GROUP);
    let by_lid = session.group(chat).is_some_and(|group| group.by_lid);
    let (jid, other) = match addressing {
        Addressing::Usual if group && by_lid => (lid, phone),
        Addressing::Usual if group => (phone.or(lid), None),
        // A direct chat is called what the test calls it.
        Addressing::Usual => (Some(without_device(chat)), None),
        Addressing::PhoneWithLid => (phone, lid),
        Addressing::Lid => (lid, phone),
        Addressing::LidOnly => (lid, None),
    };
    let jid = jid.unwrap_or_else(|| person.jid());
    let (mut key, alt) = if group {
        (json!({ "remoteJid": chat, "fromMe": false, "participant": jid }), "participantAlt")
    } else {
        (json!({ "remoteJid": jid, "fromMe": false }), "remoteJidAlt")
    };
    key["addressingMode"] = json!(mode(&jid));
    if let Some(other) = other {
        key[alt] = json!(other);
    }
    key["id"] = json!(id);
    key
}
