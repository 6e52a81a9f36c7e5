//! Heartbeats of the fake gateway, and what a test can do to its connections.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tieline_testkit::discord::gateway::GatewayScript;

use crate::discord_gateway_client::{Client, GUILD_MESSAGES, QUERY, Said, TOKEN, USUAL, session, start, unhurried};

#[tokio::test]
async fn heartbeats_are_acknowledged() {
    let fake = start(unhurried()).await;
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    client.send(1, Value::Null).await;
    assert_eq!(client.next().await, Said::Payload(json!({ "t": null, "s": null, "op": 11, "d": null })));
    client.identify(TOKEN, USUAL).await;
    client.event("READY").await;
    client.event("GUILD_CREATE").await;
    fake.gateway().request_heartbeat();
    assert_eq!(client.expect(1).await, Value::Null);
    client.send(1, json!(2)).await;
    client.expect(11).await;
    let seqs: Vec<_> = fake.gateway().wait_for_heartbeats(2).await.iter().map(|beat| beat.seq).collect();
    assert_eq!(seqs, [None, Some(2)]);
}

#[tokio::test]
async fn a_zombie_does_not_answer() {
    let fake = start(unhurried()).await;
    let (mut client, _) = Client::identified(&fake, USUAL).await;
    fake.gateway().stop_acknowledging();
    client.send(1, json!(2)).await;
    fake.gateway().wait_for_heartbeats(1).await;
    fake.gateway().acknowledge();
    client.send(1, json!(2)).await;
    // Only the second is acknowledged.
    client.expect(11).await;
    fake.gateway().dispatch("USER_UPDATE", 0, &json!({}));
    client.event("USER_UPDATE").await;
}

#[tokio::test]
async fn a_client_without_a_pulse_is_closed() {
    for silence_code in [4000, 4009] {
        let script = GatewayScript {
            heartbeat_interval: Duration::from_millis(1),
            heartbeat_tolerance: Duration::from_millis(1),
            silence_code,
            ..unhurried()
        };
        let fake = start(script).await;
        let mut client = Client::connect(&fake).await;
        assert_eq!(client.expect(10).await["heartbeat_interval"], 1);
        assert_eq!(client.next().await, Said::Closed(silence_code));
    }
}

#[tokio::test]
async fn a_client_with_a_pulse_is_not() {
    let patience = Duration::from_millis(1500);
    let script =
        GatewayScript { heartbeat_interval: patience, heartbeat_tolerance: Duration::ZERO, ..GatewayScript::default() };
    let fake = start(script).await;
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    // Nothing else tells that time has passed.
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..20 {
        beat.tick().await;
        client.hears_nothing().await;
    }
}

#[tokio::test]
async fn every_connection_can_be_closed() {
    let fake = start(unhurried()).await;
    for (code, stays) in
        [(1000, true), (4000, true), (4004, false), (4007, false), (4009, false), (4010, false), (4014, false)]
    {
        let (mut client, ready) = Client::identified(&fake, USUAL).await;
        let mut unidentified = Client::connect(&fake).await;
        unidentified.expect(10).await;
        fake.gateway().dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": "1" }));
        fake.gateway().close_with(code);
        fake.gateway().dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": "2" }));
        // What happened before comes before; what happens then does not come.
        client.event("MESSAGE_DELETE").await;
        assert_eq!(client.next().await, Said::Closed(code));
        assert_eq!(unidentified.next().await, Said::Closed(code));
        let mut client = Client::resuming(&fake, TOKEN, session(&ready), 3).await;
        if stays {
            assert_eq!(client.event("MESSAGE_DELETE").await["d"]["id"], "2");
            client.event("RESUMED").await;
        } else {
            assert_eq!(client.expect(9).await, false);
        }
        fake.gateway().cut();
        fake.gateway().forget_sessions();
    }
    assert!(fake.gateway().closes().is_empty(), "the clients closed nothing");
}

#[tokio::test]
async fn a_client_is_asked_to_reconnect_and_hears_on_until_it_does() {
    let fake = start(unhurried()).await;
    let (mut client, ready) = Client::identified(&fake, USUAL).await;
    fake.gateway().reconnect();
    fake.gateway().dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": "1" }));
    assert_eq!(client.expect(7).await, Value::Null);
    client.event("MESSAGE_DELETE").await;
    client.close(4000).await;
    fake.gateway().wait_for_closes(1).await;
    Client::resuming(&fake, TOKEN, session(&ready), 3).await.event("RESUMED").await;
}

#[tokio::test]
async fn a_session_can_be_invalidated() {
    let fake = start(unhurried()).await;
    for resumable in [true, false] {
        let (mut client, ready) = Client::identified(&fake, USUAL).await;
        fake.gateway().invalidate(resumable);
        fake.gateway().dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": "1" }));
        assert_eq!(client.expect(9).await, resumable);
        client.hears_nothing().await;
        client.send(3, json!({})).await;
        assert_eq!(client.next().await, Said::Closed(4003));
        let mut client = Client::resuming(&fake, TOKEN, session(&ready), 2).await;
        if resumable {
            client.event("MESSAGE_DELETE").await;
            client.event("RESUMED").await;
        } else {
            assert_eq!(client.expect(9).await, false);
        }
    }
}

#[tokio::test]
async fn dials_can_be_refused() {
    let fake = start(unhurried()).await;
    fake.gateway().refuse_connections(2);
    for path in ["/gateway", "/gateway/resume"] {
        let refused = Client::dial(&fake, &format!("{path}{QUERY}")).await.err();
        assert_eq!(refused, Some(StatusCode::SERVICE_UNAVAILABLE));
    }
    fake.gateway().close_on_connect(4008);
    for _ in 0..2 {
        assert_eq!(Client::connect(&fake).await.next().await, Said::Closed(4008));
    }
    fake.gateway().close_on_connect(None);
    Client::connect(&fake).await.expect(10).await;
    let dials = fake.gateway().wait_for_dials(5).await;
    let refused: Vec<_> = dials.iter().map(|dial| dial.refused).collect();
    assert_eq!(refused, [Some(503), Some(503), None, None, None]);
    assert_eq!(dials[1].path, "/gateway/resume");
    assert_eq!(dials.iter().map(|dial| dial.connection).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn events_can_be_held_back() {
    let fake = start(unhurried()).await;
    let (mut client, ready) = Client::identified(&fake, USUAL).await;
    let gateway = fake.gateway();
    gateway.hold_events();
    for id in ["1", "2"] {
        gateway.dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": id }));
    }
    client.hears_nothing().await;
    gateway.release_events();
    for id in ["1", "2"] {
        assert_eq!(client.event("MESSAGE_DELETE").await["d"]["id"], id);
    }
    // What was held when the line broke comes with the resume.
    gateway.hold_events();
    gateway.dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": "3" }));
    gateway.cut();
    assert_eq!(client.next().await, Said::Cut);
    gateway.release_events();
    let mut client = Client::resuming(&fake, TOKEN, session(&ready), 4).await;
    assert_eq!(client.event("MESSAGE_DELETE").await["d"]["id"], "3");
    client.event("RESUMED").await;
}

#[tokio::test]
async fn nobody_is_let_in_before_the_bots_are_known() {
    let fake = start(unhurried()).await;
    fake.gateway().set_ready(|_| None);
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    client.identify(TOKEN, USUAL).await;
    assert_eq!(client.next().await, Said::Closed(4004));
}
