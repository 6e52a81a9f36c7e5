//! From the addon's event to ours.

use std::sync::Arc;

use jiff::Timestamp;
use tieline_core::address::Address;
use tieline_core::event::{Body, Content, Event, Message};
use tieline_core::id::{ChannelKey, MessageId};

use crate::address::CHAT;
use crate::fields::{list, text, whole};
use crate::instance::{Instance, PLATFORM};
use crate::jid::Jid;
use crate::kinds;
use crate::mention;
use crate::missing::Missing;
use crate::payload::Payload;
use crate::people;
use crate::unwrap::inner;

/// How many people of those that a message mentions are looked for. A group has 1,024 at most.
const MENTIONED: usize = 1024;

/// What a payload is.
#[derive(Debug)]
pub(crate) enum Received {
    /// Something that happened.
    Event(Box<Event>),
    /// Nothing that people would see, for this reason.
    Nothing(&'static str),
}

/// Makes an event of a payload. `now`: for a message without a time. `Err`: why it cannot be relayed in any way.
pub(crate) fn event(instance: &Instance, payload: &Payload, now: Timestamp) -> Result<Received, String> {
    let id = payload.id.clone().or_else(|| text(payload.key(), "id")).ok_or("the message has no `id`")?;
    let message_id = message_id(&id).ok_or("the message's `id` is none that WhatsApp gives")?;
    let chat = people::chat(payload).ok_or("`from` names no chat")?;
    if chat.is_status() {
        return Ok(Received::Nothing("it is a story"));
    }
    let key = ChannelKey::new(&chat.to_string()).map_err(|error| format!("`from`: {error}"))?;
    let said = match kinds::said(payload) {
        Ok(said) => said,
        Err(why) => return Ok(Received::Nothing(why)),
    };
    let context = payload.raw.get("message").and_then(inner).map(|message| message.context());
    let context = context.unwrap_or(&serde_json::Value::Null);
    let mut content = Message { text: said.text, attachments: said.files, reply_to: None };
    content.reply_to = answered(context, &chat).or(said.about).and_then(|id| self::message_id(&id));
    let named = list(context, "mentionedJid").iter().take(MENTIONED).filter_map(|jid| Jid::parse(jid.as_str()?));
    let mentions = mention::find(&mut content.text, &named.collect::<Vec<_>>());

    let writer = people::writer(payload, &chat, &instance.session);
    let is_direct = !chat.is_group() && !chat.is_newsletter();
    let own_name = !writer.author.display_name.is_empty();
    // The partner's name is the room's, unless the owner wrote.
    let room = (is_direct && !writer.is_owner && own_name).then(|| writer.author.display_name.clone());
    let missing = Missing {
        chat: room.is_none().then(|| chat.clone()),
        name: writer.jid.clone().filter(|_| !own_name && !writer.is_owner),
        owner: writer.is_owner && (!own_name || writer.jid.is_none()),
        picture: writer.jid.clone(),
        mentions,
        files: content.attachments.iter().any(|file| matches!(file.content, Content::Remote(_))),
    };
    Ok(Received::Event(Box::new(Event {
        instance: instance.id.clone(),
        platform: Arc::from(PLATFORM),
        address: Address::of([(CHAT, key.as_str())]),
        channel: key,
        parent: None,
        room,
        message_id,
        revision: None,
        time: time(payload).unwrap_or(now),
        author: writer.author,
        body: Body::Message(content),
        missing: missing.into_value(),
    })))
}

/// A message's id. They are made by the sender's app, of letters and digits; who makes others has something in mind.
fn message_id(id: &str) -> Option<MessageId> {
    let sound = id.bytes().all(|byte| byte.is_ascii_graphic());
    MessageId::new(id).ok().filter(|_| sound)
}

/// The message that this one quotes. An answer to a story, or one given in private to what was said in a group, quotes
/// what is not in this chat.
fn answered(context: &serde_json::Value, chat: &Jid) -> Option<String> {
    let quoted = text(context, "stanzaId")?;
    let elsewhere = text(context, "remoteJid")
        .and_then(|jid| Jid::parse(&jid))
        .is_some_and(|place| place.is_status() || (place != *chat && (place.is_group() || chat.is_group())));
    (!elsewhere).then_some(quoted)
}

/// When it was sent: seconds, as a number or as a text.
fn time(payload: &Payload) -> Option<Timestamp> {
    let seconds = whole(&payload.raw, "messageTimestamp").filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(seconds).ok()
}
