//! The event object that goes to the webhook and to `/events`.

use serde_json::{Value, json};

use super::jid::{CHANNEL, GROUP, LID, PHONE, digits};
use super::kind::Described;

/// What the addon adds to a message from elsewhere than the message.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub(crate) session: String,
    /// The name in the contact cache.
    pub(crate) contact_name: Option<String>,
    /// Whether the sender is an admin of the group.
    pub(crate) group_admin: bool,
    /// Where the file lies (`/media/…`).
    pub(crate) media_url: Option<String>,
    /// The options that were voted for.
    pub(crate) vote: Vec<String>,
}

/// Who wrote a message, without the device; `own` is our JID.
pub(crate) fn author(raw: &Value, own: &str) -> String {
    let from_me = raw["key"]["fromMe"] == true;
    let named = [&raw["key"]["participant"], &raw["participant"]].into_iter().find_map(Value::as_str);
    let jid = named.unwrap_or(if from_me { own } else { raw["key"]["remoteJid"].as_str().unwrap_or_default() });
    super::jid::without_device(jid)
}

/// The chat: a hidden id is replaced by the phone's JID where that is told.
pub(crate) fn chat(raw: &Value) -> String {
    let key = &raw["key"];
    let remote = key["remoteJid"].as_str().unwrap_or_default();
    match key["remoteJidAlt"].as_str() {
        Some(phone) if remote.ends_with(LID) && phone.ends_with(PHONE) => phone.to_owned(),
        _ => remote.to_owned(),
    }
}

/// The person, by whatever id comes first; may be a LID, may have a device.
pub(crate) fn person(raw: &Value) -> String {
    let key = &raw["key"];
    let remote = key["remoteJid"].as_str().unwrap_or_default();
    let direct = !remote.ends_with(GROUP) && !remote.ends_with(CHANNEL);
    let candidates = [&key["participant"], &key["participantAlt"], &raw["participant"], &key["remoteJidAlt"]];
    let named = candidates.into_iter().find_map(Value::as_str);
    named.or(direct.then_some(remote)).unwrap_or_default().to_owned()
}

/// Builds the event.
pub(crate) fn event(raw: &Value, described: &Described, around: Around) -> Value {
    let from = chat(raw);
    let person = person(raw);
    let is_group = from.ends_with(GROUP);
    let from_me = raw["key"]["fromMe"] == true;
    let name = raw["pushName"].as_str().map(str::to_owned).or(around.contact_name).unwrap_or_default();
    let path = around.media_url.as_ref().map(|url| format!("/app{url}"));
    json!({
        "id": raw["key"]["id"],
        "type": described.event,
        "content": described.text,
        "vote": around.vote,
        "sender": if is_group { &person } else { &from },
        "person_jid": person,
        "sender_name": name,
        "from": from,
        "sender_number": digits(&person),
        "is_group": is_group,
        "is_forwarded": described.forwarded,
        "media_url": around.media_url,
        "media_path": path,
        "media_type": described.media_type,
        "media_mimetype": described.mime,
        "caption": described.caption,
        "raw": raw,
        "session_id": around.session,
        "is_admin": from_me || around.group_admin,
        "is_group_admin": around.group_admin,
    })
}
