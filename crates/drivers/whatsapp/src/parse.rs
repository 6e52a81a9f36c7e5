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
use crate::quoted;
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
    let mut content = Message { text: said.text, attachments: said.files, ..Message::default() };
    content.reply_to = answered(context, &chat).or(said.about).and_then(|id| self::message_id(&id));
    let (quoted, quotes) = quoted::quoted(context).unzip();
    content.quoted = quoted;
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
        owner: writer.is_owner,
        picture: writer.jid.clone(),
        quotes: quotes.flatten(),
        mentions,
        past: None,
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tieline_core::driver::{Defaults, InstanceConfig};
    use tieline_core::event::Authorship;
    use tieline_core::id::InstanceId;
    use tieline_testkit::put;

    /// A checked instance of the session `default`, with these settings besides.
    pub(crate) fn instance(more: &Value) -> Instance {
        let mut written = json!({ "addon_url": "http://addon:8066", "api_token": "t", "webhook_token": "hook-token" });
        for (key, value) in more.as_object().expect("an object") {
            written[key] = value.clone();
        }
        let (settings, mut problems) = crate::settings::read(&written);
        let id = InstanceId::new("wa").unwrap();
        crate::resolve::resolve(&id, &settings.expect("sound"), &Defaults::default(), &mut problems).expect("sound")
    }

    fn received(body: &Value) -> Result<Received, String> {
        let payload = crate::payload::read(body.to_string().as_bytes()).expect("an object");
        event(&instance(&json!({})), &payload, Timestamp::UNIX_EPOCH)
    }

    fn event_of(body: &Value) -> Event {
        match received(body) {
            Ok(Received::Event(event)) => *event,
            other => panic!("{other:?}"),
        }
    }

    /// What the addon emitted, by the name of its file.
    fn fixtures() -> Vec<(String, Value)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/whatsapp");
        let entries = std::fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("an entry").path());
        let events = entries.filter(|path| {
            !path.to_string_lossy().contains("api_samples") && !path.to_string_lossy().contains(".request.")
        });
        let read = |path: std::path::PathBuf| {
            let text = std::fs::read_to_string(&path).expect("a fixture");
            (path.display().to_string(), serde_json::from_str(&text).expect("JSON"))
        };
        let mut all: Vec<(String, Value)> = events.map(read).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    fn fixture(name: &str) -> Value {
        let found = fixtures().into_iter().find(|(path, _)| path.ends_with(&format!("/{name}.json")));
        found.expect("a fixture of this name").1
    }

    #[test]
    fn times_are_numbers_or_texts_and_old_ones_are_kept() {
        let mut body = fixture("direct_text");
        for (written, second) in [
            (json!(1_795_241_733), 1_795_241_733),
            (json!("1795241733"), 1_795_241_733),
            (json!({ "low": 1_795_241_733, "high": 0, "unsigned": true }), 1_795_241_733),
            (json!(1_400_000_000), 1_400_000_000),
            (json!(null), 0),
            (json!("soon"), 0),
            (json!(-5), 0),
            (json!(1e300), 0),
        ] {
            body["raw"]["messageTimestamp"] = written.clone();
            assert_eq!(event_of(&body).time.as_second(), second, "{written}");
        }
    }

    #[test]
    fn an_answer_names_what_it_answers_if_that_is_in_this_chat() {
        let mut body = fixture("reply_quote");
        assert_eq!(event_of(&body).message().unwrap().reply_to, MessageId::new("3EB02866F65229FB4DCA19").ok());
        for (place, here) in [
            ("491700000001@s.whatsapp.net", true),
            ("222000000000001@lid", true),
            ("status@broadcast", false),
            ("120363000000000001@g.us", false),
        ] {
            body["raw"]["message"]["extendedTextMessage"]["contextInfo"]["remoteJid"] = json!(place);
            assert_eq!(event_of(&body).message().unwrap().reply_to.is_some(), here, "{place}");
        }
    }

    #[test]
    fn mentions_are_readable() {
        let mut body = fixture("group_text");
        body["raw"]["message"] = json!({ "extendedTextMessage": {
            "text": "hi @491700000009 and @222000000000003, @12",
            "contextInfo": { "mentionedJid": ["491700000009@s.whatsapp.net", "222000000000003@lid", null, "x"] },
        } });
        let event = event_of(&body);
        assert_eq!(event.message().unwrap().text.to_plain(), "hi @+491700000009 and @222000000000003, @12");
        let missing = Missing::of(event.missing.as_ref());
        assert_eq!(missing.mentions.len(), 2);
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |name: &str| Missing::of(event_of(&fixture(name)).missing.as_ref());
        let alice = Jid::parse("491700000001@s.whatsapp.net");
        let group = Jid::parse("120363000000000001@g.us");
        assert_eq!(missing("direct_text"), Missing { picture: alice.clone(), ..Missing::default() });
        assert_eq!(missing("image_caption"), Missing { picture: alice.clone(), files: true, ..Missing::default() });
        let bob = Jid::parse("491700000002@s.whatsapp.net");
        assert_eq!(missing("group_text"), Missing { chat: group, picture: bob, ..Missing::default() });
        assert_eq!(missing("fromme_phone_direct"), Missing { chat: alice, owner: true, ..Missing::default() });
        assert!(!missing("image_download_failed").files && !missing("document_with_caption").files);
        let mut unnamed = fixture("group_text");
        unnamed["raw"]["pushName"] = json!(null);
        unnamed["sender_name"] = json!("");
        assert_eq!(Missing::of(event_of(&unnamed).missing.as_ref()).name, Jid::parse("491700000002@s.whatsapp.net"));
    }

    #[test]
    fn own_messages_may_be_echoes() {
        for name in ["fromme_api_echo", "fromme_phone_direct", "fromme_phone_group"] {
            assert_eq!(event_of(&fixture(name)).author.kind, Authorship::PersonOrOurs, "{name}");
        }
        assert_eq!(event_of(&fixture("fromme_phone_direct")).author.shown_name(), "Rig default");
    }

    #[test]
    fn what_the_owner_types_is_kept_back_only_if_the_settings_say_so() {
        let declined =
            |relay_own: bool, body: &Value| instance(&json!({ "relay_own": relay_own })).declines(&event_of(body));
        for name in ["fromme_phone_direct", "fromme_phone_group", "fromme_api_echo"] {
            assert!(declined(false, &fixture(name)).is_some_and(|why| why.contains("relay_own")), "{name}");
            assert_eq!(declined(true, &fixture(name)), None);
        }
        assert_eq!(declined(false, &fixture("direct_text")), None);
        let mut unsure = fixture("direct_text");
        unsure["raw"] = Value::Null;
        assert_eq!(declined(false, &unsure), None, "it may be somebody else's");
    }

    #[test]
    fn what_cannot_be_relayed_says_why() {
        assert!(received(&json!({ "from": "1@g.us", "content": "x" })).unwrap_err().contains("`id`"));
        assert!(received(&json!({ "id": "A", "content": "x" })).unwrap_err().contains("`from`"));
        for odd in ["tieline opener 1", "a\nb", &"x".repeat(300)] {
            let refused = received(&json!({ "id": odd, "from": "1@g.us", "content": "x" }));
            assert!(refused.unwrap_err().contains("WhatsApp gives"), "{odd}");
        }
        let story = json!({ "id": "A", "from": "status@broadcast", "content": "x" });
        assert!(matches!(received(&story), Ok(Received::Nothing(_))));
        let empty = json!({ "id": "A", "from": "1@g.us", "content": "" });
        assert!(matches!(received(&empty), Ok(Received::Nothing(_))));
    }

    #[test]
    fn a_message_without_raw_is_relayed_as_text() {
        let mut body = fixture("group_text");
        body["raw"] = json!(null);
        let event = event_of(&body);
        assert_eq!(event.message().unwrap().text.to_plain(), "hi group");
        assert_eq!((event.author.id.as_str(), event.author.shown_name()), ("491700000002", "Bob"));
        assert_eq!(event.time, Timestamp::UNIX_EPOCH, "now, since no time is told");
    }

    #[test]
    fn a_channels_post_is_its_own() {
        let channel = "120363000000000009@newsletter";
        let post = event_of(&json!({
            "id": "N1", "type": "message", "content": "news", "from": channel, "sender": channel, "person_jid": "",
            "sender_number": "", "sender_name": "", "raw": { "key": { "remoteJid": channel, "fromMe": false, "id": "N1" },
                "messageTimestamp": 1_795_241_733, "message": { "conversation": "news" } },
        }));
        assert_eq!((post.channel.as_str(), post.author.shown_name()), (channel, "120363000000000009"));
        assert_eq!(Missing::of(post.missing.as_ref()).chat, Jid::parse(channel));
    }

    /// Any JSON of a few levels.
    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "[0-9:]{0,14}@(s.whatsapp.net|g.us|lid|newsletter|status@broadcast)".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(key(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Keys that are read somewhere.
    fn key() -> impl Strategy<Value = String> {
        "message|text|contextInfo|stanzaId|mentionedJid|contacts|vcard|options|name|key|remoteJid|fromMe|buttons|sections|\
            rows|header|body|nativeFlowMessage|location|degreesLatitude|startTime|fileName|caption|vote|raw|id|from|x"
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_addon_sends_is_read_or_refused(
            index in any::<prop::sample::Index>(),
            changes in proptest::collection::vec((proptest::collection::vec(any::<usize>(), 1..5), anything()), 0..5),
        ) {
            let all = fixtures();
            let mut body = all[index.index(all.len())].1.clone();
            for (steps, value) in changes {
                put(&mut body, &steps, value);
            }
            if body.is_object() && let Ok(Received::Event(event)) = received(&body) {
                prop_assert!(!event.message_id.is_ours());
                // What is stored reads back.
                let stored = serde_json::to_string(&*event).expect("JSON");
                prop_assert_eq!(serde_json::from_str::<Event>(&stored).expect("an event"), *event);
            }
        }

        #[test]
        fn any_kind_of_message_is_read(kind in "[a-z]{1,8}|(image|video|audio|document|sticker|location|contact|\
            contactsArray|pollCreation|pollUpdate|event|encEventResponse|buttons|list|interactive|template)Message",
            content in anything(),
        ) {
            let mut body = fixture("direct_text");
            body["raw"]["message"] = json!({ kind: content });
            prop_assert!(received(&body).is_ok(), "an id and a chat are all that it takes");
        }
    }
}
