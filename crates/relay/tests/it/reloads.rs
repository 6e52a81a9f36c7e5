//! Another configuration for a relay that runs.

use std::sync::Arc;

use tieline_core::address::Address;
use tieline_core::driver::TargetChannel;
use tieline_core::id::ChannelKey;
use tieline_core::outbox::Outbox;
use tieline_core::send::{SendError, Trouble};

use tieline_relay::Alerts;

use crate::house::{House, Options, settings};
use crate::scripted::{Script, Scripted, message, plan, rule};

fn unreachable() -> SendError {
    SendError::Retryable { reason: "no server".into(), trouble: Trouble::Unreachable, after: None }
}

#[tokio::test]
async fn rules_change_and_connections_stay() {
    let [a, b] = ["a", "b"].map(Scripted::new);
    let house = House::open(&plan(vec![rule("r", ("a", "A"), &[("b", "B")], "{msg}")]), &[&a, &b]).await;
    a.receive(message("a", "A", "m1", "one")).await;
    b.wait_for("B", 1).await;
    let other = plan(vec![rule("r", ("a", "A"), &[("b", "C")], "{user}: {msg}")]);
    let done = house.relay.reload(settings(&other, &[&a, &b], Options::default())).await.unwrap();
    assert_eq!((done.added.len(), done.changed.len(), done.removed.len(), done.rules), (0, 0, 0, 1));
    a.receive(message("a", "A", "m2", "two")).await;
    assert_eq!(b.wait_for("C", 1).await[0].text, "ann: two");
    assert_eq!((a.runs(), b.runs()), (1, 1), "no driver was run again");
}

#[tokio::test]
async fn an_instance_that_changed_goes_on_with_its_successor() {
    let [a, b] = ["a", "b"].map(Scripted::new);
    let rules = plan(vec![rule("r", ("a", "A"), &[("b", "B")], "{msg}")]);
    let house = House::open(&rules, &[&a, &b]).await;
    // The old one cannot send, and would wait long before it tries again.
    let wait = Some(std::time::Duration::from_hours(1));
    b.script(
        "B",
        Script::Fail(SendError::Retryable { reason: "no".into(), trouble: Trouble::Credentials, after: wait }),
    );
    a.receive(message("a", "A", "m1", "one")).await;
    a.receive(message("a", "A", "m2", "two")).await;
    while house.outbox.trace("m1").await.unwrap()[0].deliveries[0].attempts == 0 {
        tokio::task::yield_now().await;
    }
    let successor = Scripted::new("b");
    let done = house.relay.reload(settings(&rules, &[&a, &successor], Options::default())).await.unwrap();
    assert_eq!(done.changed.len(), 1);
    successor.wait_for("B", 2).await;
    assert_eq!(successor.texts("B"), ["one", "two"]);
    assert!(b.texts("B").is_empty());
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.dead), (2, 0));
}

#[tokio::test]
async fn a_message_in_parts_is_finished_by_the_successor() {
    let [a, b] = ["a", "b"].map(Scripted::new);
    let rules = plan(vec![rule("r", ("a", "A"), &[("b", "B")], "{msg}")]);
    let house = House::open(&rules, &[&a, &b]).await;
    let go = Arc::new(tokio::sync::Notify::new());
    b.script("B", Script::ArriveThenWait(Arc::clone(&go)));
    a.receive(message("a", "A", "m1", "one | two")).await;
    b.wait_for("B", 1).await;
    let successor = Scripted::new("b");
    house.relay.reload(settings(&rules, &[&a, &successor], Options::default())).await.unwrap();
    go.notify_one();
    assert_eq!(successor.wait_for("B", 1).await[0].text, "two");
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.dead), (1, 0));
}

#[tokio::test]
async fn what_leads_to_a_dropped_instance_is_a_dead_letter() {
    let [a, b] = ["a", "b"].map(Scripted::new);
    let house = House::open(&plan(vec![rule("r", ("a", "A"), &[("b", "B")], "{msg}")]), &[&a, &b]).await;
    b.script("B", Script::Fail(unreachable()));
    a.receive(message("a", "A", "m1", "one")).await;
    a.receive(message("a", "A", "m2", "two")).await;
    let done = house.relay.reload(settings(&plan(vec![]), &[&a], Options::default())).await.unwrap();
    assert_eq!(done.removed.len(), 1);
    let tallies = house.settled().await;
    assert_eq!(tallies.dead + tallies.delivered, 2);
    let letters = house.outbox.dead_letters().await.unwrap();
    assert!(letters.iter().all(|letter| letter.reason == "the instance `b` is not configured any more"), "{letters:?}");
    assert_eq!(house.relay.health().len(), 1);
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_reloads_under_load() {
    const MESSAGES: usize = 300;
    let [a, b] = ["a", "b"].map(Scripted::new);
    let rules = plan(vec![rule("r", ("a", "A"), &[("b", "B")], "{msg}")]);
    let house = Arc::new(House::open(&rules, &[&a, &b]).await);
    let load = {
        let a = Arc::clone(&a);
        tokio::spawn(async move {
            for number in 0..MESSAGES {
                a.receive(message("a", "A", &format!("m{number}"), &number.to_string())).await;
            }
        })
    };
    let mut successors = vec![b];
    while !load.is_finished() {
        let next = Scripted::new("b");
        house.relay.reload(settings(&rules, &[&a, &next], Options::default())).await.unwrap();
        successors.push(next);
    }
    load.await.unwrap();
    let tallies = house.settled().await;
    assert_eq!((tallies.delivered, tallies.dead, tallies.pending), (MESSAGES as i64, 0, 0));
    let said: Vec<String> = successors.iter().flat_map(|one| one.texts("B")).collect();
    let expected: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(said, expected, "each once, in order, over {} reloads", successors.len() - 1);
}

#[tokio::test]
async fn a_dead_letter_is_told_where_alerts_go() {
    let [a, b] = ["a", "b"].map(Scripted::new);
    let rules = plan(vec![rule("r", ("a", "A"), &[("b", "B")], "{msg}")]);
    let room = Address::of([("room", "ops")]);
    let target = TargetChannel::new(ChannelKey::new("ops").unwrap(), room);
    let alerts = Some(Alerts { instance: a.id.clone(), target });
    let house = House::open_with(&rules, &[&a, &b], Options { alerts, ..Options::default() }).await;
    b.script("B", Script::Fail(SendError::Permanent { reason: "the room is archived".into() }));
    a.receive(message("a", "A", "m1", "one")).await;
    let told = a.wait_for("ops", 1).await;
    assert!(told[0].text.contains("One message could not be delivered"), "{told:?}");
    house.settled().await;
}
