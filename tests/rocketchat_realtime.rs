//! Two workspaces, of which one is heard over its realtime API: whatever happens to the relay or the line, what people
//! write arrives once and in order.

use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tieline_e2e::{Relay, seed};

use crate::workspace::{Workspace, counts, numbered};

const ROOM: &str = "LOBBY";
const LIVES: usize = 6;

/// `hq` is heard over the realtime API, `lab` by an Outgoing Webhook.
async fn connected() -> (Workspace, Workspace, Relay) {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let realtime = json!({
        "server_url": hq.server.url(), "auth_token": hq.bot.token, "user_id": hq.bot.id, "receive_method": "realtime",
    });
    let relay = Relay::start(json!({
        "global": {},
        "rocketchat": { "hq": realtime, "lab": lab.settings() },
        "rules": [{
            "id": "lobby", "type": "connect", "channels": { "hq": { "room_id": ROOM }, "lab": { "room_id": ROOM } },
            "msg": { "rc_alias": "{user}" },
        }],
    }))
    .await;
    // The last subscription of the room that is made; with it the room begins, and what is written before is not new.
    hq.server.realtime().wait_for_subscription(&format!("{ROOM}/deleteMessageBulk")).await;
    (hq, lab, relay)
}

#[tokio::test]
async fn texts_files_and_threads_go_both_ways() {
    let (hq, lab, mut relay) = connected().await;
    let question = hq.server.post(&hq.ann, ROOM, "*who* is there?");
    let asked = relay.unless_it_ends(lab.server.wait_for(ROOM, |message| message.text.contains("is there"))).await;
    assert_eq!((asked.text.as_str(), asked.alias.as_deref()), ("*who* is there?", Some("Ann Example")));
    hq.server.post_in_thread(&hq.ann, ROOM, &question, "in a thread").expect("she may");
    let threaded = relay.unless_it_ends(lab.server.wait_for(ROOM, |message| message.text == "in a thread")).await;
    assert_eq!(threaded.tmid.as_deref(), Some(asked.id.as_str()));
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let put = hq.server.post_file(&hq.ann, ROOM, "plan.bin", "application/octet-stream", &bytes, "look").expect("fine");
    let file = relay.unless_it_ends(lab.server.wait_for(ROOM, |message| !message.files.is_empty())).await;
    assert_eq!((file.text.as_str(), &file.files[0].sha256), ("look", &put.files[0].sha256));
    let answered = lab.server.post_in_thread(&lab.ann, ROOM, &asked.id, "me").expect("she may");
    lab.taken(&answered).await;
    let answer = relay.unless_it_ends(hq.server.wait_for(ROOM, |message| message.text == "me")).await;
    assert_eq!(answer.tmid.as_deref(), Some(question.as_str()));
    relay.settled().await;
    assert_eq!(lab.copies(ROOM).len(), 3);
    assert_eq!(hq.copies(ROOM).len(), 1);
    assert_eq!(relay.messages("possible_duplicates").await, 0);
}

#[tokio::test]
async fn what_is_written_between_two_lives_arrives_once_and_in_order() {
    let (hq, lab, mut relay) = connected().await;
    let mut rng = Rng::with_seed(seed("rocketchat_realtime", 7));
    let mut written = Vec::new();
    let mut answers = Vec::new();
    for life in 0..LIVES {
        for text in numbered(&format!("Ann in life {life}"), 4) {
            hq.server.post(&hq.ann, ROOM, &text);
            written.push(text);
        }
        for text in numbered(&format!("Lab in life {life}"), 2) {
            lab.say(ROOM, &text).await;
            answers.push(text);
        }
        if rng.bool() {
            hq.server.realtime().cut();
        }
        // The moment is anywhere between the receipt and a little after the last send.
        tokio::time::sleep(Duration::from_micros(rng.u64(0..30_000))).await;
        if life % 2 == 0 {
            relay.kill9().await;
        } else {
            assert_eq!(relay.terminate().await, Some(0));
        }
        for text in numbered(&format!("nobody listens after life {life}"), 3) {
            hq.server.post(&hq.ann, ROOM, &text);
            written.push(text);
        }
        relay.spawn();
        relay.ready().await;
    }
    relay.unless_it_ends(lab.server.wait_for_count(ROOM, written.len() + answers.len())).await;
    relay.unless_it_ends(hq.server.wait_for_count(ROOM, written.len() + answers.len())).await;
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), written);
    assert_eq!(hq.heard(ROOM), answers);
    assert_eq!(counts(&relay).await[3], 0, "dead letters");
    assert_eq!(relay.messages("possible_duplicates").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_how_messages_are_received() {
    let (_hq, _lab, relay) = connected().await;
    let (status, said, _) = relay.command(&["doctor"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("over the realtime API") && said.contains("/lab"), "{said}");
}
