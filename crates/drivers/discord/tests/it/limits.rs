//! Rate limits: no call comes before the time that Discord named.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use tieline_core::clock::Clock;
use tieline_core::id::DeliveryId;
use tieline_core::send::{Outgoing, Pause, SendError, Sending};
use tieline_testkit::SystemClock;
use tieline_testkit::discord::{ChannelKind, DiscordScript, Fault, Limit, Limits, Route, Scope};

use crate::scene::{Scene, scene_with};

fn limit(calls: u32, ms: u64) -> Limit {
    Limit { calls, window: Duration::from_millis(ms) }
}

fn script(limits: Limits) -> DiscordScript {
    DiscordScript { limits, ..DiscordScript::default() }
}

/// Sends until it is sent, as a lane does.
async fn insist(scene: &Scene, sending: &Sending) {
    loop {
        match scene.driver.send(sending).await {
            Ok(_) => return,
            Err(SendError::RateLimited(Pause { scope, until })) => {
                assert!(scene.driver.scopes(sending).contains(&scope) || scope == tieline_core::send::Scope::Instance);
                wait(until).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn wait(until: Timestamp) {
    let wait = Duration::try_from(until.duration_since(SystemClock.now())).unwrap_or_default();
    tokio::time::sleep(wait).await;
}

/// So many lanes into one channel and one into another, all at once.
async fn rush(limits: Limits, settings: Value, lanes: i64) -> Scene {
    let scene = scene_with(script(limits), settings).await;
    let other = scene.discord.add_channel(scene.guild, ChannelKind::Text, "other");
    let sends: Vec<Sending> = (0..lanes)
        .map(|n| {
            let outgoing = scene.outgoing_to(if n == 0 { other } else { scene.channel }, &format!("text {n}"));
            scene.first(&Outgoing { delivery: DeliveryId(n), ..outgoing })
        })
        .collect();
    join_all(sends.iter().map(|sending| insist(&scene, sending))).await;
    assert_eq!(scene.said().len() + scene.said_in(other).len(), usize::try_from(lanes).expect("a few"));
    assert_eq!(scene.discord.early(), []);
    scene
}

#[tokio::test]
async fn lanes_that_come_at_once_never_overrun_a_webhook() {
    let limits = Limits { webhook: limit(3, 150), ..Limits::wide() };
    let scene = rush(limits, json!({}), 14).await;
    assert_eq!(scene.discord.invalid(), 0, "and Discord had to refuse nothing");
}

#[tokio::test]
async fn lanes_that_come_at_once_never_overrun_a_bots_channel() {
    let limits = Limits { message: limit(3, 150), ..Limits::wide() };
    let scene = rush(limits, json!({ "send_method": "bot" }), 14).await;
    assert_eq!(scene.discord.invalid(), 0);
}

#[tokio::test]
async fn a_limit_that_no_header_tells_is_obeyed_when_it_is_met() {
    let limits = Limits { webhook: limit(50, 150), webhook_channel: limit(4, 300), ..Limits::wide() };
    let scene = rush(limits, json!({}), 12).await;
    assert_eq!(scene.discord.invalid(), 0, "a shared limit is no offence");
}

#[tokio::test]
async fn whoever_is_refused_waits_as_long_as_was_said() {
    for (scope, settings) in [
        (Scope::User, json!({})),
        (Scope::Shared, json!({})),
        (Scope::Global, json!({ "send_method": "bot" })),
        (Scope::Cloudflare, json!({})),
    ] {
        let scene = scene_with(DiscordScript::unlimited(), settings).await;
        scene.deliver(&scene.outgoing("first")).await.expect("it is sent");
        for route in [Route::ExecuteWebhook, Route::CreateMessage] {
            let retry_after = Duration::from_secs(1);
            scene.discord.faults().on(route).next(1, Fault::TooManyRequests { retry_after, scope });
        }
        let before = SystemClock.now();
        let sending = scene.first(&Outgoing { delivery: DeliveryId(2), ..scene.outgoing("second") });
        let Err(SendError::RateLimited(pause)) = scene.driver.send(&sending).await else { panic!("it is refused") };
        assert!(pause.until.duration_since(before) >= jiff::SignedDuration::from_secs(1), "{scope:?}");
        let asked = scene.discord.requests().len();
        // A short wait of all calls is taken upon itself.
        if scope != Scope::Global {
            let again = scene.driver.send(&sending).await;
            assert!(matches!(again, Err(SendError::RateLimited(_))), "{scope:?} {again:?}");
            assert_eq!(scene.discord.requests().len(), asked, "{scope:?}");
        }
        insist(&scene, &sending).await;
        assert_eq!(scene.discord.early(), [], "{scope:?}");
        assert_eq!(scene.said().len(), 2);
    }
}

#[tokio::test]
async fn the_last_call_that_a_window_takes_tells_how_long_to_wait() {
    let limits = Limits { webhook: limit(2, 60_000), ..Limits::wide() };
    let scene = scene_with(script(limits), json!({})).await;
    let first = scene.deliver(&scene.outgoing("one")).await.expect("it is sent");
    assert_eq!(first[0].pause, None);
    let second = scene.deliver(&scene.outgoing("two")).await.expect("it is sent");
    let pause = second[0].pause.as_ref().expect("the window is full");
    let sending = scene.first(&scene.outgoing("three"));
    assert!(scene.driver.scopes(&sending).contains(&pause.scope));
    assert!(matches!(scene.driver.send(&sending).await, Err(SendError::RateLimited(_))));
    assert_eq!(scene.discord.requests_to(Route::ExecuteWebhook).len(), 2);
}
