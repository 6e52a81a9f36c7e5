//! What the addon does with a message that WhatsApp hands to it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::calls::Command;
use super::event::{self, Around};
use super::inside::{Inside, lock};
use super::jid::{GROUP, without_device};
use super::kind::{self, File};
use super::media::{FakeMedia, extension};
use super::state::FakeMessage;

/// Messages that are older than this at a reconnect become `null` in `/events`, in seconds.
const OLD: i64 = 3 * 60 * 60;

/// A message on its way into the addon.
#[derive(Debug)]
pub(crate) struct Upsert {
    pub(crate) raw: Value,
    pub(crate) file: Option<FakeMedia>,
    /// Its file cannot be downloaded.
    pub(crate) lost: bool,
    /// The options, if it is a vote.
    pub(crate) vote: Option<Vec<String>>,
}

impl Inside {
    /// Puts a message onto the phones of a chat.
    pub(crate) fn show(&self, session: &str, raw: &Value, file: Option<&FakeMedia>) {
        let mut state = self.state();
        let session = state.session(session);
        let message = FakeMessage {
            id: raw["key"]["id"].as_str().unwrap_or_default().to_owned(),
            chat: event::chat(raw),
            from_me: raw["key"]["fromMe"] == true,
            author: event::author(raw, &session.own()),
            name: raw["pushName"].as_str().unwrap_or_default().to_owned(),
            text: kind::typed(&raw["message"]),
            media: file.cloned(),
            quotes: kind::quoted(&raw["message"]),
            reactions: std::collections::BTreeMap::new(),
            edited: false,
            revoked: false,
            raw: raw.clone(),
        };
        session.messages.push(message);
        drop(state);
        self.changed();
    }

    /// The addon takes a message. Returns the number of the webhook call, if one was made at once.
    pub(crate) fn upsert(self: &Arc<Self>, session: &str, upsert: Upsert) -> Option<usize> {
        let now = self.now();
        let random = self.random(8);
        let id = upsert.raw["key"]["id"].as_str().unwrap_or_default().to_owned();
        let from_me = upsert.raw["key"]["fromMe"] == true;
        let (event, text) = {
            let mut state = self.state();
            let described = state.take(session, upsert, now.as_millisecond(), &random)?;
            let text = described["content"].as_str().unwrap_or_default().to_owned();
            (described, text)
        };
        let chat = event["from"].as_str().unwrap_or_default().to_owned();
        let number = if self.is_held(&id) {
            // While a file is downloaded the store has the message, but does not know where the file will be.
            let mut raw = event["raw"].clone();
            if let Some(fields) = raw.as_object_mut() {
                fields.retain(|key, _| !key.starts_with('_'));
            }
            self.state().session(session).replace_stored(&raw);
            let (inside, ended) = (Arc::clone(self), self.ended.clone());
            let session = session.to_owned();
            tokio::spawn(async move {
                let released = async {
                    let mut changes = inside.watch();
                    while inside.is_held(&id) && changes.changed().await.is_ok() {}
                    inside.state().session(&session).replace_stored(&event["raw"]);
                    inside.deliver(&session, event);
                };
                tokio::select! {
                    () = ended.cancelled() => {}
                    () = released => {}
                }
            });
            None
        } else {
            self.deliver(session, event)
        };
        self.obey(session, &chat, &text, from_me);
        number
    }

    fn is_held(&self, id: &str) -> bool {
        let state = self.state();
        state.held.contains(id) || state.held_echoes.contains(id)
    }

    /// The webhook first, then `/events`.
    fn deliver(self: &Arc<Self>, session: &str, event: Value) -> Option<usize> {
        let number = self.fire(&event);
        let mut state = self.state();
        let session = state.session(session);
        let old = seconds(&event["raw"]["messageTimestamp"]) < session.connected_at - OLD;
        session.events.push(if old { Value::Null } else { event });
        drop(state);
        self.changed();
        number
    }

    /// Texts that the addon takes for commands.
    fn obey(self: &Arc<Self>, session: &str, chat: &str, text: &str, from_me: bool) {
        let around = |c: char| c.is_whitespace() || "'\"`".contains(c);
        let text = text.trim_matches(around).to_lowercase();
        let admin = text.starts_with("ha-app-");
        let moderated = self.script.moderation && chat.ends_with(GROUP) && text.starts_with(['!', '/', '#']);
        if !admin && !moderated {
            return;
        }
        let command = Command { session: session.to_owned(), chat: chat.to_owned(), text: text.clone(), from_me };
        lock(&self.records.commands).push(command);
        self.changed();
        if !admin {
            return;
        }
        let reply = match text.as_str() {
            "ha-app-ping" => "Pong! 🏓".to_owned(),
            "ha-app-getid" => format!("Chat ID: `{chat}`"),
            "ha-app-restart" if from_me => "🔄 *Restarting...*\nThe connection will be reset in 2 seconds.".to_owned(),
            "ha-app-logs" if from_me => "📜 *Recent Connection Events:*\n\n[12:00:00] Connected".to_owned(),
            _ if from_me => format!("❓ *Unknown Command: {text}*"),
            _ => "⚠️ *Unauthorized:* Access to control commands is restricted to administrators.".to_owned(),
        };
        self.send_own(session, chat, &json!({ "extendedTextMessage": { "text": reply } }), None);
    }
}

impl super::state::State {
    /// Stores a message and describes it; `None` if there is nothing to tell.
    fn take(&mut self, session: &str, upsert: Upsert, now_ms: i64, random: &str) -> Option<Value> {
        let Upsert { mut raw, file, lost, vote } = upsert;
        let remote = raw["key"]["remoteJid"].as_str().unwrap_or_default().to_owned();
        let id = raw["key"]["id"].as_str().unwrap_or_default().to_owned();
        let at = self.session(session);
        if remote == "status@broadcast" || !at.is_new(&id, now_ms) {
            return None;
        }
        at.spoke(&remote, raw["pushName"].as_str());
        if raw["key"]["fromMe"] == true {
            at.sent += 1;
        } else {
            at.received += 1;
        }
        let mut described = kind::describe(&raw["message"]);
        let mut around = Around { session: at.id.clone(), ..Around::default() };
        if let Some(options) = vote {
            let poll = raw["message"]["pollUpdateMessage"]["pollCreationMessageKey"]["id"].as_str().unwrap_or_default();
            let question = at.peek(poll).and_then(|poll| {
                let (_, poll) = kind::unwrapped(&poll["message"]).0?;
                poll["name"].as_str().map(str::to_owned)
            });
            if let Some(question) = question {
                let chosen = if options.is_empty() { "–".to_owned() } else { options.join(", ") };
                described.text = format!("📊 [Poll Vote Update: {question}]\n🗳️ Vote: {chosen}");
                around.vote = options;
            } else {
                described.text.push_str("📊 [Poll Vote Update] (Original poll not found)");
            }
        }
        let person = without_device(&event::person(&raw));
        around.group_admin = at.group(&remote).is_some_and(|group| group.has_admin(&person));
        around.contact_name = at.contact(&event::chat(&raw)).and_then(|contact| contact.name.clone());
        match (described.file, file) {
            (File::Download, Some(file)) if !lost => {
                let name = format!("{now_ms}_{random}.{}", extension(&file.mime));
                let url = format!("/media/{name}");
                raw["_mediaUrl"] = json!(url);
                raw["_mediaType"] = json!(described.media_type);
                raw["_mediaMime"] = json!(described.mime);
                raw["_caption"] = json!(described.caption);
                around.media_url = Some(url);
                at.keep(raw.clone());
                self.media.insert(name, file);
            }
            (File::None, _) => at.keep(raw.clone()),
            _ => {
                described.text.push_str(" (Media Download Failed)");
                at.keep(raw.clone());
            }
        }
        Some(event::event(&raw, &described, around))
    }
}

/// A `messageTimestamp`: a number, or a string for echoes.
pub(crate) fn seconds(timestamp: &Value) -> i64 {
    timestamp.as_i64().or_else(|| timestamp.as_str()?.parse().ok()).unwrap_or(0)
}
