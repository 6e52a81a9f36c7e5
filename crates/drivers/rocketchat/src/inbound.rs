//! From a webhook's payload to an event.

use std::sync::Arc;

use serde_json::json;
use tieline_core::address::Address;
use tieline_core::event::{Author, Authorship, Body, Event, Message};
use tieline_core::id::{ChannelKey, MessageId};

use crate::files;
use crate::instance::{Instance, PLATFORM};
use crate::parse::parse;
use crate::payload::{BadCall, Bot, Payload};
use crate::quotation;

/// What a payload is.
#[derive(Debug)]
pub(crate) enum Received {
    /// Something that happened.
    Event(Box<Event>),
    /// Our own message.
    Own,
    /// About no message: the server leaves everything out of the other kinds of calls.
    Nothing,
}

/// Makes an event of a payload. `own`: our user id, where it is known. `now`: for a message without a time.
pub(crate) fn event(
    instance: &Instance,
    own: Option<&str>,
    payload: &Payload,
    now: jiff::Timestamp,
) -> Result<Received, BadCall> {
    let bad = |field, why: &str| BadCall::field(field, why, payload.token.as_ref());
    let (Some(channel), Some(message)) = (filled(payload.channel_id.as_ref()), filled(payload.message_id.as_ref()))
    else {
        if payload.channel_id.is_none() && payload.message_id.is_none() {
            return Ok(Received::Nothing);
        }
        let missing = if filled(payload.channel_id.as_ref()).is_none() { "channel_id" } else { "message_id" };
        return Err(bad(missing, "it is missing"));
    };
    let user = filled(payload.user_id.as_ref()).unwrap_or_default();
    let Some(kind) = authorship(instance, own, user, payload.bot.as_ref()) else { return Ok(Received::Own) };
    let key = ChannelKey::new(channel).map_err(|error| bad("channel_id", &error.to_string()))?;
    let message_id = MessageId::new(message).map_err(|error| bad("message_id", &error.to_string()))?;
    let uploaded = payload.message.as_ref();
    let tmid = filled(payload.tmid.as_ref())
        .or_else(|| uploaded?.get("tmid")?.as_str())
        .and_then(|tmid| MessageId::new(tmid).ok());
    let said = payload.text.as_deref().unwrap_or_default();
    let said = uploaded.map_or(said, |message| files::caption(said, message));
    let (quoted, text) = quotation::split(said, &instance.server);
    let content = Message {
        text: parse(text),
        attachments: uploaded.map(|message| files::of(instance, message)).unwrap_or_default(),
        quoted: uploaded.zip(quoted.as_ref()).and_then(|(message, id)| quotation::shown(message, id, &instance.server)),
        reply_to: quoted.or(tmid),
    };
    let username = filled(payload.user_name.as_ref()).unwrap_or_default();
    let display_name = payload.user.as_ref().and_then(|user| filled(user.name.as_ref())).unwrap_or_default();
    let fetch = uploaded.is_none() && instance.credentials.is_some();
    let missing = (fetch || !content.attachments.is_empty()).then(|| json!({ "message": fetch }));
    let body = if uploaded.is_some() {
        Body::Files(content)
    } else if payload.is_edited == Some(true) {
        Body::Edit(content)
    } else {
        Body::Message(content)
    };
    Ok(Received::Event(Box::new(Event {
        instance: instance.id.clone(),
        platform: Arc::from(PLATFORM),
        address: Address::of([("room_id", channel)]),
        channel: key,
        parent: None,
        room: filled(payload.channel_name.as_ref()).map(str::to_owned),
        message_id,
        revision: None,
        time: payload.timestamp.as_ref().and_then(crate::payload::Time::parse).unwrap_or(now),
        author: Author {
            id: user.to_owned(),
            username: username.to_owned(),
            display_name: display_name.to_owned(),
            alias: filled(payload.alias.as_ref()).unwrap_or_default().to_owned(),
            avatar: avatar(instance, username),
            kind,
        },
        body,
        missing,
    })))
}

/// Who wrote it; `None` if we did, for certain.
fn authorship(instance: &Instance, own: Option<&str>, user: &str, bot: Option<&Bot>) -> Option<Authorship> {
    match (instance.hook(), bot) {
        (Some(hook), Some(Bot::Integration(integration))) => match &integration.i {
            Some(id) if *id == hook.integration => None,
            Some(_) => Some(Authorship::Bot),
            None => Some(Authorship::BotOrOurs),
        },
        (Some(_), Some(Bot::Flag(true))) => Some(Authorship::BotOrOurs),
        // What we post by REST carries no mark of an integration.
        (None, Some(Bot::Flag(true) | Bot::Integration(_))) => Some(Authorship::Bot),
        (None, _) if own == Some(user) => None,
        (Some(_) | None, _) => Some(Authorship::Person),
    }
}

/// The address of an account's picture.
pub(crate) fn avatar(instance: &Instance, username: &str) -> String {
    if username.is_empty() {
        return String::new();
    }
    let mut url = instance.server.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["avatar", username]);
    }
    url.into()
}

/// A text that is there and not empty.
fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::payload;
    use serde_json::Value;
    use tieline_core::driver::Defaults;
    use tieline_core::event::Content;

    /// An instance that sends by a hook or by REST.
    pub(crate) fn instance(hook: bool) -> Instance {
        let written = if hook {
            json!({ "send_method": "webhook", "webhook_url": "https://c.example/hooks/abc/t0k" })
        } else {
            json!({ "server_url": "https://c.example", "auth_token": "t", "user_id": "me" })
        };
        let (settings, mut problems) = crate::settings::read(&written);
        let id = tieline_core::id::InstanceId::new("rc").unwrap();
        crate::resolve::resolve(&id, &settings.expect("sound"), &Defaults::default(), &mut problems).expect("sound")
    }

    fn received(hook: bool, changes: &Value) -> Result<Received, BadCall> {
        let mut body = json!({
            "bot": false, "channel_id": "GENERAL", "channel_name": "general", "message_id": "m1",
            "timestamp": "2026-03-01T10:00:00.000Z", "user_id": "u9", "user_name": "ann", "text": "hi *all*",
        });
        for (key, value) in changes.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let payload = payload::read(body.to_string().as_bytes()).expect("sound");
        event(&instance(hook), Some("me"), &payload, jiff::Timestamp::UNIX_EPOCH)
    }

    #[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
    fn event_of(hook: bool, changes: Value) -> Event {
        match received(hook, &changes) {
            Ok(Received::Event(event)) => *event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_becomes_an_event() {
        let event = event_of(false, json!({ "alias": "Annie", "tmid": "zz1" }));
        assert_eq!((event.channel.as_str(), event.room.as_deref()), ("GENERAL", Some("general")));
        assert_eq!(
            (event.author.shown_name(), event.author.avatar.as_str()),
            ("Annie", "https://c.example/avatar/ann")
        );
        assert_eq!(event.missing, Some(json!({ "message": true })));
        let message = event.message().expect("a message");
        assert_eq!(message.text.to_plain(), "hi all");
        assert_eq!(message.reply_to, Some(MessageId::new("zz1").unwrap()));
        assert!(matches!(event_of(false, json!({ "isEdited": true })).body, Body::Edit(_)));
        assert_eq!(event_of(true, json!({})).missing, None, "there are no credentials to fetch with");
    }

    #[test]
    fn who_wrote_it() {
        let kind = |hook, changes| event_of(hook, changes).author.kind;
        assert_eq!(kind(false, json!({})), Authorship::Person);
        assert_eq!(kind(false, json!({ "bot": true })), Authorship::Bot);
        assert_eq!(kind(false, json!({ "bot": { "i": "x" } })), Authorship::Bot);
        assert!(matches!(received(false, &json!({ "user_id": "me" })), Ok(Received::Own)));
        assert_eq!(kind(true, json!({ "bot": true })), Authorship::BotOrOurs);
        assert_eq!(kind(true, json!({ "bot": { "i": "x" } })), Authorship::Bot);
        assert!(matches!(received(true, &json!({ "bot": { "i": "abc" } })), Ok(Received::Own)));
        assert_eq!(kind(true, json!({ "bot": false })), Authorship::Person);
    }

    #[test]
    fn an_uploaded_file_comes_with_its_message() {
        let event = event_of(
            false,
            json!({ "text": "caption", "message": {
            "tmid": "t1", "files": [{ "_id": "F1", "name": "a.png", "type": "image/png", "size": 9 }],
            "attachments": [{ "type": "file", "title": "a.png", "title_link": "/file-upload/F1/a.png", "fileId": "F1" }],
        } }),
        );
        let Body::Files(message) = &event.body else { panic!("{event:?}") };
        assert!(matches!(message.attachments[0].content, Content::Remote(_)));
        assert_eq!(message.reply_to, Some(MessageId::new("t1").unwrap()));
        assert_eq!(event.missing, Some(json!({ "message": false })));
    }

    #[test]
    fn a_caption_may_stand_in_the_files_description() {
        let file = |said: &str| {
            let message = json!({
                "attachments": [
                    { "title": "a link", "description": "no caption" },
                    { "type": "file", "title": "a.png", "fileId": "F1", "description": "" },
                    { "type": "file", "title": "b.png", "fileId": "F2", "description": "*look*" },
                ],
            });
            let event = event_of(false, json!({ "text": said, "message": message }));
            event.message().expect("a message").text.clone()
        };
        assert_eq!(file(""), parse("*look*"));
        assert_eq!(file("said"), parse("said"));
    }

    #[test]
    fn calls_about_no_message_are_nothing() {
        let read = |body: &str| {
            event(&instance(false), None, &payload::read(body.as_bytes()).expect("sound"), jiff::Timestamp::UNIX_EPOCH)
        };
        assert!(matches!(read(r#"{"token":"x","bot":false}"#), Ok(Received::Nothing)));
        let half = read(r#"{"channel_id":"R","token":"t"}"#).expect_err("half");
        assert_eq!((half.field, half.why.as_str()), (Some("message_id"), "`message_id`: it is missing"));
        assert!(half.token.is_some());
    }
}
