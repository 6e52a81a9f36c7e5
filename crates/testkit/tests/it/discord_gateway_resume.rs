//! How a session goes on over another connection of the fake gateway, and when it does not.

use std::time::Duration;

use serde_json::{Value, json};
use tieline_testkit::discord::FakeDiscord;
use tieline_testkit::discord::gateway::GatewayScript;

use crate::discord_gateway_client::{
    Client, GUILD_MESSAGES, OTHER_TOKEN, Said, TOKEN, USUAL, session, start, still, unhurried,
};

fn happens(fake: &FakeDiscord, id: u64) {
    fake.gateway().dispatch("MESSAGE_DELETE", GUILD_MESSAGES, &json!({ "id": id.to_string() }));
}

/// The next payload is this event.
async fn hears(client: &mut Client, id: u64, seq: u64) {
    let event = client.event("MESSAGE_DELETE").await;
    assert_eq!((&event["d"]["id"], &event["s"]), (&json!(id.to_string()), &json!(seq)));
}

/// A resume is answered by opcode 9 with `false`, and the connection is good for nothing then.
async fn is_invalid(mut client: Client) {
    assert_eq!(client.expect(9).await, false);
    client.hears_nothing().await;
    client.identify(TOKEN, USUAL).await;
    assert_eq!(client.next().await, Said::Closed(4003));
}

#[tokio::test]
async fn what_was_missed_comes_in_order_and_then_what_is_new() {
    let fake = start(unhurried()).await;
    let (mut client, ready) = Client::identified(&fake, USUAL).await;
    happens(&fake, 1);
    hears(&mut client, 1, 3).await;
    fake.gateway().cut();
    assert_eq!(client.next().await, Said::Cut);
    assert_eq!(fake.gateway().sessions()[0].connection, None);
    for id in 2..5 {
        happens(&fake, id);
    }
    // This client lost one that it was sent.
    let mut client = Client::resuming(&fake, TOKEN, session(&ready), 2).await;
    for (id, seq) in [(1, 3), (2, 4), (3, 5), (4, 6)] {
        hears(&mut client, id, seq).await;
    }
    assert_eq!(client.event("RESUMED").await["s"], 7);
    happens(&fake, 5);
    hears(&mut client, 5, 8).await;
    fake.gateway().wait_for_resumed(1).await;
    let resumes = fake.gateway().resumes();
    assert_eq!((resumes[0].path.as_str(), resumes[0].seq, resumes[0].resumed), ("/gateway/resume", 2, true));
    assert_eq!(resumes[0].session, session(&ready));

    // Also a second time, and RESUMED is nothing that was missed.
    client.close(4000).await;
    assert_eq!(fake.gateway().wait_for_closes(1).await, [4000]);
    let mut client = Client::resuming(&fake, TOKEN, session(&ready), 6).await;
    hears(&mut client, 5, 8).await;
    client.event("RESUMED").await;
    client.hears_nothing().await;
    assert_eq!(fake.gateway().identifies().len(), 1);
}

#[tokio::test]
async fn only_a_goodbye_ends_a_session() {
    let fake = start(unhurried()).await;
    for (code, stays) in [(1000, false), (1001, false), (1011, true), (4000, true), (4900, true)] {
        let (mut client, ready) = Client::identified(&fake, USUAL).await;
        client.close(code).await;
        assert_eq!(client.next().await, Said::Closed(code), "the gateway answers");
        fake.gateway().wait_for_closes(fake.gateway().identifies().len()).await;
        let mut client = Client::resuming(&fake, TOKEN, session(&ready), 2).await;
        if stays {
            client.event("RESUMED").await;
        } else {
            is_invalid(client).await;
        }
        fake.gateway().cut();
    }
    assert_eq!(fake.gateway().closes(), [1000, 1001, 1011, 4000, 4900]);
}

#[tokio::test]
async fn a_line_that_breaks_ends_no_session() {
    let fake = start(unhurried()).await;
    let (client, ready) = Client::identified(&fake, USUAL).await;
    drop(client);
    assert_eq!(fake.gateway().wait_for_closes(1).await, [1006]);
    let (mut client, _) = Client::identified(&fake, USUAL).await;
    client.socket.close(None).await.unwrap();
    assert_eq!(fake.gateway().wait_for_closes(2).await, [1006, 1005]);
    Client::resuming(&fake, TOKEN, session(&ready), 2).await.event("RESUMED").await;
}

#[tokio::test]
async fn a_session_waits_only_so_long() {
    let (script, clock) = still();
    let fake = start(GatewayScript { identify_window: Duration::ZERO, ..script }).await;
    for (wait, stays) in [(Duration::from_millis(179_999), true), (Duration::from_mins(3), false)] {
        let (_client, ready) = Client::identified(&fake, USUAL).await;
        fake.gateway().cut();
        clock.advance(wait);
        let mut client = Client::resuming(&fake, TOKEN, session(&ready), 2).await;
        if stays {
            client.event("RESUMED").await;
            // Time does not count against a session that is heard.
            clock.advance(Duration::from_hours(1));
            happens(&fake, 1);
            hears(&mut client, 1, 4).await;
        } else {
            is_invalid(client).await;
        }
    }
    fake.gateway().cut();
    clock.advance(Duration::from_mins(3));
    assert_eq!(fake.gateway().sessions(), []);
}

#[tokio::test]
async fn what_cannot_be_resumed() {
    let fake = start(GatewayScript { kept_events: 3, ..unhurried() }).await;
    is_invalid(Client::resuming(&fake, TOKEN, "no-such-session", 1).await).await;

    let (_client, ready) = Client::identified(&fake, USUAL).await;
    is_invalid(Client::resuming(&fake, OTHER_TOKEN, session(&ready), 2).await).await;

    // Events 3 to 5 are kept.
    for id in 1..4 {
        happens(&fake, id);
    }
    let (_client, forgotten) = Client::identified(&fake, USUAL).await;
    fake.gateway().cut();
    is_invalid(Client::resuming(&fake, TOKEN, session(&ready), 1).await).await;
    is_invalid(Client::resuming(&fake, TOKEN, session(&ready), 2).await).await;

    let mut ahead = Client::resuming(&fake, TOKEN, session(&forgotten), 3).await;
    assert_eq!(ahead.next().await, Said::Closed(4007));
    is_invalid(Client::resuming(&fake, TOKEN, session(&forgotten), 2).await).await;

    let (_client, ready) = Client::identified(&fake, USUAL).await;
    fake.gateway().forget_sessions();
    fake.gateway().cut();
    Client::resuming(&fake, TOKEN, session(&ready), 2).await.event("RESUMED").await;
    fake.gateway().cut();
    fake.gateway().forget_sessions();
    is_invalid(Client::resuming(&fake, TOKEN, session(&ready), 2).await).await;
    let resumed: Vec<_> = fake.gateway().resumes().iter().map(|resume| resume.resumed).collect();
    assert_eq!(resumed, [false, false, false, false, false, false, true, false]);
}

#[tokio::test]
async fn what_is_kept_is_enough() {
    let fake = start(GatewayScript { kept_events: 3, ..unhurried() }).await;
    let (_client, ready) = Client::identified(&fake, USUAL).await;
    for id in 1..4 {
        happens(&fake, id);
    }
    let mut client = Client::resuming(&fake, TOKEN, session(&ready), 2).await;
    for (id, seq) in [(1, 3), (2, 4), (3, 5)] {
        hears(&mut client, id, seq).await;
    }
    client.event("RESUMED").await;
}

#[tokio::test]
async fn a_session_is_heard_over_one_connection() {
    let fake = start(unhurried()).await;
    let (mut first, ready) = Client::identified(&fake, USUAL).await;
    let mut second = Client::resuming(&fake, TOKEN, session(&ready), 2).await;
    second.event("RESUMED").await;
    assert_eq!(first.next().await, Said::Closed(4000));
    happens(&fake, 1);
    hears(&mut second, 1, 4).await;
    assert_eq!(fake.gateway().sessions().len(), 1);
}

#[tokio::test]
async fn a_resume_may_come_over_the_first_address() {
    let fake = start(unhurried()).await;
    let (_client, ready) = Client::identified(&fake, USUAL).await;
    fake.gateway().cut();
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    client.send(6, json!({ "token": TOKEN, "session_id": session(&ready), "seq": 2 })).await;
    client.event("RESUMED").await;
    assert_eq!(fake.gateway().resumes()[0].path, "/gateway");
    let paths: Vec<_> = fake.gateway().dials().into_iter().map(|dial| dial.path).collect();
    assert_eq!(paths, ["/gateway", "/gateway"]);
}

#[tokio::test]
async fn ready_can_be_missed_too() {
    let fake = start(unhurried()).await;
    fake.gateway().hold_events();
    let mut client = Client::connect(&fake).await;
    client.expect(10).await;
    client.identify(TOKEN, USUAL).await;
    fake.gateway().wait_for_identified(1).await;
    client.hears_nothing().await;
    fake.gateway().release_events();
    let ready = client.event("READY").await;
    client.event("GUILD_CREATE").await;
    fake.gateway().cut();
    // A client that fell before the guild came.
    let mut client = Client::resuming(&fake, TOKEN, session(&ready), 1).await;
    client.event("GUILD_CREATE").await;
    assert_eq!(client.event("RESUMED").await["d"], Value::Object(serde_json::Map::new()));
}
