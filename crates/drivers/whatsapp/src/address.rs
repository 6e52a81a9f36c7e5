//! Channel addresses: `{"chat_id": "491700000001@s.whatsapp.net"}`, and `"*"` for every chat or for the conversation's.

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{Recipient, SourcePattern, TargetChannel};
use tieline_core::id::ChannelKey;
use tieline_core::problem::{Problem, unknown_keys};

use crate::jid::{Jid, Server};
use crate::recipient::{AllowTo, is_meant};

/// The key that names a chat.
pub(crate) const CHAT: &str = "chat_id";
/// Every chat as a source; the conversation's chat as a target.
const ANY: &str = "*";

/// The JSON Schema of an address.
pub(crate) fn schema(as_target: bool) -> Value {
    let star = if as_target {
        "`*` is the chat that the conversation belongs to: the one of the message that is answered, else the one named by \
            `[recipient]` at the beginning of the text."
    } else {
        "`*` stands for every chat of the account."
    };
    let about = format!(
        "The chat: a phone number with its country code (+49 170 0000001), or a JID (…@s.whatsapp.net, …@g.us, …@lid, \
            …@newsletter); `tieline rooms` lists them. {star}"
    );
    json!({
        "type": "object", "additionalProperties": false, "required": [CHAT],
        "properties": { CHAT: { "type": "string", "minLength": 1, "description": about } },
    })
}

/// Understands a source address.
pub(crate) fn source(address: &Address) -> Result<SourcePattern, Vec<Problem>> {
    let channel = match chat(address, "a source", "every chat")? {
        Chat::Any => None,
        Chat::One(jid) => Some(key(&jid)?),
    };
    Ok(SourcePattern { channel, also: Vec::new() })
}

/// Understands a target address.
pub(crate) fn target(address: &Address) -> Result<TargetChannel, Vec<Problem>> {
    match chat(address, "a target", "the chat that the conversation belongs to")? {
        Chat::Any => {
            let key = ChannelKey::new(ANY).map_err(|error| vec![Problem::error(error.to_string()).at(CHAT)])?;
            Ok(TargetChannel { open: true, ..into(key, ANY) })
        }
        Chat::One(jid) => Ok(into(key(&jid)?, &jid.to_string())),
    }
}

/// The target that leads into the chat that an event came from; `None` for what is no JID, and for stories and broadcast
/// lists, into which nothing can be said.
pub(crate) fn target_for(channel: &ChannelKey) -> Option<TargetChannel> {
    let jid = Jid::parse(channel.as_str()).filter(|jid| *jid.server() != Server::Broadcast)?;
    Some(into(channel.clone(), &jid.to_string()))
}

/// Understands what a text names in leading brackets. `None`: it is no recipient.
pub(crate) fn recipient(named: &str, allowed: &AllowTo) -> Option<Recipient> {
    if !is_meant(named) {
        return None;
    }
    let (chat, refused) = match Jid::written(named) {
        Ok(jid) if allowed.takes(&jid) => (jid.to_string(), None),
        Ok(jid) => {
            let reason =
                format!("{} may not be written to: it is not on the list of recipients (allow_to)", jid.shown());
            (jid.to_string(), Some(reason))
        }
        Err(why) => (named.trim().to_owned(), Some(why)),
    };
    let key = ChannelKey::new(&chat).ok()?;
    Some(Recipient { target: into(key, &chat), refused })
}

fn into(key: ChannelKey, chat: &str) -> TargetChannel {
    TargetChannel {
        key,
        also_known_as: Vec::new(),
        address: Address::of([(CHAT, chat)]),
        secrets: Vec::new(),
        open: false,
        opener: None,
    }
}

enum Chat {
    Any,
    One(Jid),
}

fn chat(address: &Address, what: &str, star: &str) -> Result<Chat, Vec<Problem>> {
    let mut problems = unknown_keys(address.keys(), &[CHAT]);
    let chat = match address.keys().get(CHAT) {
        Some(Value::String(text)) if text.trim() == ANY => Some(Chat::Any),
        Some(Value::String(text)) => match Jid::written(text) {
            Ok(jid) => Some(Chat::One(jid)),
            Err(why) => {
                problems.push(Problem::error(format!("`{CHAT}`: {why}")).at(CHAT));
                None
            }
        },
        Some(_) => {
            problems.push(
                Problem::error(format!("`{CHAT}` must be a text")).at(CHAT).help("put the number in quotation marks"),
            );
            None
        }
        None => {
            problems.push(
                Problem::error(format!("{what} must say which chat: `{CHAT}` is missing"))
                    .help(format!("name the chat, or write \"*\" for {star}; `tieline rooms` lists them")),
            );
            None
        }
    };
    match chat {
        Some(chat) if problems.is_empty() => Ok(chat),
        _ => Err(problems),
    }
}

fn key(jid: &Jid) -> Result<ChannelKey, Vec<Problem>> {
    ChannelKey::new(&jid.to_string()).map_err(|error| vec![Problem::error(error.to_string()).at(CHAT)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(value: Value) -> Address {
        serde_json::from_value(value).expect("an object")
    }

    fn allowed(patterns: &[&str]) -> AllowTo {
        AllowTo::parse(&patterns.iter().map(|&pattern| Some(pattern.to_owned())).collect::<Vec<_>>()).expect("sound")
    }

    #[test]
    fn a_source_names_its_chat_or_all() {
        let one = source(&address(json!({ "chat_id": "+49 170 0000001" }))).expect("sound");
        assert_eq!(one.channel.as_ref().map(ChannelKey::as_str), Some("491700000001@s.whatsapp.net"));
        assert_eq!(source(&address(json!({ "chat_id": "*" }))).expect("sound").channel, None);
        for wrong in
            [json!({}), json!({ "chat": "1" }), json!({ "chat_id": "" }), json!({ "chat_id": 491_700_000_001_u64 })]
        {
            assert!(source(&address(wrong.clone())).is_err(), "{wrong}");
        }
        let misspelt = source(&address(json!({ "chatid": "*" }))).expect_err("misspelt");
        assert!(misspelt[0].help.as_deref().is_some_and(|help| help.contains("chat_id")));
    }

    #[test]
    fn a_target_is_a_chat_or_the_conversations() {
        let one = target(&address(json!({ "chat_id": "0049 (0)170 0000001" }))).expect("sound");
        assert_eq!(one.key.as_str(), "491700000001@s.whatsapp.net");
        assert_eq!(one.address, address(json!({ "chat_id": "491700000001@s.whatsapp.net" })));
        assert!(!one.open);
        assert!(target(&address(json!({ "chat_id": "*" }))).expect("sound").open);
        let problems = target(&address(json!({ "chat_id": "Alice", "thread": true }))).expect_err("both are wrong");
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn a_recipient_is_a_target_or_is_refused_with_a_reason() {
        let everybody = allowed(&["*"]);
        let named = recipient("+49 170 0000001", &everybody).expect("a recipient");
        assert_eq!((named.target.key.as_str(), named.refused), ("491700000001@s.whatsapp.net", None));
        assert_eq!(recipient("TODO", &everybody), None);
        assert_eq!(recipient("49170", &everybody), None, "nobody is told of what is no recipient");
        let short = recipient("+49 (0)1234", &everybody).expect("meant as one");
        assert!(short.refused.expect("too short").contains("too short"));
        let other = recipient("+43 170 0000001", &allowed(&["49*"])).expect("a recipient");
        let reason = other.refused.expect("not allowed");
        assert!(reason.contains("+431700000001") && reason.contains("allow_to"), "{reason}");
    }

    #[test]
    fn an_events_channel_is_a_target() {
        let group = ChannelKey::new("120363000000000001@g.us").unwrap();
        assert_eq!(target_for(&group).map(|target| target.key), Some(group));
        for none in ["GENERAL", "status@broadcast", "STATUS@Broadcast", "1406122334@broadcast"] {
            assert_eq!(target_for(&ChannelKey::new(none).unwrap()), None, "{none}");
        }
    }
}
