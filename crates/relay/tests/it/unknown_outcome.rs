//! Sends whose answer was lost.

use std::sync::Arc;

use jiff::Timestamp;
use tieline_core::id::MessageId;
use tieline_core::send::{Reconciled, SendError, Sent, Trouble};
use tieline_relay::State;

use crate::house::House;
use crate::scripted::{Script, Scripted, message, plan, rule};

fn lost() -> SendError {
    SendError::Ambiguous { reason: "the answer was lost".into() }
}

async fn house(chat: &Arc<Scripted>) -> House {
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    House::open(&plan, &[chat]).await
}

#[tokio::test]
async fn what_arrived_is_not_sent_again() {
    let chat = Scripted::new("chat");
    let house = house(&chat).await;
    chat.script("B", Script::ArriveAndFail(lost()));
    let sent = Sent { ids: vec![MessageId::new("found").unwrap()], ..Sent::default() };
    // The first look fails; the platform is asked until it answers.
    let broken = SendError::Retryable { reason: "down".into(), trouble: Trouble::Unreachable, after: None };
    chat.script_reconcile(Err(broken));
    chat.script_reconcile(Ok(Reconciled::Arrived(sent)));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.receive(message("chat", "A", "m2", "two")).await;
    chat.wait_for("B", 2).await;
    let tallies = house.settled().await;
    assert_eq!(chat.texts("B"), ["one", "two"]);
    assert_eq!((tallies.delivered, tallies.possible_duplicates), (2, 0));
}

/// Since when the instance is as it is, once it is ready.
async fn ready_since(house: &House, chat: &Scripted) -> Timestamp {
    loop {
        let health = house.relay.health().remove(&chat.id).unwrap();
        if health.state == State::Ready {
            return health.since;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_lost_answer_is_no_failing_instance() {
    let chat = Scripted::new("chat");
    let house = house(&chat).await;
    let first = ready_since(&house, &chat).await;
    let found = || Sent { ids: vec![MessageId::new("found").unwrap()], ..Sent::default() };
    chat.script("B", Script::ArriveAndFail(lost()));
    chat.script_reconcile(Ok(Reconciled::Arrived(found())));
    chat.receive(message("chat", "A", "m1", "one")).await;
    house.settled().await;
    assert_eq!(ready_since(&house, &chat).await, first, "it was found at once");

    chat.script("B", Script::ArriveAndFail(lost()));
    chat.script_reconcile(Err(lost()));
    chat.script_reconcile(Ok(Reconciled::Arrived(found())));
    chat.receive(message("chat", "A", "m2", "two")).await;
    house.settled().await;
    let second = ready_since(&house, &chat).await;
    assert!(second > first, "nobody could say whether it arrived");

    chat.script("B", Script::Fail(lost()));
    chat.script_reconcile(Ok(Reconciled::Missing));
    chat.receive(message("chat", "A", "m3", "three")).await;
    house.settled().await;
    assert!(ready_since(&house, &chat).await > second, "it did not arrive");
}

#[tokio::test]
async fn what_did_not_arrive_is_sent_again() {
    let chat = Scripted::new("chat");
    let house = house(&chat).await;
    chat.script("B", Script::Fail(lost()));
    chat.script_reconcile(Ok(Reconciled::Missing));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.wait_for("B", 1).await;
    assert_eq!(house.settled().await.possible_duplicates, 0);
}

#[tokio::test]
async fn what_nobody_can_tell_is_sent_again_and_counted() {
    let chat = Scripted::new("chat");
    let house = house(&chat).await;
    chat.script("B", Script::ArriveAndFail(lost()));
    chat.script_reconcile(Ok(Reconciled::Unknowable));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.wait_for("B", 2).await;
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.possible_duplicates), (1, 1));
}

#[tokio::test]
async fn parts_that_arrived_are_not_sent_again() {
    let chat = Scripted::new("chat");
    let house = house(&chat).await;
    chat.script("B", Script::Fail(lost()));
    chat.receive(message("chat", "A", "m1", "a | b | c")).await;
    chat.wait_for("B", 3).await;
    house.settled().await;
    assert_eq!(chat.texts("B"), ["a", "b", "c"]);
    assert_eq!(*chat.asked.borrow(), 1);
}
