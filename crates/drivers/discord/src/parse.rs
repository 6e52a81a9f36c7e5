//! From a dispatch of the gateway to our events.

mod author;
mod component;
mod embed;
mod file;
mod names;
mod poll;
mod reaction;
mod said;
mod sticker;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tieline_core::address::Address;
use tieline_core::driver::Typing;
use tieline_core::event::{Author, Body, Content, Event, Message as Saying, Quoted};
use tieline_core::id::{ChannelKey, MessageId};
use tieline_core::markup::Markup;

use crate::address::{CHANNEL, SERVER};
use crate::change::TakenAway;
use crate::deferred::Deferred;
use crate::directory::{Directory, Named};
use crate::fields::{flag, id, list, part, text};
use crate::instance::{Instance, PLATFORM};
use crate::me::Account;
use crate::message::{JOINED, Message, flags};
use crate::missing::Missing;
use crate::parse::names::Known;
use crate::parse::said::{Reader, is_forward};
use crate::snowflake::Snowflake;
use crate::webhooks::Webhooks;

/// For how long a bot may say what it announced, with a minute for clocks that differ.
const ANSWER_TIME: Duration = Duration::from_mins(16);
/// How many messages one deletion names; Discord names a hundred at most.
const DELETED: usize = 1_000;

/// What is known beside the dispatch.
#[derive(Clone, Copy)]
pub(crate) struct Listener<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) directory: &'a Directory,
    pub(crate) deferred: &'a Deferred,
    pub(crate) taken_away: &'a TakenAway,
    /// Who we are, if that is known.
    pub(crate) me: Option<Account>,
    pub(crate) webhooks: &'a Webhooks,
    pub(crate) now: Timestamp,
}

/// What a dispatch is.
#[derive(Debug)]
pub(crate) enum Received {
    /// Things that happened, in order.
    Events(Vec<Event>),
    /// Nothing that people would see elsewhere, for this reason.
    Nothing(&'static str),
}

/// Reads a dispatch. `Err`: why nothing can be made of it.
pub(crate) fn received(listener: &Listener<'_>, kind: &str, data: &Value) -> Result<Received, &'static str> {
    let one = |event: Event| Ok(Received::Events(vec![event]));
    match kind {
        "MESSAGE_CREATE" => created(listener, &Message::read(data)?),
        "MESSAGE_UPDATE" => changed(listener, &Message::read(data)?),
        "MESSAGE_DELETE" => deleted(listener, data, [id(data, "id").ok_or("the deletion has no `id`")?]),
        "MESSAGE_DELETE_BULK" => {
            let ids = list(data, "ids").iter().take(DELETED).filter_map(|id| serde::Deserialize::deserialize(id).ok());
            deleted(listener, data, ids)
        }
        "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => {
            let place = Place::of(listener, data)?;
            let added = kind == "MESSAGE_REACTION_ADD";
            let reaction = reaction::one(listener, data, added, place.guild);
            let (author, body) = reaction.ok_or("the reaction has no `user_id` or no `emoji`")?;
            let reacted_to = reacted_to(data)?;
            if listener.me.is_some_and(|me| author.id == me.bot.to_string()) {
                return Ok(Received::Nothing("the bot gave the reaction for somebody elsewhere"));
            }
            one(place.event(listener, reacted_to, author, body))
        }
        "MESSAGE_REACTION_REMOVE_ALL" | "MESSAGE_REACTION_REMOVE_EMOJI" => {
            let event =
                Place::of(listener, data)?.event(listener, reacted_to(data)?, Author::default(), reaction::all(data));
            // Nobody gives back what all have lost, so that the next removal would be taken for a repeat.
            one(Event { revision: Some(listener.now.to_string()), ..event })
        }
        _ => Ok(Received::Nothing("it is about no message")),
    }
}

fn created(listener: &Listener<'_>, message: &Message<'_>) -> Result<Received, &'static str> {
    if message.kind == JOINED {
        return Ok(Received::Events(vec![joined(listener, message)?]));
    }
    if let Some(why) = message.passed_over() {
        return Ok(Received::Nothing(why));
    }
    if message.has(flags::LOADING) {
        listener.deferred.note(message.id);
        return Ok(Received::Nothing("its text is still to come"));
    }
    let event = saying(listener, message, Body::Message)?;
    Ok(event.map_or(Received::Nothing("it says nothing"), |event| {
        listener.deferred.settle(message.id);
        Received::Events(vec![Event { time: written_at(message), ..event }])
    }))
}

fn written_at(message: &Message<'_>) -> Timestamp {
    text(message.raw, "timestamp").and_then(|time| time.parse().ok()).unwrap_or_else(|| message.id.time())
}

/// Somebody came into the server; Discord says so in one of its channels.
fn joined(listener: &Listener<'_>, message: &Message<'_>) -> Result<Event, &'static str> {
    let place = Place::of(listener, message.raw)?;
    let (author, own) = author::of_message(listener, message, place.guild);
    let missing = Missing { own, ..Missing::default() }.into_value();
    let time = written_at(message);
    Ok(Event { missing, time, ..place.event(listener, message.id, author, Body::Joined) })
}

/// A channel has another topic than it had; nobody says who changed it.
pub(crate) fn topic_changed(
    listener: &Listener<'_>,
    channel: Snowflake,
    guild: Option<Snowflake>,
    topic: String,
) -> Event {
    let made = MessageId::new(&format!("topic-{channel}-{}", listener.now.as_millisecond())).expect("it is short");
    let place = Place::at(listener, channel, guild);
    Event { message_id: made, ..place.event(listener, channel, Author::default(), Body::Topic(topic)) }
}

/// Somebody types; `None` if that is us, or nobody knows who or where.
pub(crate) fn typing(listener: &Listener<'_>, data: &Value) -> Option<Typing> {
    let place = Place::of(listener, data).ok()?;
    let user = id(data, "user_id").filter(|user| listener.me.is_none_or(|me| me.bot != *user))?;
    let member = part(data, "member");
    let mut author = author::of_user(listener.instance, part(member, "user"), member, place.guild);
    author.id = user.to_string();
    if author.nickname() == author.id {
        author.display_name = listener.directory.person(user).unwrap_or_default();
    }
    let Event { instance, channel, parent, address, author, .. } = place.event(listener, user, author, Body::Delete);
    Some(Typing { instance, channel, parent, address, author })
}

/// A change is an edit only if there is an edit time; previews of links, pins and flags change messages too. Those of an
/// edited message repeat its edit, which is known by its revision.
fn changed(listener: &Listener<'_>, message: &Message<'_>) -> Result<Received, &'static str> {
    let announced = listener.deferred.contains(message.id);
    // One that was announced to a process before this one may have said nothing so far, too. If it has, this is known.
    let young = listener.now.duration_since(message.id.time()).unsigned_abs() < ANSWER_TIME;
    if announced || (message.edited.is_none() && message.is_answer_of_command() && young) {
        return created(listener, message);
    }
    let Some(revision) = &message.edited else {
        return Ok(Received::Nothing("what it says has not changed"));
    };
    if let Some(why) = message.passed_over() {
        return Ok(Received::Nothing(why));
    }
    let time = revision.parse().unwrap_or(listener.now);
    let event = saying(listener, message, Body::Edit)?;
    Ok(event.map_or(Received::Nothing("it says nothing"), |event| {
        Received::Events(vec![Event { time, revision: Some(revision.clone().into_owned()), ..event }])
    }))
}

/// What a message says, as an event; `None` if that is nothing.
fn saying(
    listener: &Listener<'_>,
    message: &Message<'_>,
    body: fn(Saying) -> Body,
) -> Result<Option<Event>, &'static str> {
    let place = Place::of(listener, message.raw)?;
    let (author, own) = author::of_message(listener, message, place.guild);
    let is_named = !author.username.is_empty() || !author.display_name.is_empty();
    if message.webhook.is_none()
        && is_named
        && let Some(user) = Snowflake::parse(&author.id)
    {
        let (shown, username) = (author.nickname().into(), author.username.as_str().into());
        listener.directory.note_person(user, Named { shown, username, guild: place.guild });
    }
    let embeds = message.webhook.is_some() || flag(message.author(), "bot");
    let names = Known::new(listener.directory, place.guild);
    let said = Reader { instance: listener.instance, names, embeds }.read(message.raw);
    if said.text.is_blank() && said.files.is_empty() {
        return Ok(None);
    }
    let missing = Missing { own, files: said.files.iter().any(|file| matches!(file.content, Content::Remote(_))) };
    let answers = answered(message);
    let quoted = answers.and_then(|_| quoted(listener, part(message.raw, "referenced_message"), place.guild));
    let reply_to = answers.or_else(|| place.thread.filter(|thread| *thread != message.id)).map(message_id);
    let body = body(Saying { text: said.text, attachments: said.files, reply_to, quoted });
    Ok(Some(Event { missing: missing.into_value(), ..place.event(listener, message.id, author, body) }))
}

/// The message that this one answers, also if it was deleted here (`referenced_message` is null then): its copies may
/// still be there. What another channel is named for is no answer but a message that was passed on or followed.
fn answered(message: &Message<'_>) -> Option<Snowflake> {
    let reference = part(message.raw, "message_reference");
    let here = id(reference, "channel_id").is_none_or(|channel| channel == message.channel);
    let named = || id(reference, "message_id").or_else(|| id(part(message.raw, "referenced_message"), "id"));
    (here && !is_forward(message.raw)).then(named).flatten()
}

/// What an answered message says; `None` if that is not told, as of one that was deleted.
fn quoted(listener: &Listener<'_>, message: &Value, guild: Option<Snowflake>) -> Option<Quoted> {
    message.is_object().then_some(())?;
    let account = part(message, "author");
    let webhook = id(message, "webhook_id").is_some();
    let embeds = webhook || flag(account, "bot");
    let said =
        Reader { instance: listener.instance, names: Known::new(listener.directory, guild), embeds }.read(message);
    let mut text = said.text;
    if text.is_blank() {
        // What has no text is at least named.
        let file = said.files.first()?;
        text = Markup::plain(&format!("[{}: {}]", file.kind.word(), file.name));
    }
    let author = author::of_user(listener.instance, account, &Value::Null, guild);
    // It comes without what the guild calls them.
    let known = id(account, "id").filter(|_| !webhook).and_then(|user| listener.directory.person(user));
    Some(Quoted { author: known.unwrap_or_else(|| author.nickname().to_owned()), text })
}

/// Messages are gone. It is not told who wrote them, nor who deleted them.
fn deleted(
    listener: &Listener<'_>,
    data: &Value,
    messages: impl IntoIterator<Item = Snowflake>,
) -> Result<Received, &'static str> {
    let mut events = Vec::new();
    for message in messages {
        listener.deferred.settle(message);
        if !listener.taken_away.contains(message) {
            events.push(Place::of(listener, data)?.event(listener, message, Author::default(), Body::Delete));
        }
    }
    Ok(if events.is_empty() { Received::Nothing("we took it away ourselves") } else { Received::Events(events) })
}

fn reacted_to(data: &Value) -> Result<Snowflake, &'static str> {
    id(data, "message_id").ok_or("the reaction has no `message_id`")
}

fn message_id(id: Snowflake) -> MessageId {
    MessageId::new(&id.to_string()).expect("digits are an id")
}

fn channel_key(id: Snowflake) -> ChannelKey {
    ChannelKey::new(&id.to_string()).expect("digits are a key")
}

/// Where something happened.
struct Place {
    channel: Snowflake,
    guild: Option<Snowflake>,
    parent: Option<Snowflake>,
    /// The channel, if it is a thread: then that is also the id of the message which the thread is about.
    thread: Option<Snowflake>,
    name: Option<String>,
}

impl Place {
    fn of(listener: &Listener<'_>, data: &Value) -> Result<Self, &'static str> {
        let channel = id(data, "channel_id").ok_or("there is no `channel_id`")?;
        Ok(Self::at(listener, channel, id(data, "guild_id")))
    }

    fn at(listener: &Listener<'_>, channel: Snowflake, guild: Option<Snowflake>) -> Self {
        let seen = listener.directory.channel(channel);
        Self {
            channel,
            guild: guild.or_else(|| seen.as_ref()?.guild),
            parent: seen.as_ref().and_then(|seen| seen.parent),
            thread: seen.as_ref().filter(|seen| seen.is_thread()).map(|seen| seen.id),
            name: seen.map(|seen| seen.name).filter(|name| !name.is_empty()),
        }
    }

    /// Something that happened here, now.
    fn event(self, listener: &Listener<'_>, message: Snowflake, author: Author, body: Body) -> Event {
        let key = channel_key(self.channel);
        let guild = self.guild.map(|guild| guild.to_string());
        let keys = [Some((CHANNEL, key.as_str())), guild.as_deref().map(|guild| (SERVER, guild))];
        Event {
            instance: listener.instance.id.clone(),
            platform: Arc::from(PLATFORM),
            address: Address::of(keys.into_iter().flatten()),
            channel: key,
            parent: self.parent.map(channel_key),
            room: self.name,
            message_id: message_id(message),
            revision: None,
            time: listener.now,
            author,
            body,
            missing: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
