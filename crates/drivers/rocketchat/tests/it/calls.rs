//! Calls of the Outgoing Webhook that are odd, wrong or somebody else's.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_core::driver::Services;
use tieline_core::event::Body;
use tieline_testkit::rocketchat::RocketChatScript;
use tieline_testkit::{FixedClock, RecordingLog, TempSpool};

use crate::server::{Mode, Scene, scene};

/// Calls the driver as the server would, and returns the status and the body of its answer.
async fn call(scene: &Scene, body: impl Into<String>) -> (u16, String) {
    let url = scene.webhooks.url().await;
    let headers = [("content-type", "application/json")];
    let limit = Duration::from_secs(10);
    let reply = tieline_testkit::call(http::Method::POST, &url, &headers, body.into().into(), limit).await;
    let reply = reply.expect("an answer");
    assert!(!reply.body.is_empty() && reply.headers["content-type"] == "application/json");
    (reply.status.as_u16(), String::from_utf8_lossy(&reply.body).into_owned())
}

fn with(changes: &Value) -> String {
    let mut call = json!({
        "token": "s3cret-webhook", "bot": false, "channel_id": "R1", "message_id": "m1", "user_id": "u9",
        "user_name": "ann", "text": "our secret plan", "timestamp": "2026-03-01T10:00:00.000Z",
    });
    for (key, value) in changes.as_object().expect("an object") {
        call[key] = value.clone();
    }
    call.to_string()
}

#[tokio::test]
async fn odd_calls_bring_their_message() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let _running = scene.run().await;
    let cut = with(&json!({ "text": "CUT" })).replace("CUT", r"cut \ud83d");
    assert_eq!(call(&scene, cut).await, (200, "{}".to_owned()));
    let odd = with(&json!({
        "message_id": "m2", "text": null, "alias": null, "timestamp": 1.772_359_2e12, "isEdited": 1, "tmid": 5,
    }));
    assert_eq!(call(&scene, odd).await, (200, "{}".to_owned()));
    let events = scene.inbound.events();
    assert_eq!(events[0].message().expect("a message").text.to_plain(), "cut \u{fffd}");
    assert!(matches!(&events[1].body, Body::Edit(edit) if edit.text.is_blank() && edit.reply_to.is_none()));
    assert_eq!(events[1].time, events[0].time);
}

#[tokio::test]
async fn bad_requests_are_refused_as_they_should_be() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let _running = scene.run().await;
    assert_eq!(call(&scene, "{").await.0, 400);
    for changes in [json!({ "token": "wrong" }), json!({ "token": null }), json!({ "token": 5 })] {
        assert_eq!(call(&scene, with(&changes)).await.0, 401);
        let mut wrong = changes.clone();
        wrong["message_id"] = json!({});
        let (status, said) = call(&scene, with(&wrong)).await;
        assert!(status == 401 && !said.contains("message_id"), "{status} {said}");
    }
    for (field, wrong) in
        [("message_id", json!({})), ("message_id", json!(5)), ("text", json!([])), ("user_id", json!([]))]
    {
        let (status, why) = call(&scene, with(&json!({ field: wrong }))).await;
        assert!(status == 400 && why.contains(field) && why.contains("a string"), "{status} {why}");
    }
    let about_nothing = json!({ "token": "s3cret-webhook", "bot": false }).to_string();
    assert_eq!(call(&scene, about_nothing).await, (200, "{}".into()));
    assert!(scene.inbound.arrivals().is_empty());
}

#[tokio::test]
async fn a_lost_message_leaves_one_warning_without_its_text() {
    let scene = scene(RocketChatScript::default(), Mode::Api).await;
    let _running = scene.run().await;
    let cases = [
        (with(&json!({ "message_id": { "a": "b" } })), "message_id"),
        (with(&json!({ "text": ["our secret plan"] })), "text"),
        (with(&json!({ "message_id": "x".repeat(300) })), "message_id"),
        (with(&json!({ "channel_id": null })), "channel_id"),
        (with(&json!({})).replace('}', ""), "the body"),
    ];
    for (body, field) in cases {
        let log = RecordingLog::start();
        assert_eq!(call(&scene, body).await.0, 400);
        let warnings = log.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(
            warnings[0].contains(&format!("field={field}")) && warnings[0].contains("peer=127.0.0.1"),
            "{warnings:?}"
        );
        let all = log.everything();
        assert!(!all.contains("secret"), "neither text nor token is logged: {all}");
    }
    let log = RecordingLog::start();
    assert_eq!(call(&scene, "{").await.0, 400);
    assert_eq!(log.warnings(), Vec::<String>::new(), "anybody can send what is no JSON");
}

/// A driver whose minutes pass when the test says so.
async fn with_clock(script: RocketChatScript) -> (Scene, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::default());
    let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
    let services = Services {
        spool: Arc::clone(&spool) as _,
        links: Arc::new(tieline_testkit::NothingKnown),
        clock: Arc::clone(&clock) as _,
    };
    (Scene::new(script, Mode::Api, services, spool, Arc::default()).await, clock)
}

#[tokio::test]
async fn wrong_tokens_are_told_once_a_minute_with_their_number_and_sender() {
    let (scene, clock) = with_clock(RocketChatScript::default()).await;
    let _running = scene.run().await;
    let log = RecordingLog::start();
    for _ in 0..5 {
        assert_eq!(call(&scene, with(&json!({ "token": "guess-424242" }))).await.0, 401);
    }
    let warnings = log.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["wrong token", "instance=rc", "peer=127.0.0.1", "withheld=0"] {
        assert!(warnings[0].contains(part), "{part} is not in {warnings:?}");
    }
    clock.advance(Duration::from_mins(1));
    assert_eq!(call(&scene, with(&json!({ "token": "guess-424242" }))).await.0, 401);
    let warnings = log.warnings();
    assert!(warnings.len() == 2 && warnings[1].contains("withheld=4"), "{warnings:?}");
    assert!(!log.everything().contains("424242"), "what was guessed may be close to the token");
}
