//! `chat.*`: what a client does to messages.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Query, check_impersonation};
use crate::rocketchat::inside::Inside;
use crate::rocketchat::posting::{Draft, no_message};
use crate::rocketchat::refusal::Refusal;
use crate::rocketchat::shape::{Kind, Shape, text};
use crate::rocketchat::state::{Account, RoomKind};

/// The schema of a message neither requires a key nor forbids others; the types it names are checked.
const SEND: Shape = Shape {
    required: &[],
    optional: &[
        ("rid", Kind::Text),
        ("_id", Kind::Text),
        ("msg", Kind::Text),
        ("tmid", Kind::Text),
        ("tshow", Kind::Bool),
        ("alias", Kind::Text),
        ("avatar", Kind::Text),
        ("emoji", Kind::Text),
        ("attachments", Kind::List),
        ("blocks", Kind::List),
        ("customFields", Kind::Object),
    ],
};

/// What `chat.postMessage` takes beside the destination. A thread can only be named with `roomId`.
const POSTED: &[(&str, Kind)] = &[
    ("tmid", Kind::Text),
    ("text", Kind::Text),
    ("alias", Kind::Text),
    ("emoji", Kind::Text),
    ("avatar", Kind::Text),
    ("attachments", Kind::List),
    ("customFields", Kind::Object),
    ("parseUrls", Kind::Bool),
];

const POST_TO_ROOM: Shape = Shape { required: &[("roomId", Kind::TextOrTexts)], optional: POSTED };

const POST_TO_CHANNEL: Shape = Shape { required: &[("channel", Kind::TextOrTexts)], optional: POSTED.split_at(1).1 };

impl Inside {
    /// Inserts under the client's id; a repeat inserts nothing, and the answer is the error that the platform makes of it.
    pub(super) fn chat_send_message(self: &Arc<Self>, caller: &Account, body: &Value) -> Result<Value, Refusal> {
        const BODY: Shape = Shape { required: &[("message", Kind::Object)], optional: &[("previewUrls", Kind::List)] };
        let message = &BODY.check(body)?["message"];
        let fields = SEND.check_types(message)?;
        check_impersonation(caller, fields)?;
        check_attachments(fields)?;
        if fields.contains_key("tshow") && !fields.contains_key("tmid") {
            return Err(Refusal::meteor("invalid-params", "tshow provided but missing tmid"));
        }
        // A reply is said where its parent is, whatever room is named.
        let parent = text(fields, "tmid").and_then(|tmid| self.state().message(tmid).map(|parent| parent.room.clone()));
        let room = parent.or_else(|| text(fields, "rid").map(str::to_owned));
        let room = room.ok_or_else(|| Refusal::plain("The 'rid' property on the message object is missing."))?;
        let draft = draft(caller, room, text(fields, "msg"), fields);
        if draft.text.is_empty() && draft.attachments.is_empty() && !fields.contains_key("blocks") {
            return Err(Refusal::meteor("error-invalid-message", "Invalid message"));
        }
        if let Some(id) = &draft.id
            && self.state().message(id).is_some()
        {
            return Err(Refusal::plain("Cannot read properties of undefined (reading 'starred')"));
        }
        let posted = self.post(draft)?;
        Ok(json!({ "message": posted.to_json(), "success": true }))
    }

    /// Posts under an id of the server's, joining public rooms first. Not idempotent.
    pub(super) fn chat_post_message(self: &Arc<Self>, caller: &Account, body: &Value) -> Result<Value, Refusal> {
        let fields = body.as_object().ok_or_else(|| Refusal::schema(&["must be object".to_owned()]))?;
        let (to_room, to_channel) = (POST_TO_ROOM.problems(fields), POST_TO_CHANNEL.problems(fields));
        if to_room.is_empty() == to_channel.is_empty() {
            let mut problems = to_room;
            problems.extend(to_channel);
            problems.push("must match exactly one schema in oneOf".to_owned());
            return Err(Refusal::schema(&problems));
        }
        check_impersonation(caller, fields)?;
        check_attachments(fields)?;
        let destination = fields.get("roomId").or_else(|| fields.get("channel")).cloned().unwrap_or_default();
        let names: Vec<String> = match &destination {
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => other.as_str().map(str::to_owned).into_iter().collect(),
        };
        let mut last = None;
        for name in names {
            let room = self.joined(caller, &name)?;
            let draft = draft(caller, room, text(fields, "text"), fields);
            last = Some((name, self.post(draft)?));
        }
        let (name, posted) = last.ok_or_else(|| Refusal::meteor("invalid-channel", ""))?;
        let ts = self.now().as_millisecond();
        Ok(json!({ "ts": ts, "channel": name, "message": posted.to_json(), "success": true }))
    }

    /// The room that a destination names, joined if it is public.
    fn joined(&self, caller: &Account, name: &str) -> Result<String, Refusal> {
        let now = self.now();
        let mut state = self.state();
        let id = state.destination(&caller.id, name, now).ok_or_else(|| Refusal::meteor("invalid-channel", ""))?;
        if let Some(room) = state.room_mut(&id)
            && room.kind == RoomKind::Public
            && !room.has(&caller.id)
        {
            room.members.push(caller.id.clone());
        }
        Ok(id)
    }

    pub(super) fn chat_update(self: &Arc<Self>, caller: &Account, body: &Value) -> Result<Value, Refusal> {
        const BODY: Shape = Shape {
            required: &[("roomId", Kind::Text), ("msgId", Kind::Text), ("text", Kind::Text)],
            optional: &[("previewUrls", Kind::List), ("customFields", Kind::Object)],
        };
        let fields = BODY.check(body)?;
        let id = text(fields, "msgId").unwrap_or_default();
        self.in_room(id, text(fields, "roomId").unwrap_or_default())?;
        let edited = self.edit(&caller.id, id, text(fields, "text").unwrap_or_default())?;
        Ok(json!({ "message": edited.to_json(), "success": true }))
    }

    pub(super) fn chat_delete(&self, caller: &Account, body: &Value) -> Result<Value, Refusal> {
        const BODY: Shape =
            Shape { required: &[("roomId", Kind::Text), ("msgId", Kind::Text)], optional: &[("asUser", Kind::Bool)] };
        let fields = BODY.check(body)?;
        let id = text(fields, "msgId").unwrap_or_default();
        self.in_room(id, text(fields, "roomId").unwrap_or_default())?;
        let gone = self.delete(&caller.id, id)?;
        let user = json!({ "_id": gone.user_id, "username": gone.user });
        let message = json!({ "_id": gone.id, "rid": gone.room, "u": user });
        Ok(
            json!({ "_id": gone.id, "ts": self.now().as_millisecond().to_string(), "message": message, "success": true }),
        )
    }

    fn in_room(&self, id: &str, room: &str) -> Result<(), Refusal> {
        let state = self.state();
        let message = state.message(id).ok_or_else(|| no_message(id))?;
        if message.room == room {
            Ok(())
        } else {
            Err(Refusal::plain("The room id provided does not match where the message is from."))
        }
    }

    pub(super) fn chat_react(&self, caller: &Account, body: &Value) -> Result<Value, Refusal> {
        const BODY: Shape = Shape {
            required: &[("messageId", Kind::Text)],
            optional: &[("emoji", Kind::Text), ("reaction", Kind::Text), ("shouldReact", Kind::Bool)],
        };
        let fields = BODY.check(body)?;
        let emoji = text(fields, "emoji").or_else(|| text(fields, "reaction")).unwrap_or_default();
        let id = text(fields, "messageId").unwrap_or_default();
        if self.state().message(id).is_none() {
            let reason = "The provided \"messageId\" does not match any existing message.";
            return Err(Refusal::meteor("error-message-not-found", reason));
        }
        if emoji.is_empty() {
            let reason = "The required \"emoji\" param is missing.";
            return Err(Refusal::meteor("error-emoji-param-not-provided", reason));
        }
        let name = emoji.trim_matches(':');
        if !self.script.knows_emoji(name) {
            return Err(Refusal::meteor("error-not-allowed", "Invalid emoji provided."));
        }
        // Without `shouldReact` it toggles.
        self.react(caller, id, name, fields.get("shouldReact").and_then(Value::as_bool))?;
        Ok(json!({ "success": true }))
    }

    /// A missing message is a 400 without any text.
    pub(super) fn chat_get_message(&self, caller: &Account, query: &Query) -> Result<Value, Refusal> {
        query.only(&["msgId"])?;
        let state = self.state();
        let found = state
            .message(query.need("msgId")?)
            .filter(|message| state.room(&message.room).is_some_and(|room| room.readable_by(&caller.id)));
        let missing = || Refusal::json(http::StatusCode::BAD_REQUEST, json!({ "success": false }));
        let message = found.ok_or_else(missing)?.to_json();
        Ok(json!({ "message": message, "success": true }))
    }

    pub(super) fn chat_get_thread_messages(&self, caller: &Account, query: &Query) -> Result<Value, Refusal> {
        query.only(&["tmid", "count", "offset", "sort", "query", "fields"])?;
        let tmid = query.need("tmid")?;
        let state = self.state();
        let all: Vec<Value> = state
            .messages
            .iter()
            .filter(|message| message.tmid.as_deref() == Some(tmid))
            .filter(|message| state.room(&message.room).is_some_and(|room| room.readable_by(&caller.id)))
            .map(super::super::message::FakeMessage::to_json)
            .collect();
        let (offset, count) = (query.number("offset", 0), query.number("count", 50));
        let page: Vec<_> = all.iter().skip(offset).take(count).cloned().collect();
        Ok(json!({ "messages": page, "count": page.len(), "offset": offset, "total": all.len(), "success": true }))
    }
}

fn draft(caller: &Account, room: String, said: Option<&str>, fields: &Map<String, Value>) -> Draft {
    let owned = |key: &str| text(fields, key).filter(|value| !value.is_empty()).map(str::to_owned);
    let avatar = owned("avatar");
    Draft {
        id: owned("_id"),
        room,
        author: caller.id.clone(),
        text: said.unwrap_or_default().to_owned(),
        alias: owned("alias"),
        emoji: owned("emoji").filter(|_| avatar.is_none()),
        avatar,
        attachments: fields.get("attachments").and_then(Value::as_array).cloned().unwrap_or_default(),
        tmid: owned("tmid"),
        quotes: fields.get("parseUrls") != Some(&Value::Bool(false)),
        ..Draft::default()
    }
}

/// Links of attachments are absolute or lead to uploads; their fields have a title and a value.
fn check_attachments(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let attachments = fields.get("attachments").and_then(Value::as_array).into_iter().flatten();
    for (key, value) in attachments.filter_map(Value::as_object).flatten() {
        if key == "fields" {
            let whole = |field: &Value| field.get("title").is_some() && field.get("value").is_some();
            if !value.as_array().is_some_and(|list| list.iter().all(whole)) {
                return Err(Refusal::plain("Invalid attachment fields: title and value are required"));
            }
        }
        if key.ends_with("_url") || key.ends_with("_link") {
            let link = value.as_str().unwrap_or_default();
            if !["http://", "https://", "/file-upload/"].iter().any(|start| link.starts_with(start)) {
                return Err(Refusal::plain("Invalid href value provided"));
            }
        }
    }
    Ok(())
}
