//! The calls that change or forward a message, or say what we are doing.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::calls::Sent;
use super::super::form::Form;
use super::super::inside::Inside;
use super::super::jid::{GROUP, get_jid};
use super::super::own::forwarded;
use super::super::refusal::Refusal;
use super::super::route::Route;
use super::super::state::FakeMessage;
use super::need_body;
use super::send::track_sent;

impl Inside {
    pub(super) async fn send_reaction(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        let (jid, id) = self.target(session, form, "Missing number or messageId").await?;
        let emoji = form.string("reaction").unwrap_or_default();
        let key = {
            let mut state = self.state();
            let at = state.session(session);
            let own = at.own();
            // Only a message of the store is known well enough: else it is taken for somebody else's, without its author.
            let key = at.stored(&id).map(|raw| {
                react(raw, &own, &emoji);
                raw["key"].clone()
            });
            // In a group WhatsApp finds a message by its author too, and nobody's message is ours unless the key says so.
            let found = |message: &FakeMessage| message.id == id && !message.from_me && !jid.ends_with(GROUP);
            if key.is_some() || at.messages.iter().any(found) {
                show_reaction(&mut at.messages, &id, &own, &emoji);
            }
            at.events.push(Value::Null);
            key.unwrap_or_else(|| json!({ "remoteJid": jid, "fromMe": false, "id": id }))
        };
        self.did(session, Route::SendReaction, &jid, json!({ "react": { "text": emoji, "key": key } }));
        Ok(json!({ "status": "reaction_sent" }))
    }

    pub(super) async fn edit_message(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        if form.body.is_none() {
            return Err(Refusal::thrown("Cannot read properties of undefined (reading 'number')"));
        }
        let first = |keys: &[&str]| keys.iter().find_map(|key| form.string(key));
        let id = first(&["messageId", "message_id", "id"]);
        let text = first(&["newText", "new_content", "text", "message"]);
        let (Some(number), Some(id), Some(text)) = (form.string("number"), id, text) else {
            return Err(Refusal::missing("Missing number, messageId, or newText"));
        };
        self.connected(session).await?;
        let jid = get_jid(&number);
        if let Some(message) = own_message(&mut self.state().session(session).messages, &id) {
            message.text.clone_from(&text);
            message.edited = true;
        }
        let key = json!({ "remoteJid": jid, "fromMe": true, "id": id });
        self.did(session, Route::EditMessage, &jid, json!({ "text": text, "edit": key }));
        Ok(json!({ "status": "edited" }))
    }

    pub(super) async fn revoke_message(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        let (jid, id) = self.target(session, form, "Missing number or messageId").await?;
        if let Some(message) = own_message(&mut self.state().session(session).messages, &id) {
            message.revoked = true;
        }
        let key = json!({ "remoteJid": jid, "fromMe": true, "id": id });
        self.did(session, Route::RevokeMessage, &jid, json!({ "delete": key }));
        Ok(json!({ "status": "revoked" }))
    }

    pub(super) async fn forward_message(self: &Arc<Self>, session: &str, form: &Form) -> Result<Value, Refusal> {
        need_body(form)?;
        let fields = (form.string("number"), form.string("messageId"), form.truthy("targetNumber"));
        let (Some(_), Some(id), Some(target)) = fields else {
            return Err(Refusal::missing("Missing number, messageId, or targetNumber"));
        };
        self.connected(session).await?;
        let jid = get_jid(&super::super::form::to_string(target));
        let (stored, file) = {
            let mut state = self.state();
            let at = state.session(session);
            let stored = at.stored(&id).cloned();
            let file = at.messages.iter().find(|message| message.id == id).and_then(|message| message.media.clone());
            (stored, file)
        };
        let Some(stored) = stored else {
            let detail = "Message not found in memory store";
            return Err(Refusal::detail(http::StatusCode::NOT_FOUND, detail));
        };
        let new = self.send_for_call(session, &jid, &forwarded(&stored), file.clone()).await;
        self.note_sent(Sent {
            session: session.to_owned(),
            route: Route::ForwardMessage,
            jid,
            content: json!({ "forward": stored }),
            quoted: None,
            id: Some(new.clone()),
            media: file,
        });
        track_sent(target)?;
        Ok(json!({ "status": "forwarded", "id": new }))
    }

    pub(super) async fn set_presence(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        need_body(form)?;
        let (Some(number), Some(presence)) = (form.string("number"), form.string("presence")) else {
            return Err(Refusal::missing("Missing number or presence"));
        };
        self.connected(session).await?;
        self.did(session, Route::SetPresence, &get_jid(&number), json!({ "presence": presence }));
        Ok(json!({ "status": "presence_updated" }))
    }

    pub(super) async fn mark_as_read(&self, session: &str, form: &Form) -> Result<Value, Refusal> {
        need_body(form)?;
        let number = form.string("number").ok_or_else(|| Refusal::missing("Missing number"))?;
        self.connected(session).await?;
        let jid = get_jid(&number);
        // The key has no participant, so receipts in groups do not work properly.
        let key = json!({ "remoteJid": jid, "id": form.string("messageId").unwrap_or_default() });
        self.did(session, Route::MarkAsRead, &jid, json!({ "read": [key] }));
        Ok(json!({ "status": "marked_as_read" }))
    }

    /// The chat and message that a call names.
    async fn target(&self, session: &str, form: &Form, missing: &str) -> Result<(String, String), Refusal> {
        need_body(form)?;
        let (Some(number), Some(id)) = (form.string("number"), form.string("messageId")) else {
            return Err(Refusal::missing(missing));
        };
        self.connected(session).await?;
        Ok((get_jid(&number), id))
    }

    fn did(&self, session: &str, route: Route, jid: &str, content: Value) {
        self.note_sent(Sent {
            session: session.to_owned(),
            route,
            jid: jid.to_owned(),
            content,
            quoted: None,
            id: None,
            media: None,
        });
    }
}

/// Only what we wrote can be changed; WhatsApp ignores the rest without a word.
fn own_message<'a>(messages: &'a mut [FakeMessage], id: &str) -> Option<&'a mut FakeMessage> {
    messages.iter_mut().find(|message| message.id == id && message.from_me && !message.revoked)
}

/// Notes a reaction in the addon's store; an empty one takes it back.
pub(crate) fn react(raw: &mut Value, who: &str, emoji: &str) {
    let mut reactions = raw["_reactions"].as_array().cloned().unwrap_or_default();
    reactions.retain(|reaction| reaction["sender"] != who);
    if !emoji.is_empty() {
        reactions.push(json!({ "emoji": emoji, "sender": who }));
    }
    raw["_reactions"] = Value::Array(reactions);
}

/// Notes a reaction on the phones.
pub(crate) fn show_reaction(messages: &mut [FakeMessage], id: &str, who: &str, emoji: &str) {
    if let Some(message) = messages.iter_mut().find(|message| message.id == id) {
        if emoji.is_empty() {
            message.reactions.remove(who);
        } else {
            message.reactions.insert(who.to_owned(), emoji.to_owned());
        }
    }
}
