//! What the addon's webhook may bring: floods, nonsense, and sockets that nobody closes.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tieline_e2e::{Relay, note};

use crate::addon::{Addon, bridge, of_any_age};
use crate::workspace::Workspace;

const ROOM: &str = "DESK";
const PATIENCE: Duration = Duration::from_mins(1);
/// Far more than the relay needs; what grows without end passes it.
const MUCH_MEMORY_MIB: f64 = 100.0;

fn open_sockets(relay: &Relay) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", relay.pid())).expect("Linux and a live process").count()
}

#[tokio::test]
async fn a_flood_of_webhooks_leaves_no_socket_open() {
    const COUNT: usize = 2_000;
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut configuration = bridge(&desk, &addon);
    // Only the way in is of interest: what nobody takes is kept by its id.
    configuration["rules"] = json!([{ "from": { "desk": { "room_id": ROOM } }, "to": { "wa": { "chat_id": "*" } } }]);
    let mut relay = Relay::start(configuration).await;
    addon.say("the first").await;
    addon.server.wait_until(|server| server.open_webhook_sockets() == 0).await;
    let before = (open_sockets(&relay), relay.resident_mib());
    for number in 0..COUNT {
        addon.server.text(&addon.alice.jid(), &addon.alice, &format!("message {number}"));
    }
    for answered in (0..=COUNT).step_by(200) {
        addon.server.wait_for_answered_webhooks(answered + 1).await;
    }
    addon.server.wait_until(|server| server.open_webhook_sockets() == 0).await;
    relay.settled().await;
    let ended: Vec<_> = addon.server.webhooks().into_iter().filter(|call| call.status != Some(200)).collect();
    assert!(ended.is_empty(), "{} of {COUNT}: {:?}", ended.len(), ended.first());
    relay.wait_for("the sockets to be closed", async |relay: &Relay| open_sockets(relay) <= before.0 + 4).await;
    note(format!("{COUNT} webhooks: {:.1} MiB before, {:.1} MiB afterwards", before.1, relay.resident_mib()));
    assert!(relay.peak_mib() < MUCH_MEMORY_MIB);
}

#[tokio::test]
async fn nonsense_is_refused_or_relayed_and_never_a_crash() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let mut relay = Relay::start(of_any_age(bridge(&desk, &addon))).await;
    let call = async |body: Vec<u8>| {
        let headers = [("x-webhook-token", "token-of-the-webhook"), ("content-type", "application/json")];
        let reply = tieline_testkit::call(Method::POST, &addon.listener(), &headers, Bytes::from(body), PATIENCE).await;
        reply.map(|reply| reply.status.as_u16())
    };
    let sound = json!({
        "id": "3EB0NONSENSE", "type": "message", "content": "sound", "from": addon.alice.jid(), "session_id": "default",
        "sender_name": "Alice", "raw": { "key": { "remoteJid": addon.alice.jid(), "fromMe": false, "id": "3EB0NONSENSE" },
        "messageTimestamp": 1_795_241_734, "message": { "conversation": "sound" } },
    });
    let mut number = 0;
    let mut changed = |change: &dyn Fn(&mut Value)| {
        number += 1;
        let mut payload = sound.clone();
        payload["id"] = json!(format!("3EB0NONSENSE{number}"));
        change(&mut payload);
        payload.to_string().into_bytes()
    };
    // Whatever else is odd, a text with an id and a chat is relayed.
    for body in [
        changed(&|payload| payload["raw"] = Value::Null),
        changed(&|payload| payload["raw"]["message"] = json!({ "newKindMessage": { "deep": [1, { "a": null }] } })),
        changed(&|payload| payload["type"] = json!("hologram")),
        changed(&|payload| payload["sender_name"] = Value::Null),
        changed(&|payload| payload["raw"]["messageTimestamp"] = json!({ "low": 1, "high": 0 })),
        changed(&|payload| payload["vote"] = json!("none")),
    ] {
        assert_eq!(call(body).await.expect("an answer"), 200);
    }
    relay.settled().await;
    assert_eq!(desk.copies(ROOM).len(), 6, "{:#?}", desk.heard(ROOM));
    // What says neither what nor where is refused.
    for (body, status) in [
        (b"{\"id\":".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"null".to_vec(), 400),
        (changed(&|payload| (payload["from"], payload["raw"]) = (json!(7), Value::Null)), 400),
        (changed(&|payload| (payload["id"], payload["raw"]) = (json!([]), Value::Null)), 400),
    ] {
        assert_eq!(call(body.clone()).await.expect("an answer"), status, "{}", String::from_utf8_lossy(&body));
    }
    // 20 MB: the listener may close before it has read all of it.
    let huge = call(vec![b'x'; 20 << 20]).await;
    assert!(huge.as_ref().is_ok_and(|status| [400, 413].contains(status)) || huge.is_err(), "{huge:?}");
    addon.say("still there").await;
    desk.server.wait_for(ROOM, |message| message.text.contains("still there")).await;
    assert!(relay.peak_mib() < MUCH_MEMORY_MIB);
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let (desk, addon) = (Workspace::start("desk", &[ROOM]).await, Addon::start().await);
    let _relay = Relay::start(bridge(&desk, &addon)).await;
    for headers in [&[][..], &[("x-webhook-token", "")][..], &[("x-webhook-token", "token-of-the-webhooK")][..]] {
        let reply =
            tieline_testkit::call(Method::POST, &addon.listener(), headers, Bytes::from_static(b"{}"), PATIENCE).await;
        assert_eq!(reply.expect("an answer").status.as_u16(), 401);
    }
}
