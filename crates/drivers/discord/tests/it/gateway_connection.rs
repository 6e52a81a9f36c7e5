//! Connections that end, in every way that Discord knows.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tieline_core::driver::{Defaults, InboundError, ProxyChoice};
use tieline_core::secret::Secret;
use tieline_testkit::discord::Route;
use tieline_testkit::discord::gateway::GatewayScript;
use tieline_testkit::{FakeProxy, Health};

use crate::gateway_scene::{CATCH_UP, Listening, listening, listening_by, listening_with};

fn quick() -> GatewayScript {
    GatewayScript { heartbeat_interval: Duration::from_millis(200), ..GatewayScript::default() }
}

#[tokio::test]
async fn what_is_written_is_heard_compressed_or_not() {
    for compression in [true, false] {
        let scene = listening_with(GatewayScript { compression, ..quick() }, &json!({})).await;
        let process = scene.started().await;
        for number in 0..30 {
            scene.write(&format!("{number} {}", "läng ".repeat(300)));
        }
        scene.hears("the last").await;
        assert_eq!(scene.heard().len(), 31);
        let dial = &scene.gateway().dials()[0];
        assert_eq!(dial.query, "v=10&encoding=json&compress=zlib-stream");
        let agent = dial.user_agent.as_deref().expect("a name");
        assert!(agent.starts_with("DiscordBot (https://"), "{agent}");
        assert_eq!(scene.gateway().identifies()[0].intents, 34337);
        scene.gateway().request_heartbeat();
        scene.gateway().wait_for_heartbeats(3).await;
        process.stop().await;
        assert_eq!(scene.gateway().wait_for_closes(1).await, [4000], "so that the session can be resumed");
    }
}

/// The session goes on although the connection ended: all that was written arrives once, in order.
async fn goes_on(scene: &Listening, end: impl FnOnce(&Listening)) {
    let process = scene.started().await;
    scene.hears("before").await;
    scene.gateway().hold_events();
    scene.write("lost on the way");
    end(scene);
    scene.write("while nobody listens");
    scene.gateway().release_events();
    scene.gateway().wait_for_resumed(1).await;
    scene.hears("after").await;
    assert_eq!(scene.heard(), ["before", "lost on the way", "while nobody listens", "after"]);
    assert_eq!(scene.inbound.arrivals().len(), 4, "nothing was handed in twice");
    assert_eq!(scene.gateway().identifies().len(), 1);
    let paths: Vec<_> = scene.gateway().dials().into_iter().map(|dial| dial.path).collect();
    assert_eq!(paths, ["/gateway", "/gateway/resume"]);
    assert_eq!(process.health.said(), [Health::Ready], "that is nothing to tell anybody");
    assert!(scene.discord.requests_to(Route::Messages).is_empty(), "Discord replays it");
    process.stop().await;
}

#[tokio::test]
async fn a_cut_line_is_resumed() {
    goes_on(&listening().await, |scene| scene.gateway().cut()).await;
}

#[tokio::test]
async fn a_reconnect_that_discord_asks_for_is_nothing_special() {
    goes_on(&listening().await, |scene| scene.gateway().reconnect()).await;
}

#[tokio::test]
async fn an_invalid_session_that_is_resumable_is_resumed() {
    goes_on(&listening().await, |scene| scene.gateway().invalidate(true)).await;
}

#[tokio::test]
async fn a_close_is_resumed_where_discord_allows_it() {
    let codes = [4000, 4001, 4002, 4003, 4005, 4008, 1000, 1001];
    join_all(codes.map(|code| async move {
        goes_on(&listening().await, |scene| scene.gateway().close_with(code)).await;
    }))
    .await;
}

#[tokio::test]
async fn whoever_does_not_acknowledge_heartbeats_is_left() {
    let scene = listening_with(quick(), &json!({})).await;
    let process = scene.started().await;
    scene.gateway().stop_acknowledging();
    assert_eq!(scene.gateway().wait_for_closes(1).await, [4000]);
    scene.gateway().acknowledge();
    scene.gateway().wait_for_resumed(1).await;
    scene.hears("after").await;
    assert_eq!(scene.gateway().identifies().len(), 1);
    process.stop().await;
}

/// Another session begins, and what was written in between is fetched from the history.
async fn begins_anew(scene: &Listening, end: impl FnOnce(&Listening)) {
    let process = scene.started().await;
    scene.hears("before").await;
    scene.gateway().hold_events();
    scene.write("lost on the way");
    end(scene);
    scene.write("while nobody listens");
    scene.gateway().release_events();
    scene.gateway().wait_for_identified(2).await;
    scene.hears("after").await;
    assert_eq!(scene.heard(), ["before", "lost on the way", "while nobody listens", "after"]);
    assert!(scene.gateway().resumes().is_empty(), "{:?}", scene.gateway().resumes());
    assert_eq!(scene.gateway().dials().len(), 2);
    assert_eq!(process.health.said(), [Health::Ready]);
    process.stop().await;
}

#[tokio::test]
async fn a_session_that_is_over_is_followed_by_another() {
    let ends: [fn(&Listening); 3] = [
        |scene| scene.gateway().invalidate(false),
        |scene| scene.gateway().close_with(4007),
        |scene| scene.gateway().close_with(4009),
    ];
    join_all(ends.map(|end| async move {
        // Here the gateway minds how soon the bot identifies again.
        begins_anew(&listening_with(GatewayScript::default(), &json!({})).await, end).await;
    }))
    .await;
}

#[tokio::test]
async fn a_bot_that_is_refused_says_what_to_do() {
    let codes = [
        (4004, "`bot_token`"),
        (4010, "shards"),
        (4011, "2,500 servers"),
        (4012, "a newer tieline"),
        (4013, "intents"),
        (4014, "Message Content Intent"),
    ];
    join_all(codes.map(|(code, words)| async move {
        let scene = listening().await;
        let process = scene.started().await;
        scene.gateway().close_with(code);
        process.fails(words).await;
        assert_eq!(scene.gateway().dials().len(), 1, "it is not tried again at once");
        process.stop().await;
    }))
    .await;
}

#[tokio::test]
async fn an_intent_that_is_switched_on_at_last_is_noticed() {
    let scene = listening().await;
    scene.gateway().disallow_intents(1 << 15);
    let process = scene.start();
    process.fails("Message Content Intent").await;
    scene.gateway().disallow_intents(0);
    process.health.wait_until_ready().await;
    scene.hears("after").await;
    assert_eq!(scene.gateway().dials().len(), 2);
    process.stop().await;
}

#[tokio::test]
async fn a_wrong_token_is_told_and_not_tried_again_at_once() {
    let scene = listening_with(GatewayScript::default(), &json!({ "bot_token": "AAAA.BBBB.CCCC" })).await;
    let process = scene.start();
    process.fails("`bot_token`").await;
    assert_eq!(scene.gateway().dials(), [], "the API refused it already");
    assert_eq!(scene.discord.requests_to(Route::GatewayBot).len(), 1);
    process.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_away_for_a_while_is_tried_with_patience() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.gateway().refuse_connections(2);
    scene.gateway().cut();
    process.fails("503").await;
    scene.gateway().wait_for_resumed(1).await;
    scene.hears("after").await;
    let refused: Vec<_> = scene.gateway().dials().into_iter().map(|dial| dial.refused).collect();
    assert_eq!(refused, [None, Some(503), Some(503), None]);
    let said = process.health.said();
    assert_eq!((said.len(), &said[2]), (3, &Health::Ready), "{said:?}");
    process.stop().await;
}

#[tokio::test]
async fn a_place_to_resume_that_stays_away_is_given_up_for_the_first_one() {
    let nowhere = Some("ws://127.0.0.1:9/gateway/resume".to_owned());
    let scene = listening_with(GatewayScript { resume_url: nowhere, ..GatewayScript::default() }, &json!({})).await;
    let process = scene.started().await;
    scene.hears("before").await;
    scene.gateway().cut();
    scene.write("while nobody listens");
    process.fails("cannot be reached").await;
    // Three tries and their back-off take too long for the usual patience.
    let mut changes = scene.discord.changes();
    while scene.discord.requests_to(Route::GatewayBot).len() < 2 {
        changes.changed().await.expect("Discord is there");
    }
    scene.gateway().wait_for_identified(2).await;
    scene.hears("after").await;
    assert_eq!(scene.heard(), ["before", "while nobody listens", "after"]);
    assert_eq!(scene.gateway().dials().len(), 2);
    process.stop().await;
}

#[tokio::test]
async fn when_no_session_may_begin_today_it_says_so_and_waits() {
    let scene = listening_with(GatewayScript { identifies_per_day: 0, ..GatewayScript::default() }, &json!({})).await;
    let process = scene.start();
    process.fails("too many sessions today").await;
    assert_eq!(scene.gateway().dials(), []);
    process.stop().await;
}

#[tokio::test]
async fn a_slow_disk_is_no_reason_to_lose_the_connection() {
    let scene = listening_with(quick(), &json!({})).await;
    let process = scene.started().await;
    scene.inbound.block();
    for number in 0..200 {
        scene.write(&number.to_string());
    }
    // More than enough for a connection that seems dead to be left.
    let beats = scene.gateway().heartbeats().len();
    scene.gateway().wait_for_heartbeats(beats + 8).await;
    scene.inbound.open();
    scene.hears("after").await;
    assert_eq!(scene.heard().len(), 201);
    assert_eq!((scene.gateway().dials().len(), scene.gateway().closes()), (1, Vec::new()));
    process.stop().await;
}

#[tokio::test]
async fn what_the_disk_refused_comes_again() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.hears("before").await;
    scene.inbound.fail(InboundError::Disk("it is full".to_owned()));
    scene.write("refused");
    scene.write("behind it");
    let why = process.ends().await.to_string();
    assert!(why.contains("it is full"), "{why}");
    scene.inbound.open();
    let process = scene.started().await;
    scene.hears("after").await;
    assert_eq!(scene.heard(), ["before", "refused", "behind it", "after"]);
    process.stop().await;
}

#[tokio::test]
async fn everything_goes_through_the_instances_proxy_unless_it_wants_none() {
    for proxy in [FakeProxy::http().await, FakeProxy::socks5().await] {
        let by_proxy = Defaults { proxy: ProxyChoice::Url(Secret::new(proxy.url())), catch_up: Some(CATCH_UP) };
        let direct = listening_by(GatewayScript::default(), &json!({ "proxy": null }), &by_proxy).await;
        let process = direct.started().await;
        direct.hears("directly").await;
        assert_eq!(proxy.targets(), [] as [String; 0]);
        process.stop().await;

        let scene = listening_by(GatewayScript::default(), &json!({}), &by_proxy).await;
        let process = scene.started().await;
        scene.hears("through the proxy").await;
        let place = scene.discord.cdn_url().trim_start_matches("http://").to_owned();
        let targets = proxy.targets();
        assert!(targets.len() >= 2 && targets.iter().all(|target| *target == place), "{targets:?}");
        process.stop().await;
    }
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_hear() {
    let scene = listening_with(GatewayScript::default(), &json!({ "bot_token": null })).await;
    let process = scene.started().await;
    process.stop().await;
    assert!(scene.gateway().dials().is_empty() && scene.discord.requests().is_empty());
}
