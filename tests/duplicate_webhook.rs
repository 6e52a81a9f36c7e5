//! The same Outgoing Webhook again and again, also across a restart: one message.

use serde_json::json;
use tieline_e2e::Relay;

use crate::outgoing_call::{call, payload};
use crate::workspace::{Workspace, configuration, counts, forward};

const ROOM: &str = "GENERAL";
const TIMES: usize = 5;

/// Calls five times at once, and asserts that each call is taken.
async fn call_often(hq: &Workspace, body: &serde_json::Value) {
    let url = hq.listener();
    let calls = std::array::from_fn::<_, TIMES, _>(|_| tokio::spawn(send(url.clone(), body.to_string())));
    for answer in calls {
        assert_eq!(answer.await.expect("the call"), Some(200));
    }
}

async fn send(url: String, body: String) -> Option<u16> {
    call(&url, body).await.map(|(status, _)| status)
}

#[tokio::test]
async fn a_repeat_is_relayed_once_also_across_restarts() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    hq.server.set_enabled(&hq.outgoing, false);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    let id = hq.server.post(&hq.ann, ROOM, "only once");
    let body = payload(&hq.webhook_token(), ROOM, &hq.ann, &id, "only once");

    call_often(&hq, &body).await;
    lab.server.wait_for_count(ROOM, 1).await;
    relay.settled().await;
    call_often(&hq, &body).await;
    assert_eq!(relay.messages("repeats").await, 9);

    assert_eq!(relay.terminate().await, Some(0));
    relay.spawn();
    relay.ready().await;
    call_often(&hq, &body).await;

    relay.kill9().await;
    relay.spawn();
    relay.ready().await;
    call_often(&hq, &body).await;
    relay.settled().await;

    assert_eq!(lab.heard(ROOM), ["only once"]);
    assert_eq!(relay.messages("repeats").await, 19);
    assert_eq!(counts(&relay).await, [1, 1, 0, 0, 0, 0]);
}

/// Two integrations that hear of the same room, as `#general,all_public_channels` makes it.
#[tokio::test]
async fn two_integrations_for_one_room_are_one_message() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    hq.server.outgoing_hook(tieline_testkit::rocketchat::OutgoingHook {
        channels: vec![format!("#{ROOM}")],
        urls: vec![hq.listener()],
        token: hq.webhook_token(),
        ..Default::default()
    });
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    hq.say(ROOM, "once").await;
    hq.say(ROOM, "and once more").await;
    hq.server.wait_for_hook_calls(4).await;
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), ["once", "and once more"]);
    assert_eq!(relay.messages("repeats").await, 2);
}

/// The same text again is another message, if it has another id.
#[tokio::test]
async fn the_same_words_twice_are_two_messages() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut written = configuration(&[&hq], &forward(&hq, &[&lab], ROOM));
    written["rocketchat"]["lab"] = lab.settings_by(&lab.incoming(ROOM));
    written["rules"] = json!([{
        "id": "both", "type": "connect", "channels": { "hq": { "room_id": ROOM }, "lab": { "room_id": ROOM } },
    }]);
    let mut relay = Relay::start(written).await;
    hq.say(ROOM, "ok").await;
    hq.say(ROOM, "ok").await;
    lab.server.wait_for_count(ROOM, 2).await;
    lab.say(ROOM, "ok").await;
    hq.server.wait_for_count(ROOM, 3).await;
    relay.settled().await;
    assert_eq!((hq.server.messages(ROOM).len(), lab.server.messages(ROOM).len()), (3, 3));
}
