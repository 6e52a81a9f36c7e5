//! Who wrote a message.
//!
//! The addon's own fields are not to be trusted for it: in a direct chat they name the partner even if the owner wrote,
//! and they may hold a LID although the phone number is known. `raw.key` decides.

use tieline_core::event::{Author, Authorship};

use crate::fields::{flag, one_line, text};
use crate::jid::{Jid, Server};
use crate::payload::Payload;

/// Who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Writer {
    /// As events name them.
    pub(crate) author: Author,
    /// Their JID, by phone number where it is known. `None`: the owner in a direct chat, where only the partner is named.
    pub(crate) jid: Option<Jid>,
    /// Whether it is the owner of the account, or we through their account.
    pub(crate) is_owner: bool,
}

/// The chat that a message is in, by phone number where it is known.
pub(crate) fn chat(payload: &Payload) -> Option<Jid> {
    let named = [payload.from.clone(), payload.key_jid("remoteJid"), payload.sender.clone()];
    let first = named.into_iter().flatten().next()?;
    match first.server() {
        // A person that is named by a LID, while another field has the phone number.
        Server::Lid => {
            let others = [payload.key_jid("remoteJid"), payload.key_jid("remoteJidAlt")];
            Some(others.into_iter().flatten().find(Jid::is_phone).unwrap_or(first))
        }
        _ => Some(first),
    }
}

/// Who wrote a message in this chat. `session`: the account's name in the addon, for an owner without any other.
pub(crate) fn writer(payload: &Payload, chat: &Jid, session: &str) -> Writer {
    let is_owner = flag(payload.key(), "fromMe");
    let jid = if chat.is_group() {
        let raw = text(&payload.raw, "participant").and_then(|text| Jid::parse(&text));
        let named = [
            payload.key_jid("participant"),
            payload.key_jid("participantAlt"),
            raw,
            payload.person.clone(),
            payload.sender.clone(),
        ];
        person(named)
    } else if is_owner {
        None
    } else if matches!(chat.server(), Server::Phone | Server::Lid) {
        person([Some(chat.clone()), payload.key_jid("remoteJid"), payload.key_jid("remoteJidAlt")])
    } else {
        // In a channel everything is said by the channel.
        Some(chat.clone())
    };
    // The owner's messages carry the owner's own name, but `sender_name` may then be the partner's from the contacts.
    let contact = if is_owner { None } else { payload.sender_name.clone() };
    let names = [text(&payload.raw, "pushName"), contact, text(&payload.raw, "verifiedBizName")];
    let display_name = names.into_iter().flatten().map(|name| one_line(&name)).find(|name| !name.is_empty());
    let username = match &jid {
        Some(jid) if jid.is_phone() => jid.shown(),
        None => session.to_owned(),
        Some(_) => String::new(),
    };
    // Without WhatsApp's own key nobody can say whether it is ours.
    let unsure = payload.key().get("fromMe").is_none();
    let author = Author {
        id: jid.as_ref().map(|jid| jid.user().to_owned()).unwrap_or_default(),
        username,
        display_name: display_name.unwrap_or_default(),
        kind: if is_owner || unsure { Authorship::PersonOrOurs } else { Authorship::Person },
        ..Author::default()
    };
    Writer { author, jid, is_owner }
}

/// The first phone number among these, else the first LID.
fn person<const N: usize>(named: [Option<Jid>; N]) -> Option<Jid> {
    let people: Vec<Jid> = named.into_iter().flatten().filter(|jid| !jid.is_group()).collect();
    people.iter().find(|jid| jid.is_phone()).or_else(|| people.first()).cloned()
}
