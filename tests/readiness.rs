//! `readyz` tells the truth: an instance that cannot do its work is not ready, and one that can has no error.

use std::time::Duration;

use serde_json::Value;
use tieline_e2e::Relay;
use tieline_testkit::rocketchat::Fault;
use tokio::process::Command;

use crate::outgoing_call::{call, insist, payload};
use crate::workspace::{Workspace, configuration, forward, health};

const ROOM: &str = "GENERAL";
/// More than an answer is waited for.
const LONG: Duration = Duration::from_mins(3);

async fn two() -> (Workspace, Workspace, Relay) {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let relay = Relay::new(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM)));
    (hq, lab, relay)
}

async fn failing(relay: &mut Relay, instance: &str) -> String {
    relay
        .wait_within(LONG, "readyz to answer 503", async |relay: &Relay| {
            matches!(relay.get("/readyz").await, Some((503, _)))
        })
        .await;
    let health = health(relay, instance).await;
    assert_eq!(health["state"], "failing", "{health}");
    health["error"].as_str().expect("an error").to_owned()
}

async fn assert_nothing_is_wrong(relay: &mut Relay) {
    relay.ready().await;
    for instance in ["hq", "lab"] {
        let health = health(relay, instance).await;
        assert_eq!((&health["state"], &health["error"]), (&"ready".into(), &Value::Null), "{instance}");
    }
}

#[tokio::test]
async fn sends_that_are_answered_500() {
    let (hq, lab, mut relay) = two().await;
    relay.spawn();
    relay.ready().await;
    lab.server.faults().everywhere().always(Fault::Status500);
    hq.say(ROOM, "not now").await;
    let error = failing(&mut relay, "lab").await;
    assert!(error.contains("500"), "{error}");
    assert_eq!(health(&relay, "hq").await["state"], "ready");
    lab.server.faults().clear();
    lab.server.wait_for_count(ROOM, 1).await;
    assert_nothing_is_wrong(&mut relay).await;
}

/// Takes as long as an answer is waited for, which is a minute.
#[tokio::test]
async fn sends_that_are_never_answered() {
    let (hq, lab, mut relay) = two().await;
    relay.spawn();
    relay.ready().await;
    lab.server.faults().everywhere().always(Fault::Hang);
    hq.say(ROOM, "not now").await;
    failing(&mut relay, "lab").await;
    assert_eq!(health(&relay, "hq").await["state"], "ready");
    lab.server.faults().clear();
    lab.server.close_port().await;
    lab.server.open_port().await.expect("the same port");
    lab.server.wait_for_count(ROOM, 1).await;
    assert_nothing_is_wrong(&mut relay).await;
}

/// Limits how long the relay may make a file. A soft limit can be raised again.
async fn limit_files(relay: &Relay, limit: &str) {
    let pid = relay.pid().to_string();
    let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={limit}:")]).status().await;
    assert!(limited.expect("prlimit, of util-linux, runs").success(), "the limit was not set");
}

/// A file size limit of 0 is a disk that takes nothing.
#[tokio::test]
async fn a_disk_that_takes_nothing() {
    let (hq, lab, mut relay) = two().await;
    hq.server.set_enabled(&hq.outgoing, false);
    // Where the signal is ignored, the write fails instead.
    relay.spawn_under(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    relay.ready().await;
    limit_files(&relay, "0").await;
    let message = hq.server.post(&hq.ann, ROOM, "when there is space");
    let body = payload(&hq.webhook_token(), ROOM, &hq.ann, &message, "when there is space");
    let answer = call(&hq.listener(), body.to_string()).await;
    assert_eq!(answer.map(|(status, _)| status), Some(503));
    for instance in ["hq", "lab"] {
        let error = failing(&mut relay, instance).await;
        assert!(error.contains("the outbox cannot be written"), "{error}");
    }
    assert!(matches!(relay.get("/healthz").await, Some((200, _))), "the process works");

    // Nobody calls meanwhile: it finds out by itself.
    limit_files(&relay, "unlimited").await;
    assert_nothing_is_wrong(&mut relay).await;
    insist(&hq.listener(), &body).await;
    lab.server.wait_for_count(ROOM, 1).await;
    relay.settled().await;
}
