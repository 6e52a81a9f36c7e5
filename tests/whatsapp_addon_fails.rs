//! The addon restarts, disconnects, or loses its answers: nothing is lost, nothing is there twice.

use std::time::Duration;
use tieline_e2e::Relay;

use tieline_testkit::whatsapp::{Echo, FakeWhatsApp, Fault, Group, Person, RecordedRequest, Route, WhatsAppScript};
use tokio::time::Instant;

use crate::addon::{Addon, bridge};
use crate::workspace::{Workspace, counts, health, numbered};

const ROOM: &str = "DESK";

/// Ann writes these to Alice.
async fn ann_writes(desk: &Workspace, texts: &[String]) {
    for text in texts {
        desk.say(ROOM, &format!("[491700000001] {text}")).await;
    }
}

#[tokio::test]
async fn a_restart_of_the_addon_loses_and_doubles_nothing() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    let texts = numbered("message", 12);
    ann_writes(&desk, &texts[..4]).await;
    addon.server.close_port().await;
    ann_writes(&desk, &texts[4..8]).await;
    relay.wait_for("readyz to see it", async |relay: &Relay| health(relay, "wa").await["state"] != "ready").await;
    addon.server.open_port().await.expect("the port is free again");
    ann_writes(&desk, &texts[8..]).await;
    relay.settled().await;
    assert_eq!(addon.heard(&addon.alice.jid()), texts);
    relay.ready().await;
    addon.was_called_properly();
}

#[tokio::test]
async fn while_whatsapp_is_disconnected_messages_wait_in_order() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    let texts = numbered("message", 8);
    ann_writes(&desk, &texts[..2]).await;
    addon.server.wait_for_sent(2).await;
    addon.server.account().disconnect();
    ann_writes(&desk, &texts[2..]).await;
    relay.wait_for("readyz to see it", async |relay: &Relay| health(relay, "wa").await["state"] != "ready").await;
    let told = health(&relay, "wa").await["error"].to_string();
    assert!(told.contains("not connected") || told.contains("disconnected"), "{told}");
    addon.server.wait_for_request(|request| request.status == Some(503)).await;
    addon.server.account().connect();
    relay.settled().await;
    assert_eq!(addon.heard(&addon.alice.jid()), texts);
    addon.was_called_properly();
}

/// How many calls of this kind were answered 503.
fn refused(server: &FakeWhatsApp, kind: impl Fn(&RecordedRequest) -> bool) -> usize {
    server.requests().iter().filter(|request| request.status == Some(503) && kind(request)).count()
}

/// Several people write on both sides while every call is answered 503 for a minute.
#[tokio::test]
async fn a_minute_of_503_loses_and_doubles_nothing_and_brings_no_storm() {
    /// How often a lane tries in a minute at most: it waits 0.5 s after the first try, then twice as long each time, less
    /// a fifth.
    const TRIES: usize = 8;
    /// How often the account's state is looked at: after 1 s, after twice as long each time, then every 15 s.
    const LOOKS: usize = 8;
    const ROUNDS: usize = 6;
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let [bob, carol] = [("491700000002", "Bob"), ("491700000003", "Carol")].map(|(number, name)| {
        let person = Person::new(number, name);
        addon.server.account().add_person(&person);
        person
    });
    let group = "120363000000000001@g.us";
    addon.server.account().add_group(Group::new(group, "Neighbours", &[&bob, &carol]));
    let ben = desk.server.add_user("ben", "Ben Example", &["user"]);
    desk.server.join(ROOM, &ben);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;

    let over = Instant::now() + Duration::from_mins(1);
    addon.server.faults().everywhere().always(Fault::NotConnectedUntil(over));
    let chats =
        [(addon.alice.jid(), &addon.alice, &desk.ann), (bob.jid(), &bob, &ben), (group.to_owned(), &carol, &desk.ann)];
    let tries = |server: &FakeWhatsApp, chat: &str| {
        refused(server, |call| {
            call.route == Route::SendMessage && call.body.as_ref().is_some_and(|body| body["number"] == chat)
        })
    };
    let texts = numbered("round", ROUNDS);
    for (round, text) in texts.iter().enumerate() {
        for (chat, customer, colleague) in &chats {
            let recipient = chat.trim_end_matches("@s.whatsapp.net");
            let posted = desk.server.post(colleague, ROOM, &format!("[{recipient}] {text}"));
            desk.taken(&posted).await;
            let said = addon.server.text(chat, customer, text);
            addon.taken(&said).await;
        }
        // They go on when each lane has tried again in vain.
        addon.server.wait_until(|server| chats.iter().all(|(chat, ..)| tries(server, chat) > round)).await;
    }
    let all_sent = async |relay: &Relay| relay.messages("pending").await == 0;
    relay.wait_within(Duration::from_mins(3), "what waits to be sent after the minute", all_sent).await;
    relay.ready().await;

    for (chat, customer, _) in &chats {
        assert_eq!(addon.heard(chat), texts, "{chat}");
        let copies = desk.heard(ROOM);
        let prefix = format!("*[WA] {}*: ", customer.name);
        let copies: Vec<_> = copies.iter().filter_map(|copy| copy.strip_prefix(&prefix)).collect();
        assert_eq!(copies, texts, "{prefix}");
        let tries = tries(&addon.server, chat);
        assert!(tries <= TRIES, "{tries} tries to send to {chat} in a minute");
    }
    assert_eq!(addon.server.sent().len(), chats.len() * ROUNDS);
    assert_eq!(relay.metric("tieline_possible_duplicates_total").await as i64, 0);
    let [_, delivered, _, dead, ..] = counts(&relay).await;
    assert_eq!((delivered as usize, dead), (2 * chats.len() * ROUNDS, 0));
    let sends = addon.server.requests_to(Route::SendMessage).len();
    let in_vain = refused(&addon.server, |call| call.route == Route::SendMessage);
    assert_eq!(sends - in_vain, chats.len() * ROUNDS, "after the minute each is sent by one call");
    let looks = refused(&addon.server, |call| call.route == Route::Status);
    assert!(looks <= LOOKS, "{looks} looks at the state in a minute");
    let look_ups = refused(&addon.server, |call| ![Route::SendMessage, Route::Status].contains(&call.route));
    assert!(look_ups <= 2 * chats.len() * ROUNDS, "{look_ups} questions about people and groups in a minute");
    addon.was_called_properly();
}

#[tokio::test]
async fn an_error_after_the_message_was_sent_does_not_send_it_again() {
    for fault in [Fault::Status500After, Fault::DropAfter, Fault::Truncated] {
        for echo in [Echo::Free, Echo::Off] {
            let desk = Workspace::start("desk", &[ROOM]).await;
            let addon = Addon::with(WhatsAppScript { echo, ..WhatsAppScript::default() }).await;
            let mut relay = Relay::start(bridge(&desk, &addon)).await;
            let texts = numbered("message", 6);
            addon.server.faults().on(Route::SendMessage).next(1, fault.clone());
            ann_writes(&desk, &texts).await;
            relay.settled().await;
            assert_eq!(addon.heard(&addon.alice.jid()), texts, "{fault:?} with {echo:?}");
            assert_eq!(relay.metric("tieline_possible_duplicates_total").await as i64, 0);
        }
    }
}

#[tokio::test]
async fn an_error_before_the_message_was_sent_sends_it_once() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    let texts = numbered("message", 6);
    for fault in [Fault::Status500, Fault::DropBefore] {
        addon.server.faults().on(Route::SendMessage).next(1, fault);
    }
    ann_writes(&desk, &texts).await;
    relay.settled().await;
    assert_eq!(addon.heard(&addon.alice.jid()), texts);
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_send_doubles_nothing() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(bridge(&desk, &addon)).await;
    addon.server.faults().on(Route::SendMessage).next(1, Fault::HangAfter);
    desk.say(ROOM, "[491700000001] once").await;
    addon.server.wait_for_sent(1).await;
    relay.kill9().await;
    relay.spawn();
    relay.ready().await;
    desk.say(ROOM, "[491700000001] and on").await;
    relay.settled().await;
    assert_eq!(addon.heard(&addon.alice.jid()), ["once", "and on"]);
}
