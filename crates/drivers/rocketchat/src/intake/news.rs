//! From what the server shows of a message to events, with the words that the Outgoing Webhook uses.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::Typing;
use tieline_core::event::{Author, Body, Event, Reaction};
use tieline_core::id::{ChannelKey, MessageId};

use super::kind::Kind;
use super::memory::{Seen, Turn, millis};
use super::roster::Roster;
use crate::driver::RocketChatDriver;
use crate::inbound::{self, Received, avatar};
use crate::instance::PLATFORM;
use crate::payload::{Payload, Time};
use crate::settings::ReceiveMethod;

/// The fields of a message that hold times.
const TIMES: [&str; 3] = ["ts", "_updatedAt", "editedAt"];

/// A message with its times as REST writes them, so that an edit has one revision whichever way it comes.
pub(crate) fn as_rest(mut message: Value) -> Value {
    for key in TIMES {
        if message[key].get("$date").is_some()
            && let Some(time) = millis(&message[key]).and_then(|millis| Timestamp::from_millisecond(millis).ok())
        {
            message[key] = json!(written(time));
        }
    }
    message
}

/// A time as REST writes it.
pub(crate) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl RocketChatDriver {
    /// The event that something new about a message is; `None`: it is our own, or nothing that can be told.
    pub(crate) fn news(
        &self,
        message: &Value,
        seen: &Seen,
        turn: &Turn,
        own: Option<&str>,
        roster: &Roster,
    ) -> Option<Event> {
        match turn {
            Turn::Posted if seen.kind.is_news() => self.of_room(message, seen, roster),
            Turn::Posted | Turn::Edited => self.content(message, *turn == Turn::Edited, own, roster),
            Turn::Deleted => {
                let editor = &message["editedBy"];
                let text = |key: &str| editor[key].as_str().unwrap_or_default().to_owned();
                let who = Author { id: text("_id"), username: text("username"), ..Author::default() };
                self.bare(&seen.room, &seen.id, who, Body::Delete, roster)
            }
            Turn::Reaction { emoji, username, added } => {
                if *username == roster.username() {
                    return None;
                }
                let reaction = Reaction { emoji: emoji.clone(), added: *added };
                let event = self.bare(&seen.room, &seen.id, self.named(username), Body::Reaction(reaction), roster)?;
                let sign = if *added { '+' } else { '-' };
                Some(Event { revision: Some(format!("{}{sign}{emoji} {username}", seen.updated)), ..event })
            }
        }
    }

    /// That a message is gone, where nothing else is told.
    pub(crate) fn deletion(&self, room: &str, message: &str, roster: &Roster) -> Option<Event> {
        self.bare(room, message, Author::default(), Body::Delete, roster)
    }

    /// That somebody types in a room; `None`: it is us.
    pub(crate) fn typing(&self, room: &str, username: &str, roster: &Roster) -> Option<Typing> {
        if username.is_empty() || username == roster.username() {
            return None;
        }
        Some(Typing {
            instance: self.instance.id.clone(),
            channel: ChannelKey::new(room).ok()?,
            parent: None,
            address: Address::of([("room_id", room)]),
            author: self.named(username),
        })
    }

    /// Somebody of whom Rocket.Chat tells the account's name only.
    fn named(&self, username: &str) -> Author {
        Author {
            id: username.to_owned(),
            username: username.to_owned(),
            avatar: avatar(&self.instance, username),
            ..Author::default()
        }
    }

    /// What the server says in a room about who is in it and what it is about; `None`: we came or left.
    fn of_room(&self, message: &Value, seen: &Seen, roster: &Roster) -> Option<Event> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let said = text(&message["msg"]);
        let body = match seen.kind {
            Kind::Joined => Body::Joined,
            Kind::Left => Body::Left,
            _ => Body::Topic(said.clone()),
        };
        // Whoever was brought in or taken out by somebody else did not write it, and is named in the text.
        let moved = seen.kind != Kind::Topic && !said.is_empty();
        let username = if moved { said } else { seen.username.clone() };
        if username == roster.username() {
            return None;
        }
        let mut who = self.named(&username);
        if username == seen.username {
            who.id = text(&message["u"]["_id"]);
            who.display_name = text(&message["u"]["name"]);
        }
        let time = text(&message["ts"]).parse().ok();
        let event = self.bare(&seen.room, &seen.id, who, body, roster)?;
        Some(Event { time: time.unwrap_or(event.time), ..event })
    }

    fn content(&self, message: &Value, edited: bool, own: Option<&str>, roster: &Roster) -> Option<Event> {
        let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
        let room = text(message, "rid");
        let payload = Payload {
            bot: message.get("bot").and_then(|bot| serde_json::from_value(bot.clone()).ok()),
            channel_name: room.as_deref().and_then(|room| roster.name(room)),
            channel_id: room,
            message_id: text(message, "_id"),
            timestamp: text(message, "ts").map(Time::Text),
            user_id: text(&message["u"], "_id"),
            user_name: text(&message["u"], "username"),
            text: text(message, "msg"),
            alias: text(message, "alias"),
            is_edited: Some(edited),
            tmid: text(message, "tmid"),
            ..Payload::default()
        };
        match inbound::event(&self.instance, own, &payload, self.services.clock.now()) {
            Ok(Received::Event(mut event)) => {
                self.take_over(&mut event, message);
                if self.instance.receive == ReceiveMethod::Webhook {
                    // The webhook tells the same edit without its time. Then the text tells what is a repeat.
                    event.revision = None;
                }
                let files = event.message().is_some_and(|content| !content.attachments.is_empty());
                event.missing = files.then(|| json!({ "message": false }));
                Some(*event)
            }
            Ok(Received::Own | Received::Nothing) => None,
            Err(bad) => {
                tracing::warn!(
                    instance = %self.instance.id, why = bad.why,
                    "A message that Rocket.Chat told cannot be understood and is lost"
                );
                None
            }
        }
    }

    fn bare(&self, room: &str, message: &str, author: Author, body: Body, roster: &Roster) -> Option<Event> {
        Some(Event {
            instance: self.instance.id.clone(),
            platform: Arc::from(PLATFORM),
            channel: ChannelKey::new(room).ok()?,
            parent: None,
            address: Address::of([("room_id", room)]),
            room: roster.name(room),
            message_id: MessageId::new(message).ok()?,
            revision: None,
            time: self.services.clock.now(),
            author,
            body,
            missing: None,
        })
    }
}
