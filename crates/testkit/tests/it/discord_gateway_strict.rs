//! What the fake gateway does not take.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tieline_core::secret::Secret;
use tieline_testkit::discord::gateway::GatewayScript;
use tokio_tungstenite::tungstenite::Message;

use crate::discord_gateway_client::{
    Client, GUILDS, MESSAGE_CONTENT, OTHER_TOKEN, Said, TOKEN, USUAL, identify, session, start, still, unhurried,
};

/// An identify with one thing changed; `Null` takes it away.
fn identify_with(pointer: &str, value: Value) -> Value {
    let mut data = identify(TOKEN, USUAL);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let fields = data.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    fields.remove(key);
    if !value.is_null() {
        fields.insert(key.to_owned(), value);
    }
    json!({ "op": 2, "d": data })
}

#[tokio::test]
async fn each_broken_payload_is_closed_with_its_code() {
    let fake = start(unhurried()).await;
    let cases = [
        (Value::String("no object".into()), 4002),
        (json!({ "d": null }), 4002),
        (json!({ "op": "1", "d": null }), 4002),
        (json!({ "op": 1, "d": "7" }), 4002),
        (json!({ "op": 0, "d": {} }), 4001),
        (json!({ "op": 5, "d": {} }), 4001),
        (json!({ "op": 99, "d": {} }), 4001),
        (json!({ "op": 2, "d": null }), 4002),
        (identify_with("/token", Value::Null), 4002),
        (identify_with("/token", json!(7)), 4002),
        (identify_with("/intents", Value::Null), 4002),
        (identify_with("/intents", json!("513")), 4002),
        (identify_with("/properties", Value::Null), 4002),
        (identify_with("/properties/os", Value::Null), 4002),
        (identify_with("/properties/browser", json!(1)), 4002),
        (identify_with("/properties/device", Value::Null), 4002),
        (identify_with("/compress", json!("yes")), 4002),
        (identify_with("/large_threshold", json!(251)), 4002),
        (identify_with("/presence", json!([])), 4002),
        (identify_with("/padding", json!("x".repeat(4096))), 4002),
        (identify_with("/token", json!("wrong")), 4004),
        (identify_with("/intents", json!(1 << 17)), 4013),
        (identify_with("/intents", json!(1_u64 << 40)), 4013),
        (json!({ "op": 6, "d": { "token": TOKEN, "session_id": "x" } }), 4002),
        (json!({ "op": 6, "d": { "token": "wrong", "session_id": "x", "seq": 1 } }), 4004),
        (json!({ "op": 3, "d": {} }), 4003),
        (json!({ "op": 8, "d": {} }), 4003),
    ];
    for (payload, code) in cases {
        let mut client = Client::connect(&fake).await;
        client.expect(10).await;
        client.send_text(payload.to_string()).await;
        assert_eq!(client.next().await, Said::Closed(code), "{payload}");
    }
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    client.send_text("{".to_owned()).await;
    assert_eq!(client.next().await, Said::Closed(4002));
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    client.socket.send(Message::binary(br#"{"op":1,"d":null}"#.to_vec())).await.unwrap();
    assert_eq!(client.next().await, Said::Closed(4002));
    assert_eq!(fake.gateway().sessions(), [], "nothing began");
    assert!(fake.gateway().closes().is_empty(), "the gateway closed, not the clients");
}

#[tokio::test]
async fn a_payload_of_4096_bytes_is_taken() {
    let fake = start(unhurried()).await;
    let length = identify_with("/padding", json!("")).to_string().len();
    for (more, taken) in [(4096 - length, true), (4097 - length, false)] {
        let mut client = Client::connect(&fake).await;
        client.expect(10).await;
        client.send_text(identify_with("/padding", json!("x".repeat(more))).to_string()).await;
        match client.next().await {
            Said::Payload(payload) if taken => assert_eq!(payload["t"], "READY"),
            said => assert_eq!((said, taken), (Said::Closed(4002), false)),
        }
    }
}

#[tokio::test]
async fn who_has_identified_does_not_do_it_again() {
    let fake = start(unhurried()).await;
    let resume = json!({ "token": TOKEN, "session_id": "x", "seq": 1 });
    for (op, data) in [(2, identify(TOKEN, USUAL)), (6, resume)] {
        let (mut client, _) = Client::identified(&fake, USUAL).await;
        client.send(3, json!({ "status": "online", "afk": false, "since": null, "activities": [] })).await;
        client.hears_nothing().await;
        client.send(op, data).await;
        assert_eq!(client.next().await, Said::Closed(4005));
    }
    assert_eq!(fake.gateway().sessions().len(), 2, "both can be resumed");
}

#[tokio::test]
async fn intents_that_are_not_switched_on_are_refused() {
    let fake = start(GatewayScript { disallowed_intents: 1 << 1, ..unhurried() }).await;
    let try_with = async |intents: u64| {
        let mut client = Client::connect(&fake).await;
        client.expect(10).await;
        client.identify(TOKEN, intents).await;
        client.next().await
    };
    assert_eq!(try_with(GUILDS | 1 << 1).await, Said::Closed(4014));
    assert!(matches!(try_with(USUAL).await, Said::Payload(_)));
    fake.gateway().disallow_intents(MESSAGE_CONTENT);
    assert_eq!(try_with(USUAL).await, Said::Closed(4014));
    assert_eq!(fake.gateway().application_flags(), 1 << 13 | 1 << 15);
    assert!(matches!(try_with(GUILDS | 1 << 1).await, Said::Payload(_)));
}

#[tokio::test]
async fn identifies_follow_each_other_with_measure() {
    let (script, clock) = still();
    let fake = start(GatewayScript { max_concurrency: 2, ..script }).await;
    let try_with = async |token: &str| {
        let mut client = Client::connect(&fake).await;
        client.expect(10).await;
        client.identify(token, 0).await;
        client.next().await
    };
    let invalid = || Said::Payload(json!({ "t": null, "s": null, "op": 9, "d": false }));
    let begins = |said: Said| matches!(said, Said::Payload(payload) if payload["t"] == "READY");
    assert!(begins(try_with(TOKEN).await));
    assert!(begins(try_with(TOKEN).await));
    assert_eq!(try_with(TOKEN).await, invalid());
    assert!(begins(try_with(OTHER_TOKEN).await), "each bot has its own measure");
    clock.advance(Duration::from_millis(4999));
    assert_eq!(try_with(TOKEN).await, invalid());
    clock.advance(Duration::from_millis(1));
    assert!(begins(try_with(TOKEN).await));
    let begun: Vec<_> = fake.gateway().identifies().iter().map(|one| one.session.is_some()).collect();
    assert_eq!(begun, [true, true, false, true, false, true]);
    assert_eq!(fake.gateway().identifies()[0].token, Secret::new(TOKEN));
}

#[tokio::test]
async fn who_identifies_too_often_loses_the_token() {
    let (script, clock) = still();
    let script = GatewayScript { identifies_per_day: 2, identify_window: Duration::ZERO, ..script };
    let fake = start(script).await;
    let gateway = fake.gateway();
    let limit = |remaining: u64, reset_after: u64| json!({ "total": 2, "remaining": remaining, "reset_after": reset_after, "max_concurrency": 1 });
    assert_eq!(gateway.session_start_limit(TOKEN), limit(2, 86_400_000));
    let (first, ready) = Client::identified(&fake, USUAL).await;
    clock.advance(Duration::from_hours(1));
    assert_eq!(gateway.session_start_limit(TOKEN), limit(1, 82_800_000));
    drop(first);
    gateway.wait_for_closes(1).await;
    // A resume is no identify.
    let mut resumed = Client::resuming(&fake, TOKEN, session(&ready), 2).await;
    resumed.event("RESUMED").await;
    let (mut second, _) = Client::identified(&fake, USUAL).await;
    assert_eq!(gateway.session_start_limit(TOKEN), limit(0, 82_800_000));
    assert!(!gateway.token_was_reset(TOKEN));

    let mut third = Client::connect(&fake).await;
    third.expect(10).await;
    third.identify(TOKEN, USUAL).await;
    assert_eq!(third.next().await, Said::Closed(4004));
    assert_eq!(second.next().await, Said::Closed(4004), "all sessions of the bot end");
    assert_eq!(resumed.next().await, Said::Closed(4004));
    assert!(gateway.token_was_reset(TOKEN));
    assert_eq!(gateway.sessions(), []);
    clock.advance(Duration::from_hours(48));
    let resume = json!({ "token": TOKEN, "session_id": session(&ready), "seq": 2 });
    for (op, data) in [(2, identify(TOKEN, USUAL)), (6, resume)] {
        let mut later = Client::connect(&fake).await;
        later.expect(10).await;
        later.send(op, data).await;
        assert_eq!(later.next().await, Said::Closed(4004), "the token is another one now");
    }
}

#[tokio::test]
async fn a_client_that_says_too_much_is_closed() {
    let (script, clock) = still();
    let fake = start(script).await;
    let (mut client, _) = Client::identified(&fake, USUAL).await;
    for _ in 0..119 {
        client.hears_nothing().await;
    }
    clock.advance(Duration::from_mins(1));
    for _ in 0..120 {
        client.hears_nothing().await;
    }
    clock.advance(Duration::from_millis(59_999));
    client.send(1, Value::Null).await;
    assert_eq!(client.next().await, Said::Closed(4008));
    assert_eq!(fake.gateway().sessions().len(), 1, "it can be resumed");
}

#[tokio::test]
async fn no_token_is_shown() {
    let fake = start(unhurried()).await;
    let (client, ready) = Client::identified(&fake, USUAL).await;
    drop(client);
    fake.gateway().wait_for_closes(1).await;
    Client::resuming(&fake, TOKEN, session(&ready), 2).await.event("RESUMED").await;
    let mut odd = Client::connect(&fake).await;
    odd.expect(10).await;
    odd.send(99, json!({ "token": TOKEN })).await;
    assert_eq!(odd.next().await, Said::Closed(4001));
    let gateway = fake.gateway();
    let shown = format!("{:?} {:?} {:?}", gateway.received(), gateway.identifies(), gateway.resumes());
    assert!(!shown.contains(TOKEN), "{shown}");
    assert_eq!(gateway.resumes()[0].token, Secret::new(TOKEN));
    assert_eq!(gateway.received()[0].data["intents"], USUAL);
}
