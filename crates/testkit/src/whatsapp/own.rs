//! Messages that the account itself sends through the addon.

use std::sync::Arc;

use serde_json::{Value, json};

use super::inside::{Inside, lock};
use super::jid::GROUP;
use super::media::FakeMedia;
use super::script::Echo;
use super::upsert::Upsert;

impl Inside {
    /// Sends `message` (`raw.message`) as the account. Returns its id and the number of its echo's webhook call.
    pub(crate) fn send_own(
        self: &Arc<Self>,
        session: &str,
        jid: &str,
        message: &Value,
        file: Option<FakeMedia>,
    ) -> (String, Option<usize>) {
        let id = self.new_id();
        let mut raw = json!({
            "key": { "remoteJid": jid, "fromMe": true, "id": id },
            "message": message,
            // A string here, a number in messages that are received.
            "messageTimestamp": self.now().as_second().to_string(),
        });
        if jid.ends_with(GROUP) {
            raw["participant"] = json!(self.state().session(session).own_device());
        }
        raw["status"] = json!("PENDING");
        self.show(session, &raw, file.as_ref());
        let echo = lock(&self.settings).echo;
        match echo {
            Echo::Off => {
                let mut state = self.state();
                let session = state.session(session);
                session.spoke(jid, None);
                session.keep(raw);
                return (id, None);
            }
            Echo::ByHand => {
                self.state().held_echoes.insert(id.clone());
            }
            Echo::Free | Echo::BeforeAnswer => {}
        }
        let number = self.upsert(session, Upsert { raw, file, lost: false, vote: None });
        (id, number)
    }

    /// The same for a call: the answer may have to wait for the echo.
    pub(crate) async fn send_for_call(
        self: &Arc<Self>,
        session: &str,
        jid: &str,
        message: &Value,
        file: Option<FakeMedia>,
    ) -> String {
        let (id, number) = self.send_own(session, jid, message, file);
        let echo = lock(&self.settings).echo;
        if let Some(number) = number.filter(|_| echo == Echo::BeforeAnswer) {
            self.answered(number).await;
        }
        id
    }
}

/// Marks a message as an answer to `quoted`, which `author` wrote.
pub(crate) fn with_quote(message: &mut Value, quoted: &Value, author: &str) {
    if let Some(content) = message.as_object_mut().and_then(|fields| fields.values_mut().next()) {
        content["contextInfo"] = json!({
            "stanzaId": quoted["key"]["id"], "participant": author, "quotedMessage": quoted["message"],
        });
    }
}

/// The message of a forward.
pub(crate) fn forwarded(stored: &Value) -> Value {
    let mut message = stored["message"].clone();
    if let Some(text) = message["conversation"].as_str() {
        message = json!({ "extendedTextMessage": { "text": text } });
    }
    // WhatsApp does not call it forwarded when we forward our own.
    if stored["key"]["fromMe"] != true
        && let Some(content) = message.as_object_mut().and_then(|fields| fields.values_mut().next())
        && content.is_object()
    {
        content["contextInfo"] = json!({ "forwardingScore": 1, "isForwarded": true });
    }
    message
}
