//! A target that never answers: others notice nothing, and once it is back everything is there once.

use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{Fault, Route};

use crate::workspace::{Workspace, configuration, counts, forward, numbered};

const ROOM: &str = "GENERAL";

/// Lets the first call hang, watches the other target get everything, then restarts the server that hung.
async fn hang_and_restart(fault: Fault) {
    let hq = Workspace::start("hq", &[ROOM]).await;
    let (lab, archive) = (Workspace::start("lab", &[ROOM]).await, Workspace::start("archive", &[ROOM]).await);
    let rules = forward(&hq, &[&lab, &archive], ROOM);
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;

    lab.server.faults().on(Route::SendMessage).next(1, fault);
    let texts = numbered("message", 20);
    hq.say(ROOM, &texts[0]).await;
    lab.server.wait_for_request(|request| request.route == Route::SendMessage).await;
    for text in &texts[1..] {
        hq.say(ROOM, text).await;
    }
    archive.server.wait_for_count(ROOM, texts.len()).await;
    assert_eq!(archive.heard(ROOM), texts);
    assert_eq!(lab.server.requests_to(Route::SendMessage).len(), 1, "one delivery of a lane is in flight");
    relay.wait_for("the other lane to be settled", async |relay: &Relay| relay.messages("pending").await == 20).await;

    lab.server.close_port().await;
    lab.server.open_port().await.expect("the same port");
    lab.server.wait_for_count(ROOM, texts.len()).await;
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), texts);
    assert_eq!(counts(&relay).await, [40, 40, 0, 0, 0, 0]);
    assert_eq!(relay.messages("possible_duplicates").await, 0);
}

#[tokio::test]
async fn a_call_that_was_not_processed_is_made_again() {
    hang_and_restart(Fault::Hang).await;
}

#[tokio::test]
async fn a_call_that_was_processed_is_not_made_again() {
    hang_and_restart(Fault::HangAfter).await;
}

/// The source hangs while a message is to be completed: what comes from elsewhere is not held up.
#[tokio::test]
async fn a_source_that_hangs_holds_up_its_own_messages_only() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let archive = Workspace::start("archive", &[ROOM]).await;
    let mut rules = forward(&hq, &[&archive], ROOM);
    rules.as_array_mut().expect("a list").push(forward(&lab, &[&archive], ROOM)[0].clone());
    rules[1]["id"] = "other".into();
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;

    hq.server.faults().on(Route::GetMessage).next(1, Fault::Hang);
    hq.say(ROOM, "waits to be completed").await;
    hq.server.wait_for_request(|request| request.route == Route::GetMessage).await;
    for text in numbered("from lab", 5) {
        lab.say(ROOM, &text).await;
    }
    archive.server.wait_for_count(ROOM, 5).await;
    assert_eq!(archive.heard(ROOM), numbered("from lab", 5));

    hq.server.close_port().await;
    hq.server.open_port().await.expect("the same port");
    let late = archive.server.wait_for(ROOM, |message| message.text == "waits to be completed").await;
    assert_eq!(late.alias.as_deref(), Some("Ann Example"));
    relay.settled().await;
}
