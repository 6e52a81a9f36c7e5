//! How a message gets into a room, whoever posts it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::inside::Inside;
use super::mention::mentions;
use super::message::{FakeFile, FakeMessage, iso};
use super::outgoing::{self, Happening};
use super::refusal::Refusal;
use super::state::{Account, Permission, RoomState, State};

/// A message that somebody wants to post.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// The id that the client chose.
    pub(crate) id: Option<String>,
    pub(crate) room: String,
    /// The id of the account that posts it.
    pub(crate) author: String,
    pub(crate) text: String,
    pub(crate) alias: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) emoji: Option<String>,
    pub(crate) attachments: Vec<Value>,
    pub(crate) files: Vec<FakeFile>,
    pub(crate) tmid: Option<String>,
    pub(crate) bot: Option<String>,
    /// Whether links to messages become quotes.
    pub(crate) quotes: bool,
}

impl Inside {
    /// Checks a draft and posts it: in the room, and to every Outgoing Webhook that listens.
    pub(crate) fn post(self: &Arc<Self>, draft: Draft) -> Result<FakeMessage, Refusal> {
        let (message, opener) = {
            let mut state = self.state();
            let author = state
                .account(&draft.author)
                .cloned()
                .ok_or_else(|| Refusal::meteor("error-invalid-user", "Invalid user"))?;
            let room = may_post(&state, &draft.room, &author)?.clone();
            self.check_text(&author, &draft.text, &draft.attachments)?;
            let tmid = draft.tmid.as_deref().map(|tmid| self.thread_root(&state, tmid)).transpose()?;
            let mut attachments = draft.attachments;
            if draft.quotes {
                let quoted = self.quotes(&state, &author, &draft.text);
                attachments.splice(0..0, quoted);
            }
            let now = self.now();
            let message = FakeMessage {
                id: draft.id.unwrap_or_else(|| state.new_id("m")),
                room: room.id,
                user: author.username,
                user_id: author.id,
                user_name: author.name,
                text: draft.text,
                alias: draft.alias,
                avatar: draft.avatar,
                emoji: draft.emoji,
                bot: draft.bot,
                tmid,
                replies: 0,
                last_reply: None,
                kind: None,
                pinned: false,
                files: draft.files,
                attachments,
                reactions: BTreeMap::new(),
                time: now,
                updated: now,
                edited: None,
                edited_by: None,
            };
            // A reply counts in its opener, which is thereby changed.
            let opener = message.tmid.as_deref().and_then(|tmid| state.message_mut(tmid)).map(|opener| {
                opener.updated = now;
                opener.replies += 1;
                opener.last_reply = Some(now);
                opener.clone()
            });
            state.messages.push(message.clone());
            (message, opener)
        };
        self.changed();
        self.tell_message(&message);
        if let Some(opener) = opener {
            self.tell_message(&opener);
        }
        outgoing::fire(self, &message, Happening::Posted);
        Ok(message)
    }

    /// Takes every message of a room away at once. Returns them with their times, oldest first.
    pub(crate) fn prune(&self, room: &str) -> Vec<(String, Timestamp)> {
        let mut state = self.state();
        let deleted = self.now();
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.messages).into_iter().partition(|message| message.room == room);
        state.messages = kept;
        let gone: Vec<_> = gone.into_iter().map(|message| (message.id, message.time)).collect();
        let trashed =
            gone.iter().map(|(id, _)| super::state::Trashed { id: id.clone(), room: room.to_owned(), deleted });
        state.trash.extend(trashed);
        gone
    }

    /// Pins a message.
    pub(crate) fn pin(&self, id: &str) -> Result<(), Refusal> {
        let now = self.now();
        let pinned = {
            let mut state = self.state();
            let message = state.message_mut(id).ok_or_else(|| no_message(id))?;
            message.pinned = true;
            message.updated = now;
            message.clone()
        };
        self.tell_message(&pinned);
        Ok(())
    }

    /// The server itself says something in a room: that somebody joined (`uj`), that the topic changed. No Outgoing
    /// Webhook is called.
    pub(crate) fn announce(&self, room: &str, about: &Account, kind: &str, text: &str) -> FakeMessage {
        let now = self.now();
        let message = {
            let mut state = self.state();
            let message = FakeMessage {
                id: state.new_id("s"),
                room: room.to_owned(),
                user: about.username.clone(),
                user_id: about.id.clone(),
                user_name: about.name.clone(),
                text: text.to_owned(),
                alias: None,
                avatar: None,
                emoji: None,
                bot: None,
                tmid: None,
                replies: 0,
                last_reply: None,
                kind: Some(kind.to_owned()),
                pinned: false,
                files: Vec::new(),
                attachments: Vec::new(),
                reactions: BTreeMap::new(),
                time: now,
                updated: now,
                edited: None,
                edited_by: None,
            };
            state.messages.push(message.clone());
            message
        };
        self.tell_message(&message);
        message
    }

    pub(crate) fn check_text(&self, author: &Account, text: &str, attachments: &[Value]) -> Result<(), Refusal> {
        let too_long = |text: &str| text.encode_utf16().count() > self.script.max_message_size;
        let texts = attachments.iter().filter_map(|attachment| attachment.get("text").and_then(Value::as_str));
        if std::iter::once(text).chain(texts).any(too_long) {
            let reason = "Message size exceeds Message_MaxAllowedSize";
            return Err(Refusal::meteor("error-message-size-exceeded", reason));
        }
        for (name, permission) in [("all", Permission::MentionAll), ("here", Permission::MentionHere)] {
            if mentions(text, name) && !author.may(permission) {
                let action = format!("Notify {name} in this room");
                return Err(Refusal::meteor_with(
                    "error-action-not-allowed",
                    &format!("{action} not allowed"),
                    json!({ "action": action }),
                ));
            }
        }
        Ok(())
    }

    /// The opener of the thread that `tmid` names: a reply to a reply belongs to the root.
    fn thread_root(&self, state: &State, tmid: &str) -> Result<String, Refusal> {
        if !self.script.threads {
            return Err(Refusal::meteor("error-not-allowed", "not-allowed"));
        }
        let parent = state.message(tmid).map_or(tmid, |parent| parent.tmid.as_deref().unwrap_or(tmid));
        Ok(parent.to_owned())
    }

    /// Links to messages of this server that the author may read, as quotes.
    pub(crate) fn quotes(&self, state: &State, author: &Account, text: &str) -> Vec<Value> {
        // The setting is looked for anywhere in the address.
        links(text)
            .filter(|link| link.contains(self.url()))
            .filter_map(|link| {
                let (_, query) = link.split('#').next()?.split_once('?')?;
                let id = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "msg")?.1.into_owned();
                let quoted = state.message(&id)?;
                state.room(&quoted.room)?.readable_by(&author.id).then(|| {
                    json!({
                        "message_link": link, "author_name": quoted.alias.as_ref().unwrap_or(&quoted.user),
                        "author_icon": format!("/avatar/{}", quoted.user), "text": quoted.text,
                        "ts": iso(quoted.time), "attachments": quoted.attachments,
                    })
                })
            })
            .collect()
    }

    /// The server's time, in whole milliseconds as everything it stores.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.script.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// The addresses in a text, with whatever scheme.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("://").map(|(at, _)| {
        let scheme = text[..at].bytes().rev().take(9).take_while(u8::is_ascii_alphabetic).count();
        let ends = |c: char| !(c.is_ascii_alphanumeric() || "-+=&!:;%@/.,_?#~$".contains(c));
        let rest = &text[at - scheme..];
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    })
}

pub(crate) fn may_post<'a>(state: &'a State, room: &str, author: &Account) -> Result<&'a RoomState, Refusal> {
    // These are plain errors on the platform too: the code is the whole text, and there is no `errorType`.
    let room = state.room(room).ok_or_else(|| Refusal::plain("error-invalid-room"))?;
    if !room.readable_by(&author.id) {
        return Err(Refusal::plain("error-not-allowed"));
    }
    if room.archived {
        return Err(Refusal::plain("room_is_archived"));
    }
    if room.read_only && !author.may(Permission::PostReadOnly) {
        return Err(Refusal::plain("You can't send messages because the room is readonly."));
    }
    Ok(room)
}

pub(crate) fn no_message(id: &str) -> Refusal {
    Refusal::plain(&format!("No message found with the id of \"{id}\"."))
}
