//! A process that ends in the middle of a send.

use std::sync::Arc;

use tieline_core::id::MessageId;
use tieline_core::outbox::Outbox as _;
use tieline_core::send::{Reconciled, Sent};
use tokio::sync::Notify;

use crate::house::House;
use crate::scripted::{Script, Scripted, message, plan, rule};

#[tokio::test]
async fn the_next_process_asks_before_it_sends_again() {
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let chat = Scripted::new("chat");
    let house = House::open(&plan, &[&chat]).await;
    chat.script("B", Script::ArriveThenWait(Arc::new(Notify::new())));
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.receive(message("chat", "A", "m2", "two")).await;
    chat.wait_for("B", 1).await;

    let after = Scripted::new("chat");
    let sent = Sent { ids: vec![MessageId::new("found").unwrap()], ..Sent::default() };
    after.script_reconcile(Ok(Reconciled::Arrived(sent)));
    let house = house.kill_and_enter(&plan, &[&after]).await;
    after.wait_for("B", 1).await;
    let tallies = house.settled().await;
    assert_eq!(after.texts("B"), ["two"], "the first had arrived");
    assert_eq!(*after.asked.borrow(), 1, "only the head of the lane is suspected");
    assert_eq!(tallies.delivered, 2);
}

#[tokio::test]
async fn what_waits_behind_is_neither_lost_nor_doubled() {
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let chat = Scripted::new("chat");
    let mut house = House::open(&plan, &[&chat]).await;
    chat.script("B", Script::ArriveThenWait(Arc::new(Notify::new())));
    for n in 0..150 {
        chat.receive(message("chat", "A", &format!("m{n}"), &n.to_string())).await;
    }
    chat.wait_for("B", 1).await;
    let after = Scripted::new("chat");
    after.script_reconcile(Ok(Reconciled::Arrived(Sent::default())));
    house = house.kill_and_enter(&plan, &[&after]).await;
    house.settled().await;
    let expected: Vec<String> = (1..150).map(|n| n.to_string()).collect();
    assert_eq!(after.texts("B"), expected);
}

#[tokio::test]
async fn a_crash_is_no_failed_try() {
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    for answer in [Reconciled::Missing, Reconciled::Unknowable] {
        let chat = Scripted::new("chat");
        let house = House::open(&plan, &[&chat]).await;
        chat.script("B", Script::ArriveThenWait(Arc::new(Notify::new())));
        chat.receive(message("chat", "A", "m1", "one")).await;
        chat.wait_for("B", 1).await;

        let after = Scripted::new("chat");
        after.script_reconcile(Ok(answer.clone()));
        after.script("B", Script::ArriveThenWait(Arc::new(Notify::new())));
        let house = house.kill_and_enter(&plan, &[&after]).await;
        after.wait_for("B", 1).await;
        let lanes = house.outbox.pending_lanes().await.unwrap();
        let pending = house.outbox.pending(lanes[0].0, None, 1).await.unwrap();
        assert_eq!((pending[0].attempts, pending[0].not_before), (0, None), "{answer:?}");
        let counted = i64::from(answer == Reconciled::Unknowable);
        assert_eq!(house.outbox.tallies().await.unwrap().possible_duplicates, counted, "{answer:?}");
    }
}
