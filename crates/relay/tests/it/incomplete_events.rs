//! Events that must be completed before they are sent.

use serde_json::json;
use tieline_core::driver::CompleteError;
use tieline_core::event::Event;
use tieline_relay::State;

use crate::house::House;
use crate::scripted::{Scripted, message, plan, rule};

fn incomplete(mut event: Event) -> Event {
    event.missing = Some(json!({}));
    event
}

#[tokio::test]
async fn lanes_wait_until_the_event_is_whole_and_keep_their_order() {
    let chat = Scripted::new("chat");
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B"), ("chat", "C")], "{user}: {msg}")]);
    let house = House::open(&plan, &[&chat]).await;
    chat.script_completion(Err(CompleteError { reason: "not yet".into(), pause: None }));
    chat.receive(incomplete(message("chat", "A", "m1", "one"))).await;
    chat.receive(message("chat", "A", "m2", "two")).await;
    chat.wait_for("B", 2).await;
    chat.wait_for("C", 2).await;
    house.settled().await;
    for room in ["B", "C"] {
        assert_eq!(chat.texts(room), ["Completed Name: one", "ann: two"]);
    }
}

#[tokio::test]
async fn a_driver_that_stops_is_run_again() {
    let chat = Scripted::new("chat");
    *chat.failing_runs.lock().unwrap() = 1;
    let plan = plan(vec![rule("r", ("chat", "A"), &[("chat", "B")], "{msg}")]);
    let house = House::open(&plan, &[&chat]).await;
    chat.receive(message("chat", "A", "m1", "one")).await;
    chat.wait_for("B", 1).await;
    house.settled().await;
    let health = house.relay.health().remove(&chat.id).unwrap();
    assert_eq!((health.state, health.error), (State::Ready, None), "what was wrong is over");
}
