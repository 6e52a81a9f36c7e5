//! Customers write by WhatsApp, colleagues answer in a room of Rocket.Chat.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::whatsapp::{AccountScript, Group, Message, Person, WhatsAppScript};

use crate::addon::{Addon, bridge, inbox};
use crate::workspace::Workspace;

const ROOM: &str = "DESK";

#[tokio::test]
async fn a_reply_by_prefix_reaches_its_recipient_whole() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    addon.say("Hello?").await;
    let copy = desk.server.wait_for_count(ROOM, 1).await.remove(0);
    assert_eq!(copy.text, "*[WA] Alice*: Hello?");

    desk.say(ROOM, "[491700000001] Hello Alice,\n*two* lines\n\nand a fourth").await;
    desk.say(ROOM, "[+49 170 000-0001] by another spelling").await;
    desk.say(ROOM, "[TODO] nobody is written to").await;
    desk.say(ROOM, "among ourselves").await;
    addon.server.wait_for_sent(2).await;
    relay.settled().await;
    let heard = addon.heard(&addon.alice.jid());
    assert_eq!(heard, ["Hello Alice,\n*two* lines\n\nand a fourth", "by another spelling"]);
    addon.was_called_properly();
    assert_eq!(desk.heard(ROOM).len(), 1, "own sends do not come back, and nobody is told about talk among colleagues");
}

#[tokio::test]
async fn each_customer_has_a_thread_and_whoever_answers_there_answers_that_customer() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let bob = Person::new("491700000002", "Bob");
    addon.server.account().add_person(&bob);
    let mut relay = Relay::start(inbox(&desk, &addon)).await;
    addon.say("I am Alice").await;
    let id = addon.server.text(&bob.jid(), &bob, "I am Bob");
    addon.taken(&id).await;
    addon.say("still Alice").await;
    let all = desk.server.wait_for_count(ROOM, 5).await;
    let in_thread = |text: &str| {
        let message = all.iter().find(|message| message.text == text).expect("it arrived");
        let opener = all.iter().find(|one| Some(&one.id) == message.tmid.as_ref()).expect("its thread has an opener");
        (opener.id.clone(), opener.text.clone(), message.alias.clone())
    };
    let (alices, opener, alias) = in_thread("I am Alice");
    assert!(opener.contains("Alice") && opener.contains("+491700000001"), "{opener}");
    assert_eq!(alias.as_deref(), Some("Alice"));
    assert_eq!(in_thread("still Alice").0, alices);
    let (bobs, opener, _) = in_thread("I am Bob");
    assert!(opener.contains("Bob") && bobs != alices, "{opener}");

    let answer = desk.server.post_in_thread(&desk.ann, ROOM, &bobs, "Hello Bob").expect("Ann may do that");
    desk.taken(&answer).await;
    addon.server.wait_for_sent(1).await;
    // Another process goes on where this one was.
    assert_eq!(relay.terminate().await, Some(0));
    relay.spawn();
    relay.ready().await;
    let answer = desk.server.post_in_thread(&desk.ann, ROOM, &alices, "Hello Alice").expect("Ann may do that");
    desk.taken(&answer).await;
    addon.say("Thank you").await;
    let thanks = desk.server.wait_for(ROOM, |message| message.text == "Thank you").await;
    relay.settled().await;
    assert_eq!(thanks.tmid, Some(alices));
    assert_eq!(addon.heard(&bob.jid()), ["Hello Bob"]);
    assert_eq!(addon.heard(&addon.alice.jid()), ["Hello Alice"]);
    assert_eq!(relay.messages("dead").await, 0);
    let log = relay.log();
    let openers: Vec<_> = log.lines().filter(|line| line.contains("Thread opened")).collect();
    assert_eq!(openers.len(), 2, "{log}");
    assert!(openers.iter().all(|line| line.contains("about") && !line.contains("from")), "{openers:?}");
    assert_eq!(log.matches("Message delivered").count(), 6, "openers are no messages of people: {log}");
    addon.was_called_properly();
}

#[tokio::test]
async fn a_writer_is_told_who_cannot_be_reached() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut configuration = bridge(&desk, &addon);
    configuration["whatsapp"]["wa"]["allow_to"] = json!(["+49*"]);
    let mut relay = Relay::start(configuration).await;
    desk.say(ROOM, "[+1 202 555 0123] not on the list").await;
    let notice = desk.server.wait_for(ROOM, |message| message.user == "relay.bot").await;
    assert!(notice.text.contains("+12025550123"), "{}", notice.text);
    // Nobody has this number.
    desk.say(ROOM, "[49301234567] who is that").await;
    desk.server.wait_for(ROOM, |message| message.text.contains("+49301234567") && message.user == "relay.bot").await;
    desk.all_told(ROOM).await;
    relay.settled().await;
    assert!(addon.server.sent().is_empty(), "{:?}", addon.server.sent());
    assert_eq!(relay.messages("dead").await, 2);
    assert_eq!(desk.copies(ROOM).len(), 2, "each is told once");
    let log = relay.log();
    let notice = log.lines().find(|line| line.contains("Notice to the writer delivered")).expect(&log);
    assert!(notice.contains("about") && !notice.contains("from") && !notice.contains("rule"), "{notice}");
    for (letter, named) in relay.dead().iter().zip(["named as `[recipient]` who may not be", "named as `[recipient]`,"])
    {
        let (_, story, _) = relay.command(&["trace", letter["trace"].as_str().expect("a number")]);
        assert!(story.contains(" dead, received ") && story.contains(named), "{story}");
    }
}

#[tokio::test]
async fn a_group_is_linked_both_ways() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let bob = Person::new("491700000002", "Bob");
    let group = "120363000000000001@g.us";
    addon.server.account().add_group(Group::new(group, "Neighbours", &[&addon.alice, &bob]));
    let configuration = json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "whatsapp": { "wa": addon.settings() },
        "rules": [{
            "id": "both", "type": "connect",
            "channels": {
                "desk": { "room_id": ROOM, "msg": { "msg_format": "{msg}", "rc_alias": "{user} ({room})" } },
                "wa": { "chat_id": group, "msg": { "msg_format": "*{user}*: {msg}" } },
            },
        }],
    });
    let mut relay = Relay::start(configuration).await;
    let question = addon.server.text(group, &bob, "Who has the key?");
    addon.taken(&question).await;
    let copy = desk.server.wait_for_count(ROOM, 1).await.remove(0);
    assert_eq!((copy.text.as_str(), copy.alias.as_deref()), ("Who has the key?", Some("Bob (Neighbours)")));
    // An answer in the thread quotes what it answers.
    let answer = desk.server.post_in_thread(&desk.ann, ROOM, &copy.id, "I have").expect("Ann may do that");
    desk.taken(&answer).await;
    let sent = addon.server.wait_for_sent(1).await.remove(0);
    assert_eq!((sent.jid.as_str(), sent.quoted.as_deref()), (group, Some(question.as_str())));
    assert_eq!(sent.content["text"], "*Ann Example*: I have");
    // And the other way.
    let thanks = addon.server.say(group, &addon.alice, Message::text("Great").quoting(&sent.id.expect("an id")));
    addon.taken(&thanks).await;
    let thanks = desk.server.wait_for(ROOM, |message| message.text == "Great").await;
    assert_eq!(thanks.tmid, Some(copy.id), "an answer to an answer stays in the thread");
    relay.settled().await;
    addon.was_called_properly();
}

#[tokio::test]
async fn what_the_owner_types_is_relayed_and_own_sends_are_not() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    desk.say(ROOM, "[491700000001] by the relay").await;
    addon.server.wait_for_sent(1).await;
    let typed = addon.server.own(&addon.alice.jid(), Message::text("typed on the phone"));
    addon.taken(&typed).await;
    let copy = desk.server.wait_for(ROOM, |message| message.text.contains("typed on the phone")).await;
    assert!(copy.text.contains("Our phone") && !copy.text.contains("Alice"), "{}", copy.text);
    addon.server.wait_for_answered_webhooks(2).await;
    relay.settled().await;
    assert_eq!(desk.copies(ROOM).len(), 1);
}

#[tokio::test]
async fn two_accounts_of_one_addon_share_a_port() {
    let desk = Workspace::start("desk", &[ROOM, "WORK"]).await;
    let work = AccountScript {
        session: "work".into(),
        number: "491555000002".into(),
        lid: "222000000000998".into(),
        name: "Work phone".into(),
        ..AccountScript::default()
    };
    let script = WhatsAppScript { accounts: vec![AccountScript::default(), work], ..WhatsAppScript::default() };
    let addon = Addon::with(script).await;
    let mut second = addon.settings();
    second["addon_url"] = json!(format!("{}?session_id=Work", addon.server.url()));
    let rule = |instance: &str, room: &str| -> Value {
        json!({ "id": instance, "type": "connect", "channels": {
            instance: { "chat_id": "491700000001", "msg": { "msg_format": "{msg}" } },
            "desk": { "room_id": room, "msg": { "msg_format": "{instance_id}: {msg}" } },
        } })
    };
    let configuration = json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "whatsapp": { "wa": addon.settings(), "wa_work": second },
        "rules": [rule("wa", ROOM), rule("wa_work", "WORK")],
    });
    let mut relay = Relay::start(configuration).await;
    addon.say("to the first").await;
    let account = addon.server.account_of("work");
    account.add_person(&addon.alice);
    let id = account.text(&addon.alice.jid(), &addon.alice, "to the second");
    addon.taken(&id).await;
    desk.server.wait_for(ROOM, |message| message.text == "wa: to the first").await;
    desk.server.wait_for("WORK", |message| message.text == "wa_work: to the second").await;
    desk.say("WORK", "from work").await;
    let sent = addon.server.wait_for_sent(1).await.remove(0);
    assert_eq!((sent.session.as_str(), sent.content["text"].as_str()), ("work", Some("from work")));
    relay.settled().await;
    assert_eq!((desk.copies(ROOM).len(), desk.copies("WORK").len()), (1, 1));
    addon.was_called_properly();
}
