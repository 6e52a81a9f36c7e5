//! The fake gateway: how a connection opens and a session begins, and what it hears.

use futures_util::StreamExt;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tieline_testkit::call;
use tieline_testkit::discord::gateway::GatewayScript;
use tokio_tungstenite::tungstenite::Message;

use crate::client::PATIENCE;
use crate::discord_gateway_client::{
    BOT, Client, GUILD_MESSAGES, GUILDS, MESSAGE_CONTENT, QUERY, Said, TOKEN, USUAL, identify, origin, session, start,
    unhurried,
};

#[tokio::test]
async fn a_connection_is_greeted() {
    let fake = start(GatewayScript::default()).await;
    let mut client = Client::connect(&fake).await;
    let hello = json!({ "t": null, "s": null, "op": 10, "d": { "heartbeat_interval": 45_000 } });
    assert_eq!(client.next().await, Said::Payload(hello));
    let dials = fake.gateway().wait_for_dials(1).await;
    assert_eq!((dials[0].path.as_str(), dials[0].query.as_str()), ("/gateway", "v=10&encoding=json"));
    assert_eq!((dials[0].connection, dials[0].refused), (0, None));
}

#[tokio::test]
async fn what_it_does_not_speak_is_refused() {
    let fake = start(GatewayScript::default()).await;
    for query in ["?v=10&encoding=etf", "?v=10&encoding=json&compress=zstd-stream"] {
        assert_eq!(Client::dial(&fake, &format!("/gateway{query}")).await.err(), Some(StatusCode::BAD_REQUEST));
    }
    let url = format!("{}{QUERY}", fake.gateway_url().replace("ws://", "http://"));
    let get =
        async |headers: &[(&str, &str)]| call(Method::GET, &url, headers, "".into(), PATIENCE).await.unwrap().status;
    assert_eq!(get(&[]).await, StatusCode::UPGRADE_REQUIRED);
    let incomplete = [("connection", "upgrade"), ("upgrade", "websocket"), ("user-agent", "tieline/1")];
    assert_eq!(get(&incomplete).await, StatusCode::BAD_REQUEST);
    assert_eq!(fake.gateway().dials()[3].user_agent.as_deref(), Some("tieline/1"));
    let refused: Vec<_> = fake.gateway().dials().iter().map(|dial| dial.refused).collect();
    assert_eq!(refused, [Some(400), Some(400), Some(426), Some(400)]);
}

#[tokio::test]
async fn another_version_is_closed() {
    let fake = start(GatewayScript::default()).await;
    for query in ["?v=9&encoding=json", "?encoding=json"] {
        let mut client = Client::dial(&fake, &format!("/gateway{query}")).await.unwrap();
        assert_eq!(client.next().await, Said::Closed(4012));
    }
}

#[tokio::test]
async fn a_session_begins_with_ready_and_the_guilds() {
    let fake = start(unhurried()).await;
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    client.identify(TOKEN, USUAL).await;
    let ready = client.event("READY").await;
    let said = json!({
        "v": 10,
        "user": { "id": BOT, "username": "relay", "bot": true },
        "guilds": [{ "id": "100", "unavailable": true }],
        "session_id": session(&ready),
        "resume_gateway_url": format!("{}/gateway/resume", origin(&fake)),
        // Presences, members and contents are switched on in the portal.
        "application": { "id": "800", "flags": 1 << 13 | 1 << 15 | 1 << 19 },
    });
    assert_eq!(ready, json!({ "t": "READY", "s": 1, "op": 0, "d": said }));
    let guild = client.event("GUILD_CREATE").await;
    assert_eq!((&guild["s"], &guild["d"]["channels"][0]["id"]), (&json!(2), &json!("200")));
    fake.gateway().wait_for_identified(1).await;
    fake.gateway().wait_until_connected().await;
    let sessions = fake.gateway().sessions();
    assert_eq!((sessions.len(), sessions[0].id.as_str()), (1, session(&ready)));
    assert_eq!((sessions[0].intents, sessions[0].seq, sessions[0].connection), (USUAL, 2, Some(0)));

    // Who does not want guilds hears of none.
    let (mut other, _) = Client::identified(&fake, GUILD_MESSAGES).await;
    other.hears_nothing().await;
}

#[tokio::test]
async fn the_one_shard_may_be_named() {
    let fake = start(unhurried()).await;
    for (shard, taken) in [(json!([0, 1]), true), (json!([1, 2]), false), (json!([1, 1]), false), (json!("0"), false)] {
        let mut client = Client::connect(&fake).await;
        client.expect(10).await;
        let mut data = identify(TOKEN, 0);
        data["shard"] = shard.clone();
        client.send(2, data).await;
        if taken {
            assert_eq!(client.event("READY").await["d"]["shard"], shard);
        } else {
            assert_eq!(client.next().await, Said::Closed(4010));
        }
    }
}

#[tokio::test]
async fn the_address_for_a_resume_can_be_another() {
    let fake = start(GatewayScript { resume_url: Some("ws://elsewhere.invalid/".into()), ..unhurried() }).await;
    let (_client, ready) = Client::identified(&fake, USUAL).await;
    assert_eq!(ready["d"]["resume_gateway_url"], "ws://elsewhere.invalid/");
}

#[tokio::test]
async fn a_session_hears_what_its_intents_want_in_order() {
    let fake = start(unhurried()).await;
    let (mut all, _) = Client::identified(&fake, USUAL).await;
    let (mut guilds, _) = Client::identified(&fake, GUILDS).await;
    let gateway = fake.gateway();
    gateway.dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": "1" }));
    gateway.dispatch("TYPING_START", 1 << 11, &json!({ "id": "2" }));
    gateway.dispatch("THREAD_CREATE", GUILDS, &json!({ "id": "3" }));
    gateway.dispatch("USER_UPDATE", 0, &json!({ "id": "4" }));
    for (name, seq) in [("MESSAGE_DELETE", 3), ("THREAD_CREATE", 4), ("USER_UPDATE", 5)] {
        assert_eq!(all.event(name).await["s"], seq);
    }
    for (name, seq) in [("THREAD_CREATE", 3), ("USER_UPDATE", 4)] {
        assert_eq!(guilds.event(name).await["s"], seq);
    }
    guilds.hears_nothing().await;
}

#[tokio::test]
async fn contents_are_empty_without_their_intent() {
    let fake = start(unhurried()).await;
    let (mut with, _) = Client::identified(&fake, GUILD_MESSAGES | MESSAGE_CONTENT).await;
    let (mut without, _) = Client::identified(&fake, GUILD_MESSAGES).await;
    let message = |author: &str, mentions: Value| {
        json!({
            "id": "1", "guild_id": "100", "author": { "id": author }, "mentions": mentions, "content": "hello",
            "embeds": [{ "title": "x" }], "attachments": [{ "id": "2" }], "components": [], "poll": { "answers": [] },
        })
    };
    let stranger = message("7", json!([]));
    for (event, said, seen) in [
        ("MESSAGE_CREATE", stranger.clone(), false),
        ("MESSAGE_UPDATE", stranger, false),
        ("MESSAGE_CREATE", message(BOT, json!([])), true),
        ("MESSAGE_CREATE", message("7", json!([{ "id": BOT }])), true),
        ("MESSAGE_CREATE", json!({ "id": "1", "author": { "id": "7" }, "content": "to you alone" }), true),
    ] {
        fake.gateway().dispatch(event, GUILD_MESSAGES, &said);
        assert_eq!(with.event(event).await["d"], said);
        let heard = without.event(event).await["d"].clone();
        if seen {
            assert_eq!(heard, said);
        } else {
            let nothing = json!({
                "id": "1", "guild_id": "100", "author": { "id": "7" }, "mentions": [], "content": "", "embeds": [],
                "attachments": [], "components": [],
            });
            assert_eq!(heard, nothing);
        }
    }
}

#[tokio::test]
async fn a_connection_may_be_compressed() {
    let fake = start(GatewayScript::default()).await;
    let compressed = format!("/gateway{QUERY}&compress=zlib-stream");
    let mut client = Client::dial(&fake, &compressed).await.unwrap();
    let first = client.socket.next().await.unwrap().unwrap();
    // The head of a zlib stream comes once.
    assert!(matches!(&first, Message::Binary(bytes) if bytes[0] == 0x78), "{first:?}");
    let mut client = Client::dial(&fake, &compressed).await.unwrap();
    client.expect(10).await;
    client.identify(TOKEN, USUAL).await;
    client.event("READY").await;
    client.event("GUILD_CREATE").await;
    // Once what can be packed well, and once what cannot, longer than any buffer.
    let noise: String = (0..60_000_u64).map(|n| char::from(b'!' + (n * n * 31 % 7919 % 90) as u8)).collect();
    for text in ["x".repeat(200_000), noise] {
        let data = json!({ "id": "1", "content": text });
        fake.gateway().dispatch("MESSAGE_CREATE", GUILD_MESSAGES, &data);
        assert_eq!(client.event("MESSAGE_CREATE").await["d"], data);
    }

    let plain = start(GatewayScript { compression: false, ..GatewayScript::default() }).await;
    let mut client = Client::dial(&plain, &compressed).await.unwrap();
    assert!(client.socket.next().await.unwrap().unwrap().is_text());
}

#[tokio::test]
async fn connections_end_with_the_gateway() {
    let fake = start(unhurried()).await;
    let (mut client, _) = Client::identified(&fake, USUAL).await;
    drop(fake);
    assert_eq!(client.next().await, Said::Cut);
}
