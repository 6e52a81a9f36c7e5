//! The addon restarts, disconnects, or loses its answers: nothing is lost, nothing is there twice.

use tieline_e2e::Relay;
use tieline_testkit::whatsapp::{Echo, Fault, Route, WhatsAppScript};

use crate::addon::{Addon, bridge};
use crate::workspace::{Workspace, health, numbered};

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
