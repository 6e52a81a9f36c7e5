//! Who wrote a message.
//!
//! The addon's own fields are not to be trusted for it: in a direct chat they name the partner even if the owner wrote,
//! and they may hold a LID although the phone number is known. `raw.key` decides.

use tieline_core::compose::one_line;
use tieline_core::event::{Author, Authorship};

use crate::fields::{flag, text};
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
    let display_name =
        names.into_iter().flatten().map(|name| one_line(&name).into_owned()).find(|name| !name.is_empty());
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn payload(from: &str, key: &Value, more: &Value) -> Payload {
        let mut body = json!({ "from": from, "raw": { "key": key } });
        for (key, value) in more.as_object().expect("an object") {
            if key == "raw" {
                for (key, value) in value.as_object().expect("an object") {
                    body["raw"][key] = value.clone();
                }
            } else {
                body[key] = value.clone();
            }
        }
        crate::payload::read(body.to_string().as_bytes()).expect("an object")
    }

    fn told(payload: &Payload) -> (String, Writer) {
        let chat = chat(payload).expect("a chat");
        let writer = writer(payload, &chat, "default");
        (chat.to_string(), writer)
    }

    const GROUP: &str = "120363000000000001@g.us";
    const ALICE: &str = "491700000001@s.whatsapp.net";

    #[test]
    fn the_phone_number_counts_whichever_field_has_it() {
        for (from, key, person) in [
            (GROUP, json!({ "participant": "222000000000002@lid", "participantAlt": ALICE }), "222000000000002@lid"),
            (GROUP, json!({ "participant": "491700000001:12@s.whatsapp.net" }), "491700000001:12@s.whatsapp.net"),
            (GROUP, json!({ "participant": null }), ALICE),
            (ALICE, json!({ "remoteJid": ALICE, "remoteJidAlt": "222000000000001@lid" }), "222000000000001@lid"),
            (ALICE, json!({ "remoteJid": "222000000000001@lid", "remoteJidAlt": ALICE }), "222000000000001@lid"),
            (
                "222000000000001@lid",
                json!({ "remoteJid": "222000000000001@lid", "remoteJidAlt": ALICE }),
                "222000000000001@lid",
            ),
        ] {
            let more = json!({ "person_jid": person, "sender": person, "sender_number": "999", "raw": { "pushName": "Alice" } });
            let (chat, writer) = told(&payload(from, &key, &more));
            assert_eq!(writer.author.id, "491700000001", "{key}");
            assert_eq!((writer.author.username.as_str(), writer.author.shown_name()), ("+491700000001", "Alice"));
            assert_eq!(chat, if from == GROUP { GROUP } else { ALICE });
        }
    }

    #[test]
    fn a_hidden_number_stays_hidden() {
        let (chat, writer) =
            told(&payload("222000000000001@lid", &json!({ "remoteJid": "222000000000001@lid" }), &json!({})));
        assert_eq!((chat.as_str(), writer.author.shown_name()), ("222000000000001@lid", "222000000000001"));
        let (_, writer) = told(&payload(GROUP, &json!({ "participant": "222000000000002:4@lid" }), &json!({})));
        assert_eq!((writer.author.id.as_str(), writer.author.username.as_str()), ("222000000000002", ""));
    }

    #[test]
    fn the_owner_is_known_by_the_key_alone() {
        let partner = json!({ "sender": ALICE, "person_jid": ALICE, "sender_name": "Alice", "is_admin": true });
        let (chat, writer) = told(&payload(ALICE, &json!({ "remoteJid": ALICE, "fromMe": true }), &partner));
        assert_eq!((chat.as_str(), writer.is_owner, writer.jid), (ALICE, true, None));
        assert_eq!(writer.author.shown_name(), "default", "not the partner's name, and no other is there");
        assert_eq!(writer.author.kind, Authorship::PersonOrOurs);
        let named = json!({ "sender_name": "Alice", "raw": { "pushName": "Me\nmyself" } });
        let (_, writer) = told(&payload(ALICE, &json!({ "remoteJid": ALICE, "fromMe": true }), &named));
        assert_eq!(writer.author.shown_name(), "Me myself");
        let own = json!({ "fromMe": true, "participant": "491555000001:7@s.whatsapp.net" });
        let (_, writer) = told(&payload(GROUP, &own, &json!({ "sender_number": "4915550000017" })));
        assert_eq!((writer.author.id.as_str(), writer.is_owner), ("491555000001", true));
        let admin = payload(ALICE, &json!({ "remoteJid": ALICE, "fromMe": false }), &json!({ "is_admin": true }));
        assert_eq!(told(&admin).1.author.kind, Authorship::Person);
    }

    #[test]
    fn without_a_key_it_may_be_ours() {
        let (_, writer) = told(&payload(ALICE, &Value::Null, &json!({ "sender_name": "Alice" })));
        assert_eq!((writer.author.kind, writer.author.id.as_str()), (Authorship::PersonOrOurs, "491700000001"));
    }

    #[test]
    fn names_are_the_senders_own_then_the_contacts_then_the_business() {
        let name = |more: Value| told(&payload(ALICE, &json!({ "fromMe": false }), &more)).1.author.display_name;
        assert_eq!(name(json!({ "sender_name": "B", "raw": { "pushName": "A", "verifiedBizName": "C" } })), "A");
        assert_eq!(name(json!({ "sender_name": "B", "raw": { "pushName": " ", "verifiedBizName": "C" } })), "B");
        assert_eq!(name(json!({ "sender_name": "", "raw": { "verifiedBizName": "C" } })), "C");
    }

    #[test]
    fn a_channel_speaks_for_itself() {
        let channel = "120363000000000009@newsletter";
        let (chat, writer) =
            told(&payload(channel, &json!({ "remoteJid": channel, "fromMe": false }), &json!({ "person_jid": "" })));
        assert_eq!((chat.as_str(), writer.author.id.as_str()), (channel, "120363000000000009"));
    }

    #[test]
    fn the_chat_may_stand_in_the_key_alone() {
        let body = json!({ "raw": { "key": { "remoteJid": "222000000000001@lid", "remoteJidAlt": ALICE } } });
        let payload = crate::payload::read(body.to_string().as_bytes()).expect("an object");
        assert_eq!(chat(&payload).map(|jid| jid.to_string()).as_deref(), Some(ALICE));
        assert_eq!(chat(&crate::payload::read(b"{}").expect("an object")), None);
    }
}
