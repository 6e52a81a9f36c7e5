//! Lanes: order, waiting, and who is not disturbed by whom.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tieline_core::clock::Clock;
use tieline_core::outbox::Accepted;
use tieline_core::secret::Secret;
use tieline_core::send::{Pause, Scope, SendError, Trouble};
use tokio::sync::Notify;

use crate::house::{House, Options};
use crate::scripted::{Script, Scripted, SystemClock, message, plan, rule};

fn retryable() -> SendError {
    SendError::Retryable { reason: "the script says so".into(), trouble: Trouble::Unreachable, after: None }
}

#[tokio::test]
async fn messages_arrive_in_order_also_when_tries_fail() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let house = House::open(&plan, &[&chat]).await;
    for _ in 0..2 {
        chat.script("B", Script::Fail(retryable()));
    }
    for n in 0..200 {
        chat.receive(message("chat", "A", &format!("m{n}"), &n.to_string())).await;
    }
    chat.wait_for("B", 200).await;
    let expected: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    assert_eq!(chat.texts("B"), expected);
    assert_eq!(house.settled().await.delivered, 200);
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_only_its_own_lane() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![
        rule("r1", ("chat", "A"), &[("chat", "B"), ("chat", "C")], "{msg}"),
        rule("r2", ("chat", "D"), &[("chat", "B")], "{msg}"),
    ]);
    let house = House::open(&plan, &[&chat]).await;
    let answer = Arc::new(Notify::new());
    chat.script("B", Script::ArriveThenWait(Arc::clone(&answer)));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.wait_for("B", 1).await;
    chat.receive(message("chat", "A", "m2", "two")).await;
    chat.receive(message("chat", "D", "m3", "from D")).await;
    chat.wait_for("C", 2).await;
    chat.wait_for("B", 2).await;
    assert_eq!(chat.texts("B"), ["one", "from D"], "the other source is not held up, the same source is");
    answer.notify_one();
    chat.wait_for("B", 3).await;
    house.settled().await;
}

#[tokio::test]
async fn nothing_is_sent_before_the_platform_allows_it() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![
        rule("r1", ("chat", "A"), &[("chat", "B")], "{msg}"),
        rule("r2", ("chat", "D"), &[("chat", "B")], "{msg}"),
    ]);
    let house = House::open(&plan, &[&chat]).await;
    let until = SystemClock.now() + SignedDuration::from_millis(400);
    chat.script("B", Script::Fail(SendError::RateLimited(Pause { scope: Scope::Named("B".into()), until })));
    chat.receive(message("chat", "A", "m1", "one")).await;
    while !house.relay.metrics().await.unwrap().contains("outcome=\"rate_limited\"} 1") {
        tokio::task::yield_now().await;
    }
    chat.receive(message("chat", "D", "m2", "two")).await;
    let arrived = chat.wait_for("B", 2).await;
    let early: Vec<Timestamp> = arrived.iter().map(|m| m.at).filter(|at| *at < until).collect();
    assert!(early.is_empty(), "{early:?} before {until}");
}

#[tokio::test]
async fn a_long_wait_is_told() {
    let chat = Scripted::new("chat");
    let house = House::open(&plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]), &[&chat]).await;
    let until = Timestamp::MAX;
    chat.script("B", Script::Fail(SendError::RateLimited(Pause { scope: Scope::Named("B".into()), until })));
    chat.receive(message("chat", "A", "m1", "one")).await;
    while !house.relay.metrics().await.unwrap().contains("outcome=\"rate_limited\"} 1") {
        tokio::task::yield_now().await;
    }
    let health = &house.relay.health()[&chat.id];
    assert!(health.error.as_deref().is_some_and(|error| error.contains("before 9999")), "{health:?}");
    assert!(chat.texts("B").is_empty());
}

#[tokio::test]
async fn a_repeat_is_relayed_once() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let house = House::open(&plan, &[&chat]).await;
    chat.receive(message("chat", "A", "m1", "one")).await;
    for _ in 0..4 {
        assert!(matches!(chat.receive(message("chat", "A", "m1", "one")).await, Accepted::Repeat { .. }));
    }
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.repeats), (1, 4));
    assert_eq!(chat.texts("B"), ["one"]);
}

#[tokio::test]
async fn what_cannot_be_delivered_is_a_dead_letter_that_can_be_retried_or_dropped() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let house = House::open(&plan, &[&chat]).await;
    chat.script("B", Script::Fail(SendError::Permanent { reason: "the room is archived".into() }));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.receive(message("chat", "A", "m2", "uncuttable")).await;
    chat.receive(message("chat", "A", "m3", "three")).await;
    chat.wait_for("B", 1).await;
    house.settled().await;
    let dead = house.relay.stored().dead_letters().await.unwrap();
    let reasons: Vec<&str> = dead.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["the room is archived", "this cannot be said here"]);
    assert_eq!(house.relay.stored().retry_dead(&[dead[0].id]).await.unwrap(), [dead[0].id]);
    assert_eq!(house.relay.stored().drop_dead(&[dead[1].id]).await.unwrap(), [dead[1].id]);
    chat.wait_for("B", 2).await;
    let tallies = house.settled().await;
    assert_eq!(chat.texts("B"), ["three", "one"], "a retried letter joins the end");
    assert_eq!((tallies.delivered, tallies.dead, tallies.dropped), (2, 0, 1));
}

#[tokio::test]
async fn a_delivery_is_given_up_after_its_time_but_not_before_one_try() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let options = Options { give_up_after: Duration::ZERO, ..Options::default() };
    let house = House::open_with(&plan, &[&chat], options).await;
    chat.script("B", Script::Fail(retryable()));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.receive(message("chat", "A", "m2", "two")).await;
    chat.wait_for("B", 1).await;
    let tallies = house.settled().await;
    assert_eq!(chat.texts("B"), ["two"]);
    assert_eq!((tallies.delivered, tallies.dead), (1, 1));
    assert!(house.relay.stored().dead_letters().await.unwrap()[0].reason.contains("the script says so"));
}

#[tokio::test]
async fn a_configured_secret_is_not_sent_and_not_shown() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let options = Options { secrets: vec![Secret::new("t0p-s3cret")], ..Options::default() };
    let house = House::open_with(&plan, &[&chat], options).await;
    chat.receive(message("chat", "A", "m1", "my token is t0p-s3cret, keep it")).await;
    house.settled().await;
    let dead = house.relay.stored().dead_letters().await.unwrap();
    assert!(dead[0].reason.contains("configured secret"));
    assert_eq!(dead[0].text, "my token is •••, keep it");
    assert!(chat.texts("B").is_empty());
}
