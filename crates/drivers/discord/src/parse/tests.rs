//! What becomes of whole dispatches.

pub(crate) mod payloads;

use proptest::prelude::*;
use serde_json::{Value, json};
use tieline_core::driver::Defaults;
use tieline_core::event::Authorship;
use tieline_core::id::InstanceId;
use tieline_testkit::put;

use self::payloads::{all, with};
use super::*;
use crate::missing::Own;

/// A checked instance with Discord's own API.
pub(crate) fn instance() -> Instance {
    instance_at(crate::instance::API)
}

/// A checked instance with this API.
pub(crate) fn instance_at(api: &str) -> Instance {
    let written = json!({ "bot_token": "MTIz.abc.def", "api_url": api });
    let (settings, mut problems) = crate::settings::read(&written);
    let id = InstanceId::new("dc").unwrap();
    let resolved = crate::resolve::resolve(&id, &settings.expect("sound"), &Defaults::default(), &mut problems);
    resolved.unwrap_or_else(|| panic!("{problems:?}"))
}

/// What a driver knows, and what it hears.
struct Scene {
    instance: Instance,
    directory: Directory,
    deferred: Deferred,
    taken_away: TakenAway,
    webhooks: Webhooks,
    me: Option<Account>,
    now: Timestamp,
}

impl Default for Scene {
    fn default() -> Self {
        let (directory, webhooks) = (Directory::default(), Webhooks::default());
        webhooks.note_ours(Snowflake(9201));
        directory.hear(
            "GUILD_CREATE",
            &json!({
                "id": "290926798626357999",
                "channels": [{ "id": "290926798999357250", "type": 0, "name": "general", "parent_id": "1" }],
                "threads": [{ "id": "20", "type": 11, "name": "plans", "parent_id": "290926798999357250" }],
                "roles": [{ "id": "33", "name": "crew" }],
            }),
        );
        Self {
            instance: instance(),
            directory,
            deferred: Deferred::default(),
            taken_away: TakenAway::default(),
            webhooks,
            me: Some(Account { bot: Snowflake(9998), application: Snowflake(9999) }),
            now: "2023-04-24T12:10:00Z".parse().unwrap(),
        }
    }
}

impl Scene {
    fn received(&self, kind: &str, data: &Value) -> Result<Received, &'static str> {
        received(&self.listener(), kind, data)
    }

    fn listener(&self) -> Listener<'_> {
        Listener {
            instance: &self.instance,
            directory: &self.directory,
            deferred: &self.deferred,
            me: self.me,
            taken_away: &self.taken_away,
            webhooks: &self.webhooks,
            now: self.now,
        }
    }

    fn events(&self, kind: &str, data: &Value) -> Vec<Event> {
        match self.received(kind, data) {
            Ok(Received::Events(events)) => events,
            other => panic!("{other:?}"),
        }
    }

    fn event(&self, data: &Value) -> Event {
        self.events("MESSAGE_CREATE", data).remove(0)
    }

    fn is_passed_over(&self, kind: &str, data: &Value) -> bool {
        matches!(self.received(kind, data), Ok(Received::Nothing(_)))
    }
}

fn plain(event: &Event) -> String {
    event.message().expect("a message").text.to_plain()
}

#[test]
fn what_discord_sends_becomes_these_events() {
    for (name, kind, data) in all() {
        insta::assert_json_snapshot!(name, Scene::default().events(kind, &data));
    }
}

#[test]
fn our_own_posts_are_known_and_no_rule_takes_them() {
    let scene = Scene::default();
    let own = |data: &Value| {
        let event = scene.event(data);
        assert!(event.author.kind.may_be_ours());
        Missing::of(event.missing.as_ref()).own
    };
    let hook = |webhook: u64, application: Value| {
        with(
            json!({ "webhook_id": webhook, "application_id": application, "content": "x", "author": { "id": webhook, "bot": true } }),
        )
    };
    assert_eq!(own(&with(json!({ "content": "x", "author": { "id": "9998", "bot": true } }))), Some(Own::Bot));
    assert_eq!(own(&hook(9200, json!("9999"))), Some(Own::Webhook), "our application's");
    assert_eq!(own(&hook(9201, json!(null))), Some(Own::Webhook), "one that we post through");
    assert_eq!(own(&hook(9300, json!(null))), None, "links decide");
}

#[test]
fn other_bots_are_bots_and_who_is_not_named_may_be_us() {
    let scene = Scene::default();
    let kind =
        |scene: &Scene, author: Value| scene.event(&with(json!({ "content": "x", "author": author }))).author.kind;
    assert_eq!(kind(&scene, json!({ "id": "1", "bot": true })), Authorship::Bot);
    assert_eq!(kind(&scene, json!({ "id": "1", "system": true })), Authorship::Bot);
    assert_eq!(kind(&scene, json!({ "id": "1" })), Authorship::Person);
    assert_eq!(kind(&scene, json!(null)), Authorship::PersonOrOurs);
    let unsure = Scene { me: None, ..Scene::default() };
    assert_eq!(kind(&unsure, json!({ "id": "1", "bot": true })), Authorship::BotOrOurs);
}

#[test]
fn people_are_shown_as_the_guild_calls_them() {
    let scene = Scene::default();
    let shown = |more: Value| {
        let author = scene.event(&with(more)).author;
        (author.shown_name().to_owned(), author.avatar)
    };
    let (name, avatar) = shown(json!({ "content": "x" }));
    assert_eq!(name, "Captain Ann");
    assert!(avatar.contains("/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png"), "{avatar}");
    let (name, avatar) = shown(json!({ "content": "x", "member": { "nick": " ", "avatar": "a_1" } }));
    assert_eq!(name, "Ann");
    assert!(avatar.contains("/guilds/290926798626357999/users/80351110224678912/avatars/a_1.png"), "{avatar}");
    let (name, avatar) =
        shown(json!({ "content": "x", "member": null, "author": { "id": "80351110224678912", "username": "an\nn" } }));
    assert_eq!((name.as_str(), avatar.as_str()), ("an n", "https://cdn.discordapp.com/embed/avatars/5.png"));
}

#[test]
fn names_come_from_the_message_then_from_who_wrote_before() {
    let scene = Scene::default();
    let asks = with(json!({ "content": "<@80351110224678912>?", "author": { "id": "7", "username": "bob" } }));
    scene.event(&with(json!({ "content": "x", "member": null, "author": { "id": "80351110224678912" } })));
    assert_eq!(plain(&scene.event(&asks)), "@unknown?");
    scene.event(&with(json!({ "content": "I am here" })));
    assert_eq!(plain(&scene.event(&asks)), "@Captain Ann?");
}

#[test]
fn names_of_another_guild_stay_there() {
    let scene = Scene::default();
    let elsewhere = with(json!({ "content": "<#290926798999357250> <@&33>", "guild_id": "5", "channel_id": "6" }));
    assert_eq!(plain(&scene.event(&elsewhere)), "#unknown @unknown");
}

#[test]
fn only_what_was_edited_is_an_edit() {
    let scene = Scene::default();
    let unfurled = with(json!({ "content": "https://e.example", "embeds": [{ "type": "link" }] }));
    assert!(scene.is_passed_over("MESSAGE_UPDATE", &unfurled));
    assert!(scene.is_passed_over("MESSAGE_UPDATE", &with(json!({ "content": "x", "pinned": true, "flags": 4 }))));
    let edited = with(json!({ "content": "x", "edited_timestamp": "2023-04-24T12:05:00+00:00" }));
    let edit = scene.events("MESSAGE_UPDATE", &edited).remove(0);
    assert!(matches!(edit.body, Body::Edit(_)));
    assert_eq!(edit.revision.as_deref(), Some("2023-04-24T12:05:00+00:00"));
    let mut pinned = edited;
    pinned["pinned"] = json!(true);
    assert_eq!(scene.events("MESSAGE_UPDATE", &pinned).remove(0), edit, "the same edit, and known as such");
    // Old servers send a part of the message.
    let part = json!({ "id": "1", "channel_id": "2", "edited_timestamp": "2023-04-24T12:05:00+00:00", "embeds": [] });
    assert!(scene.is_passed_over("MESSAGE_UPDATE", &part));
}

#[test]
fn an_announced_answer_is_a_message_once_it_says_something() {
    let scene = Scene::default();
    let answer = |more: Value| {
        let mut message = with(json!({ "type": 20, "author": { "id": "9001", "bot": true } }));
        for (key, value) in more.as_object().expect("fields") {
            message[key] = value.clone();
        }
        message
    };
    assert!(scene.is_passed_over("MESSAGE_CREATE", &answer(json!({ "flags": 128 }))));
    assert!(scene.is_passed_over("MESSAGE_UPDATE", &answer(json!({ "flags": 128, "content": "" }))));
    let said = answer(json!({ "content": "42", "edited_timestamp": "2023-04-24T12:00:05+00:00" }));
    let event = scene.events("MESSAGE_UPDATE", &said).remove(0);
    assert!(matches!(event.body, Body::Message(_)) && event.revision.is_none());
    assert!(matches!(scene.events("MESSAGE_UPDATE", &said)[0].body, Body::Edit(_)), "from now on it is there");
    // Announced to another process, and not marked as edited.
    let other = Scene { now: Snowflake(1_100_000_000_000_000_001).time(), ..Scene::default() };
    let event = other.events("MESSAGE_UPDATE", &answer(json!({ "content": "42" }))).remove(0);
    assert!(matches!(event.body, Body::Message(_)));
    assert!(
        Scene { now: Timestamp::MAX, ..Scene::default() }
            .is_passed_over("MESSAGE_UPDATE", &answer(json!({ "content": "42" })))
    );
}

#[test]
fn an_answer_names_what_it_answers_also_if_that_is_gone() {
    let scene = Scene::default();
    let answered = |more: Value| {
        let mut message = with(json!({ "content": "x", "type": 19 }));
        for (key, value) in more.as_object().expect("fields") {
            message[key] = value.clone();
        }
        scene.event(&message).message().expect("a message").reply_to.as_ref().map(ToString::to_string)
    };
    let here = json!({ "message_id": "5", "channel_id": "290926798999357250" });
    assert_eq!(answered(json!({ "message_reference": here })).as_deref(), Some("5"));
    assert_eq!(answered(json!({ "message_reference": here, "referenced_message": null })).as_deref(), Some("5"));
    assert_eq!(answered(json!({ "referenced_message": { "id": 5 } })).as_deref(), Some("5"));
    assert_eq!(answered(json!({ "message_reference": { "message_id": "5", "channel_id": "6" } })), None);
    assert_eq!(answered(json!({ "message_reference": { "type": 1, "message_id": "5" } })), None);
    let thread = with(json!({ "channel_id": "20", "content": "x" }));
    let event = scene.event(&thread);
    assert_eq!(event.message().expect("a message").reply_to, MessageId::new("20").ok(), "its thread's first message");
    assert_eq!(event.parent.as_ref().map(ChannelKey::as_str), Some("290926798999357250"));
}

#[test]
fn what_nobody_else_should_see_is_passed_over() {
    let scene = Scene::default();
    for more in [json!({ "type": 6 }), json!({ "type": 21 }), json!({ "flags": 64 }), json!({ "content": " " })] {
        let mut message = with(json!({ "content": "x" }));
        for (key, value) in more.as_object().expect("fields") {
            message[key] = value.clone();
        }
        assert!(scene.is_passed_over("MESSAGE_CREATE", &message), "{more}");
    }
    assert!(scene.is_passed_over("TYPING_START", &json!({})));
}

#[test]
fn an_answer_brings_what_it_answers() {
    let scene = Scene::default();
    let quoted = |referenced: Value| {
        let here = json!({ "message_id": "5", "channel_id": "290926798999357250" });
        let answer = json!({ "content": "x", "type": 19, "message_reference": here, "referenced_message": referenced });
        scene.event(&with(answer)).message().expect("a message").quoted.clone()
    };
    let bob = json!({ "id": "7", "username": "bob", "global_name": "Bobby" });
    let shown = |quoted: Option<Quoted>| quoted.map(|quoted| (quoted.author, quoted.text.to_plain()));
    let said = |author: &str, text: &str| Some((author.to_owned(), text.to_owned()));
    assert_eq!(
        shown(quoted(json!({ "id": "5", "author": bob, "content": "**who** is in?" }))),
        said("Bobby", "who is in?")
    );
    scene.event(&with(json!({ "content": "hi", "author": bob, "member": { "nick": "Bob the builder" } })));
    let file = json!({ "id": "5", "author": bob, "content": "", "attachments": [{ "filename": "a.png", "content_type": "image/png" }] });
    assert_eq!(shown(quoted(file)), said("Bob the builder", "[Image: a.png]"), "as the guild calls him");
    let by_webhook =
        json!({ "id": "5", "webhook_id": "9", "author": { "id": "9", "username": "Ann" }, "content": "one" });
    assert_eq!(shown(quoted(by_webhook)), said("Ann", "one"));
    for unknown in [json!(null), json!({ "id": "5", "author": bob, "content": "" })] {
        assert_eq!(quoted(unknown), None);
    }
}

#[test]
fn who_comes_is_told_by_discords_own_message() {
    let scene = Scene::default();
    let event = scene.event(&with(json!({ "type": 7, "content": "" })));
    assert_eq!((&event.body, event.author.shown_name()), (&Body::Joined, "Captain Ann"));
    assert_eq!((event.message_id.as_str(), event.missing), ("1100000000000000001", None));
    let us = scene.event(&with(json!({ "type": 7, "content": "", "author": { "id": "9998", "bot": true } })));
    assert_eq!(Missing::of(us.missing.as_ref()).own, Some(Own::Bot));
}

#[test]
fn emoji_have_one_spelling_and_the_bots_reactions_are_nobodys() {
    let scene = Scene::default();
    let reaction = |user: &str, emoji: Value| json!({ "user_id": user, "channel_id": "290926798999357250", "message_id": "5", "emoji": emoji });
    let given = |emoji: Value| match scene.events("MESSAGE_REACTION_ADD", &reaction("7", emoji)).remove(0).body {
        Body::Reaction(reaction) => reaction.emoji,
        other => panic!("{other:?}"),
    };
    assert_eq!(given(json!({ "id": null, "name": "👍" })), "👍");
    assert_eq!(given(json!({ "id": null, "name": "❤" })), given(json!({ "id": null, "name": "❤\u{fe0f}" })));
    assert_eq!(given(json!({ "id": "11", "name": "fire" })), "fire", "a server's own");
    assert_eq!(given(json!({ "id": "11", "name": null })), "11", "one that was deleted");
    let own = reaction("9998", json!({ "name": "👍" }));
    assert!(
        scene.is_passed_over("MESSAGE_REACTION_ADD", &own) && scene.is_passed_over("MESSAGE_REACTION_REMOVE", &own)
    );
}

#[test]
fn who_types_is_told_unless_it_is_us() {
    let scene = Scene::default();
    let typing = |data: Value| typing(&scene.listener(), &data);
    let place = json!({ "channel_id": "20", "guild_id": "290926798626357999", "user_id": "7", "member": {
        "nick": "Bob", "user": { "id": "7", "username": "bobby" } } });
    let told = typing(place).expect("somebody types");
    assert_eq!((told.channel.as_str(), told.author.shown_name()), ("20", "Bob"));
    assert_eq!(told.parent.as_ref().map(ChannelKey::as_str), Some("290926798999357250"));
    assert_eq!(told.address.text("channel_id"), Some("20"));
    assert_eq!(typing(json!({ "channel_id": "20", "user_id": "9998" })), None);
    assert_eq!(typing(json!({ "channel_id": "20" })), None);
}

#[test]
fn what_cannot_be_relayed_says_why() {
    let scene = Scene::default();
    let why = |kind: &str, data: Value| scene.received(kind, &data).expect_err(kind);
    assert!(why("MESSAGE_CREATE", json!({ "channel_id": "1", "content": "x" })).contains("`id`"));
    assert!(why("MESSAGE_UPDATE", json!({ "id": "1" })).contains("`channel_id`"));
    assert!(why("MESSAGE_DELETE", json!({ "channel_id": "1" })).contains("`id`"));
    assert!(why("MESSAGE_REACTION_ADD", json!({ "channel_id": "1", "user_id": "1" })).contains("`emoji`"));
    assert!(why("MESSAGE_REACTION_REMOVE_ALL", json!({ "channel_id": "1" })).contains("`message_id`"));
}

#[test]
fn huge_payloads_stay_bounded() {
    let scene = Scene::default();
    let many = |entry: Value| Value::Array(vec![entry; 2_000]);
    let embed = json!({ "title": "t", "fields": vec![json!({ "name": "n" }); 100] });
    let huge = with(json!({
        "content": "x".repeat(100_000), "mentions": many(json!({ "id": "7", "username": "bob" })), "sticker_items": many(json!({ "name": "s" })),
        "embeds": vec![embed; 100], "author": { "id": "1", "bot": true },
        "poll": { "question": { "text": "q" }, "answers": many(json!({ "poll_media": { "text": "a" } })) },
        "message_reference": { "type": 1 }, "message_snapshots": many(json!({ "message": { "content": "y" } })),
    }));
    assert!(scene.event(&huge).message().expect("a message").text.blocks.len() < 1_000);
    let ids = Value::Array((0..20_000).map(Value::from).collect());
    assert_eq!(scene.events("MESSAGE_DELETE_BULK", &json!({ "channel_id": "1", "ids": ids })).len(), DELETED);
}

/// Any JSON of a few levels.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(|id| Value::from(id.to_string())),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "https://cdn.discordapp.com/[a-z./]{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(key(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Keys that are read somewhere.
fn key() -> impl Strategy<Value = String> {
    "id|type|url|name|flags|emoji|media|items|components|message|content|attachments|embeds|poll|question|answers|\
        poll_media|text|user|member|nick|title|fields|value|image|accessory|sticker_items|mentions|filename|x"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn whatever_discord_sends_is_read_or_refused(
        index in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((proptest::collection::vec(any::<usize>(), 1..6), anything()), 0..6),
    ) {
        let mut all = all();
        let (_, kind, mut data) = all.swap_remove(index.index(all.len()));
        for (steps, value) in changes {
            put(&mut data, &steps, value);
        }
        let scene = Scene::default();
        scene.directory.hear(kind, &data);
        if let Ok(Received::Events(events)) = scene.received(kind, &data) {
            for event in events {
                prop_assert!(!event.message_id.is_ours());
                // What is stored reads back.
                let stored = serde_json::to_string(&event).expect("JSON");
                prop_assert_eq!(serde_json::from_str::<Event>(&stored).expect("an event"), event);
            }
        }
    }

    /// Whatever the other fields hold, the text is there; but for those which say that it is not to be relayed, or which
    /// message this is and where.
    #[test]
    fn an_odd_field_never_loses_the_text(field in "[a-z_]{1,12}", chosen in any::<prop::sample::Index>(), odd in anything()) {
        let mut message = with(json!({ "content": "the text", "message_snapshots": [], "sticker_items": [], "poll": null,
            "message_reference": null, "referenced_message": null, "webhook_id": null, "application_id": null }));
        let mut keys: Vec<String> = message.as_object().expect("an object").keys().cloned().chain([field]).collect();
        keys.retain(|key| !["id", "channel_id", "content"].contains(&key.as_str()));
        let key = chosen.get(&keys);
        prop_assume!(!["type", "flags"].contains(&key.as_str()) || !(odd.is_number() || odd.is_string()));
        message[key] = odd;
        prop_assert!(plain(&Scene::default().event(&message)).starts_with("the text"));
    }
}
