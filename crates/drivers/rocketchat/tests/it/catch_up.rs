//! What an Outgoing Webhook did not tell is found later.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tieline_core::clock::Clock;
use tieline_core::driver::{Cursors, ProxyChoice};
use tieline_core::event::Body;
use tieline_testkit::SystemClock;
use tieline_testkit::rocketchat::{Fault, OutgoingHook, RocketChatScript, Route};

use crate::realtime_scene::{Listening, Process, ROOM, listening_with};
use crate::server::{outgoing_hook, time_flies};

/// A little more than a round takes with what it waits for.
const ROUND: Duration = Duration::from_secs(65);

/// A room whose messages an Outgoing Webhook tells, while somebody listens.
async fn told_with(script: RocketChatScript) -> Listening {
    let settings = json!({ "receive_method": "webhook", "webhook_token": "s3cret-webhook" });
    listening_with(script, &settings, ProxyChoice::Direct).await
}

async fn told() -> Listening {
    told_with(RocketChatScript::default()).await
}

/// A process, and the integration that calls it.
struct Called {
    process: Process,
    hook: String,
}

/// Starts a process that is called.
async fn call(scene: &Listening) -> Called {
    let process = scene.start();
    let hook =
        OutgoingHook { retry: tieline_testkit::rocketchat::Retry::Off, ..outgoing_hook(process.webhooks.url().await) };
    Called { process, hook: scene.server.outgoing_hook(hook) }
}

/// Starts a process, and waits until it has its place in the room.
async fn started(scene: &Listening) -> Called {
    let called = call(scene).await;
    called.process.health.wait_until_ready().await;
    scene.cursors.wait_for("rooms", |_| true).await;
    called
}

impl Called {
    async fn stop(self, scene: &Listening) {
        scene.server.set_enabled(&self.hook, false);
        self.process.stop().await;
    }
}

/// How often it was asked what changed.
fn asked(scene: &Listening, what: &str) -> usize {
    let asked = scene.server.requests_to(Route::SyncMessages);
    asked.iter().filter(|request| request.query.as_deref().unwrap_or_default().contains(what)).count()
}

#[tokio::test]
async fn what_happens_while_nobody_listens_is_told_once_and_in_order() {
    let scene = told().await;
    scene.write("before it was a source");
    let first = started(&scene).await;
    let kept = scene.hears("one").await;
    let gone = scene.hears("two").await;
    first.stop(&scene).await;
    scene.write("three");
    scene.server.edit(&scene.ann, &kept, "one, changed").expect("she may");
    scene.server.delete(&scene.ann, &gone).expect("she may");
    scene.server.react(&scene.ann, &kept, "tada", true).expect("she may");
    let four = scene.write("four");
    let posted = scene.server.message(&four).expect("it is there").time;
    let second = started(&scene).await;
    scene.arrives("four").await;
    scene.happens(&gone, "delete").await;
    scene.hears("five").await;
    assert_eq!(scene.heard(), ["one", "two", "three", "four", "five"]);
    let event = scene.arrives("four").await;
    assert_eq!(event.time, posted, "its own time");
    assert_eq!(scene.happens(&kept, "edit").await.message().expect("content").text.to_plain(), "one, changed");
    let reaction = scene.happens(&kept, "reaction").await;
    assert!(matches!(reaction.body, Body::Reaction(reaction) if reaction.emoji == "🎉" && reaction.added));
    assert_eq!(scene.inbound.events().len(), 5 + 3, "each once");
    second.stop(&scene).await;
}

#[tokio::test]
async fn what_a_call_told_is_not_told_again() {
    let scene = told().await;
    let first = started(&scene).await;
    let id = scene.hears("one").await;
    scene.server.edit(&scene.ann, &id, "one, changed").expect("she may");
    scene.happens(&id, "edit").await;
    scene.hears("two").await;
    first.stop(&scene).await;
    // Asked what changed, the server shows all that was told.
    let second = started(&scene).await;
    scene
        .server
        .wait_for_request(|request| {
            let whole = request.query.as_deref().is_some_and(|query| query.contains("lastUpdate"));
            whole && request.status.is_some()
        })
        .await;
    scene.hears("three").await;
    assert_eq!(scene.inbound.events().len(), 4, "three messages and one edit");
    second.stop(&scene).await;
}

#[tokio::test]
async fn what_was_found_is_not_taken_again_when_a_call_tells_it() {
    let scene = told().await;
    let first = started(&scene).await;
    let old = scene.hears("old").await;
    first.stop(&scene).await;
    let id = scene.write("new");
    scene.server.edit(&scene.ann, &old, "old, changed").expect("she may");
    let second = started(&scene).await;
    scene.arrives("new").await;
    scene.happens(&old, "edit").await;
    // The server repeats the calls that nobody took, once it is repaired.
    scene.server.call_again(&id);
    scene.server.wait_for_hook_call(|call| call.message_id == id && call.status == Some(200)).await;
    let told = |text: &str| scene.server.edit(&scene.ann, &old, text);
    told("old, changed again").expect("she may");
    scene
        .inbound
        .wait_for(|event| {
            event.kind() == "edit" && event.message().is_some_and(|said| said.text.to_plain() == "old, changed again")
        })
        .await;
    let kinds: Vec<_> = scene.inbound.events().iter().map(tieline_core::event::Event::kind).collect();
    assert_eq!(kinds, ["message", "edit", "message", "edit"]);
    second.stop(&scene).await;
}

#[tokio::test]
async fn a_call_that_was_lost_is_found_in_the_next_round() {
    let scene = told().await;
    let called = started(&scene).await;
    time_flies();
    scene.hears("one").await;
    scene.server.set_enabled(&called.hook, false);
    let lost = scene.write("lost");
    // The waits of the fakes end after twenty seconds of this clock, too.
    tokio::time::sleep(ROUND).await;
    scene.arrives("lost").await;
    scene.server.delete(&scene.ann, &lost).expect("she may");
    tokio::time::sleep(ROUND).await;
    scene.happens(&lost, "delete").await;
    let rounds = asked(&scene, "lastUpdate");
    tokio::time::sleep(Duration::from_mins(10)).await;
    let rounds = asked(&scene, "lastUpdate") - rounds;
    assert!((9..=11).contains(&rounds), "once a minute, and not {rounds} times in ten");
    assert_eq!(scene.inbound.arrivals().len(), 3, "nothing is handed in again and again");
    called.process.stop().await;
}

#[tokio::test]
async fn a_call_waits_for_what_was_missed() {
    let scene = told().await;
    let first = started(&scene).await;
    scene.hears("one").await;
    first.stop(&scene).await;
    scene.write("missed");
    // The round takes so long that a call comes before its end.
    scene.server.faults().on(Route::SyncMessages).next(1, Fault::Delay(Duration::from_secs(1)));
    let second = call(&scene).await;
    scene.write("called");
    scene.arrives("called").await;
    assert_eq!(scene.heard(), ["one", "missed", "called"]);
    second.stop(&scene).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_asked_again_from_the_same_place() {
    let scene = told().await;
    let first = started(&scene).await;
    scene.hears("one").await;
    first.stop(&scene).await;
    scene.write("missed");
    scene.server.faults().on(Route::SyncMessages).next(3, Fault::Status500);
    time_flies();
    let second = call(&scene).await;
    scene.hears("called").await;
    tokio::time::sleep(ROUND).await;
    scene.arrives("missed").await;
    assert_eq!(scene.heard(), ["one", "called", "missed"], "calls do not wait for a server that fails");
    second.stop(&scene).await;
}

/// Writes so much that it takes several pages, in a gap that is long enough for them, and listens again.
async fn listen_after_a_long_gap(scene: &Listening) -> Called {
    let first = started(scene).await;
    scene.hears("one").await;
    first.stop(scene).await;
    let hour_ago = SystemClock.now() - SignedDuration::from_mins(50);
    let place = json!({ "from": 0, "reached": hour_ago.as_millisecond() });
    let realm = format!("rocketchat:{}", scene.server.url());
    let kept = json!({ "realm": realm, "kept": { ROOM: place } }).to_string();
    scene.cursors.set("rooms", &kept).await.expect("it is kept in memory");
    for number in 0..250 {
        scene.write(&number.to_string());
    }
    for (number, message) in scene.server.messages(ROOM).into_iter().take(120).enumerate() {
        // No server deletes more than a page of messages within a millisecond.
        let now = SystemClock.now().as_millisecond();
        while number % 40 == 39 && SystemClock.now().as_millisecond() == now {
            std::hint::spin_loop();
        }
        scene.server.delete(&scene.ann, &message.id).expect("she may");
    }
    let second = started(scene).await;
    scene.arrives("249").await;
    second
}

#[tokio::test]
async fn a_long_gap_is_fetched_in_pages_and_its_newest_messages_are_told() {
    let scene = told().await;
    let called = listen_after_a_long_gap(&scene).await;
    scene.hears("the end").await;
    let heard = scene.heard();
    assert_eq!((heard.len(), heard[1].as_str()), (1 + 20 + 1, "230"), "as many as `catch_up` says");
    assert!(asked(&scene, "type=UPDATED&next") > 1 && asked(&scene, "type=DELETED") > 1);
    let gone = scene.inbound.events().iter().filter(|event| event.kind() == "delete").count();
    assert_eq!(gone, 120);
    called.stop(&scene).await;
}

#[tokio::test]
async fn an_older_server_tells_a_long_gap_in_one_answer() {
    let scene = told_with(RocketChatScript { sync_pages: false, ..RocketChatScript::default() }).await;
    let called = listen_after_a_long_gap(&scene).await;
    scene.hears("the end").await;
    let heard = scene.heard();
    assert_eq!((heard.len(), heard[1].as_str()), (1 + 20 + 1, "230"));
    assert_eq!(asked(&scene, "lastUpdate"), 1);
    called.stop(&scene).await;
}

/// A clock that is wrong.
struct Wrong(SignedDuration);

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

#[tokio::test]
async fn a_room_begins_where_the_server_says_whatever_the_clocks_say() {
    for wrong in [-1, 1] {
        let clock = Arc::new(Wrong(SignedDuration::from_mins(40) * wrong));
        let scene = told_with(RocketChatScript { clock, ..RocketChatScript::default() }).await;
        scene.write("before it was a source");
        let first = started(&scene).await;
        first.stop(&scene).await;
        scene.write("missed");
        let second = started(&scene).await;
        scene.hears("called").await;
        assert_eq!(scene.heard(), ["missed", "called"]);
        second.stop(&scene).await;
    }
}

#[tokio::test]
async fn a_room_that_was_no_source_for_a_while_begins_anew() {
    let scene = told().await;
    let first = started(&scene).await;
    scene.hears("one").await;
    first.stop(&scene).await;
    scene.rules.name(&["OTHER"]);
    let second = call(&scene).await;
    scene.cursors.wait_for("rooms", |kept| !kept.contains(ROOM)).await;
    second.stop(&scene).await;
    scene.write("while it was none");
    scene.rules.name(&[ROOM]);
    let third = call(&scene).await;
    scene.cursors.wait_for("rooms", |kept| kept.contains(ROOM)).await;
    scene.hears("two").await;
    assert_eq!(scene.heard(), ["one", "two"]);
    third.stop(&scene).await;
}

#[tokio::test]
async fn every_room_that_the_bot_is_in_is_asked_if_a_rule_says_so() {
    let scene = told().await;
    scene.rules.name_every();
    let first = started(&scene).await;
    scene.hears("one").await;
    first.stop(&scene).await;
    scene.write("missed");
    let second = started(&scene).await;
    assert_eq!(scene.arrives("missed").await.room.as_deref(), Some("lounge"));
    second.stop(&scene).await;
}
