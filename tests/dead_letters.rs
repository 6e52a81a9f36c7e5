//! What cannot be delivered: it is shown with its reason and the remedy, and can be sent again or dropped, through the
//! running relay and without one.

use serde_json::Value;
use tieline_e2e::Relay;

use crate::workspace::{Workspace, configuration, counts, forward, numbered};

const ROOM: &str = "GENERAL";

/// Three messages into an archived room: three dead letters.
async fn three_dead() -> (Workspace, Workspace, Relay) {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    lab.server.set_archived(ROOM, true);
    for text in numbered("message", 3) {
        hq.say(ROOM, &text).await;
    }
    relay.wait_for("three dead letters", async |relay: &Relay| relay.messages("dead").await == 3).await;
    (hq, lab, relay)
}

fn id(letter: &Value) -> String {
    letter["id"].as_i64().expect("a number").to_string()
}

/// Runs `dead …` and returns exit code and output.
fn dead(relay: &Relay, args: &[&str]) -> (Option<i32>, String, String) {
    relay.command(&[&["dead"], args].concat())
}

#[tokio::test]
async fn a_list_names_each_with_reason_and_remedy() {
    let (hq, _lab, relay) = three_dead().await;
    let letters = relay.dead();
    assert_eq!(letters.len(), 3);
    for (number, letter) in letters.iter().enumerate() {
        assert_eq!(letter.as_object().and_then(|letter| letter.keys().next()).map(String::as_str), Some("id"));
        assert_eq!(letter["text"], format!("message {number}"));
        assert_eq!((&letter["user"], &letter["rule"]), (&"Ann Example".into(), &"forward".into()));
        let reason = letter["reason"].as_str().expect("a reason");
        assert!(reason.contains("archived") && reason.contains("unarchive"), "{reason}");
    }
    let message = hq.server.messages(ROOM).remove(0);
    assert_eq!(letters[0]["message_id"], message.id);

    let (code, out, _) = dead(&relay, &["list"]);
    assert_eq!(code, Some(0));
    assert!(letters.iter().all(|letter| out.contains(&id(letter))) && out.contains("unarchive"), "{out}");

    let (code, out, _) = dead(&relay, &["show", &id(&letters[1])]);
    assert_eq!(code, Some(0));
    assert!(out.contains("message 1") && !out.contains("message 2") && out.contains("unarchive"), "{out}");
    let (code, out, _) = dead(&relay, &["show", &id(&letters[1]), "--json"]);
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<Value>(&out).expect("an object"), letters[1]);

    let trace = letters[2]["trace"].as_str().expect("a trace id");
    let (code, out, _) = relay.command(&["trace", trace]);
    assert_eq!(code, Some(0));
    assert!(out.contains("dead") && out.contains("unarchive"), "{out}");
}

#[tokio::test]
async fn they_are_retried_and_dropped_through_the_running_relay() {
    let (hq, lab, mut relay) = three_dead().await;
    let letters = relay.dead();
    assert_eq!(dead(&relay, &["drop", &id(&letters[0])]).0, Some(0));
    assert_eq!(relay.dead().len(), 2);

    // Not mended yet: it comes back.
    assert_eq!(dead(&relay, &["retry", &id(&letters[1])]).0, Some(0));
    relay.wait_for("it to be dead again", async |relay: &Relay| relay.messages("dead").await == 2).await;

    lab.server.set_archived(ROOM, false);
    hq.say(ROOM, "meanwhile").await;
    lab.server.wait_for_count(ROOM, 1).await;
    let (code, out, _) = dead(&relay, &["retry", "--all"]);
    assert_eq!(code, Some(0));
    assert!(out.contains('2'), "{out}");
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), ["meanwhile", "message 1", "message 2"]);
    assert_eq!(lab.copies(ROOM)[1].alias.as_deref(), Some("Ann Example"));
    assert_eq!(relay.dead(), Vec::<Value>::new());
    assert_eq!(counts(&relay).await, [4, 3, 0, 0, 1, 0]);
}

#[tokio::test]
async fn they_are_retried_and_dropped_while_no_relay_runs() {
    let (_hq, lab, mut relay) = three_dead().await;
    assert_eq!(relay.terminate().await, Some(0));
    let letters = relay.dead();
    assert_eq!(letters.len(), 3);
    assert_eq!(dead(&relay, &["drop", &id(&letters[0])]).0, Some(0));
    let (code, out, _) = dead(&relay, &["retry", &id(&letters[2]), &id(&letters[1])]);
    assert_eq!(code, Some(0));
    assert!(out.contains("tieline run"), "it says when they will be sent: {out}");
    assert_eq!(relay.dead(), Vec::<Value>::new());

    lab.server.set_archived(ROOM, false);
    relay.spawn();
    relay.ready().await;
    lab.server.wait_for_count(ROOM, 2).await;
    relay.settled().await;
    let mut heard = lab.heard(ROOM);
    heard.sort();
    assert_eq!(heard, ["message 1", "message 2"]);
    assert_eq!(counts(&relay).await, [3, 2, 0, 0, 1, 0]);
}

#[tokio::test]
async fn exit_codes_tell_a_wrong_id_from_wrong_usage() {
    let (_hq, _lab, mut relay) = three_dead().await;
    for running in [true, false] {
        for args in [&["show", "4711"][..], &["retry", "4711"], &["drop", "4711"]] {
            let (code, out, err) = dead(&relay, args);
            assert_eq!((code, out.as_str()), (Some(1), ""), "running: {running}, {args:?}");
            assert!(err.contains("4711") && err.contains("dead list"), "{err}");
        }
        for args in [&["retry"][..], &["drop"], &["show"], &["show", "x"], &["retry", "--all", "1"], &[]] {
            assert_eq!(dead(&relay, args).0, Some(2), "running: {running}, {args:?}");
        }
        // One wrong id among right ones changes nothing.
        let right = id(&relay.dead()[0]);
        assert_eq!(dead(&relay, &["drop", &right, "4711"]).0, Some(1));
        assert_eq!(relay.dead().len(), 3);
        if running {
            assert_eq!(relay.terminate().await, Some(0));
        }
    }
}
