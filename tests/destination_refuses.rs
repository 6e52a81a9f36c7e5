//! A target that refuses connections: what is for it waits and arrives once, in order; others notice nothing.

use tieline_e2e::Relay;

use crate::workspace::{Workspace, configuration, counts, forward, health, numbered};

const ROOM: &str = "GENERAL";
/// More than a lane keeps in memory.
const BACKLOG: usize = 150;

#[tokio::test]
async fn what_was_said_meanwhile_arrives_once_and_in_order() {
    let hq = Workspace::start("hq", &[ROOM, "second"]).await;
    let lab = Workspace::start("lab", &[ROOM, "second"]).await;
    let archive = Workspace::start("archive", &[ROOM]).await;
    let mut rules = forward(&hq, &[&lab, &archive], ROOM);
    let second = forward(&hq, &[&lab], "second")[0].clone();
    rules.as_array_mut().expect("a list").push(second);
    rules[1]["id"] = "second".into();
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;
    hq.say(ROOM, "before").await;
    lab.server.wait_for_count(ROOM, 1).await;

    lab.server.close_port().await;
    let texts = numbered("while lab is down", BACKLOG);
    for text in &texts {
        hq.say(ROOM, text).await;
        hq.say("second", text).await;
    }
    archive.server.wait_for_count(ROOM, BACKLOG + 1).await;
    relay.wait_for("readyz to say so", async |relay: &Relay| health(relay, "lab").await["state"] == "failing").await;
    let lab_health = health(&relay, "lab").await;
    assert!(lab_health["error"].as_str().is_some_and(|error| error.contains("refused")), "{lab_health}");
    assert_eq!(health(&relay, "archive").await["state"], "ready");
    relay
        .wait_for("the other target to be settled", async |relay: &Relay| {
            relay.messages("pending").await == 2 * BACKLOG as i64
        })
        .await;

    lab.server.open_port().await.expect("the same port");
    lab.server.wait_for_count(ROOM, BACKLOG + 1).await;
    lab.server.wait_for_count("second", BACKLOG).await;
    relay.settled().await;
    relay.ready().await;
    assert_eq!(lab.heard(ROOM)[1..], texts);
    assert_eq!(lab.heard("second"), texts);
    assert_eq!(archive.heard(ROOM)[1..], texts);
    let all = 3 * BACKLOG as i64 + 2;
    assert_eq!(counts(&relay).await, [all, all, 0, 0, 0, 0]);
}
