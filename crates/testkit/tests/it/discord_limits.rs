//! Rate limits: what the headers say, every form of 429, and who comes too early.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tieline_testkit::Reply;
use tieline_testkit::discord::{ChannelKind, DiscordScript, Fault, Limit, Limits, Route, Scope};

use crate::discord_client::{AGENT, Rig, parsed};

/// After this time no call can have been on its way when its caller was told to wait.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

fn limit(calls: u32, seconds: u64) -> Limit {
    Limit { calls, window: Duration::from_secs(seconds) }
}

async fn rig(limits: Limits) -> Rig {
    Rig::with(DiscordScript { limits, ..DiscordScript::default() }).await
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

impl Rig {
    async fn read(&self) -> Reply {
        self.raw(Method::GET, &format!("channels/{}", self.channel), "application/json", "").await
    }
}

#[tokio::test]
async fn every_answer_tells_its_bucket() {
    let rig = rig(Limits { other: limit(2, 10), ..Limits::wide() }).await;
    let first = rig.read().await;
    assert_eq!((header(&first, "x-ratelimit-limit"), header(&first, "x-ratelimit-remaining")), ("2", "1"));
    assert_eq!(header(&first, "x-ratelimit-reset-after"), "10.000");
    assert_eq!(header(&first, "x-ratelimit-reset"), "1772359210.000");
    rig.clock.advance(Duration::from_millis(1500));
    let second = rig.read().await;
    assert_eq!((header(&second, "x-ratelimit-remaining"), header(&second, "x-ratelimit-reset-after")), ("0", "8.500"));
    let third = rig.read().await;
    let (status, body) = parsed(&third);
    assert_eq!(
        (status, body),
        (429, json!({ "message": "You are being rate limited.", "retry_after": 8.5, "global": false }))
    );
    assert_eq!((header(&third, "retry-after"), header(&third, "x-ratelimit-scope")), ("9", "user"));
    let other = rig.fake.add_channel(rig.guild, ChannelKind::Text, "other");
    let elsewhere = rig.raw(Method::GET, &format!("channels/{other}"), "application/json", "").await;
    assert_eq!((elsewhere.status.as_u16(), header(&elsewhere, "x-ratelimit-remaining")), (200, "1"));
    assert_eq!(header(&elsewhere, "x-ratelimit-bucket"), header(&first, "x-ratelimit-bucket"), "another resource");
    let refused = rig.raw(Method::GET, "channels/1", "application/json", "").await;
    assert_eq!((refused.status.as_u16(), header(&refused, "x-ratelimit-remaining")), (404, "1"), "errors, too");
    rig.clock.advance(Duration::from_millis(8500));
    assert_eq!(rig.read().await.status, 200);
}

#[tokio::test]
async fn a_webhook_is_limited_by_itself_and_secretly_with_its_channel() {
    let rig = rig(Limits::default()).await;
    let hooks = [rig.hook(), rig.hook()];
    let execute = async |at: usize| {
        let path = format!("webhooks/{}/{}", hooks[at].id, hooks[at].token);
        let headers = [("user-agent", AGENT), ("content-type", "application/json")];
        rig.reply(Method::POST, &path, &headers, Bytes::from_static(b"{\"content\":\"x\"}")).await
    };
    for remaining in ["4", "3", "2", "1", "0"] {
        assert_eq!(header(&execute(0).await, "x-ratelimit-remaining"), remaining);
    }
    rig.clock.advance(ON_ITS_WAY);
    let refused = execute(0).await;
    assert_eq!((refused.status.as_u16(), header(&refused, "retry-after")), (429, "2"));
    assert_eq!(execute(1).await.status, 204, "the other has a bucket of its own");
    // 6 of the channel's 30 are used up; each further window takes 5.
    for _ in 0..4 {
        rig.clock.advance(Duration::from_secs(2));
        for _ in 0..5 {
            assert_eq!(execute(0).await.status, 204);
        }
    }
    rig.clock.advance(Duration::from_secs(2));
    for _ in 0..4 {
        assert_eq!(execute(1).await.status, 204);
    }
    let hidden = execute(1).await;
    assert_eq!((hidden.status.as_u16(), header(&hidden, "x-ratelimit-remaining")), (429, "1"), "no header told it");
    assert_eq!((header(&hidden, "x-ratelimit-scope"), header(&hidden, "retry-after")), ("shared", "50"));
    assert_eq!(parsed(&hidden).1["retry_after"], 49.9);
    assert_eq!(rig.fake.invalid(), 1, "shared ones do not count");
    assert_eq!(rig.fake.early().len(), 1, "only the sixth call came although nothing remained");
    rig.clock.advance(Duration::from_secs(50));
    assert_eq!(execute(1).await.status, 204);
}

#[tokio::test]
async fn the_global_limit_is_for_all_calls_of_a_token() {
    let rig = rig(Limits { global: limit(2, 1), ..Limits::wide() }).await;
    rig.read().await;
    rig.get("users/@me").await;
    let refused = rig.raw(Method::GET, "gateway/bot", "application/json", "").await;
    let (status, body) = parsed(&refused);
    assert_eq!((status, &body["global"], &body["retry_after"]), (429, &json!(true), &json!(1.0)));
    assert_eq!((header(&refused, "x-ratelimit-global"), header(&refused, "x-ratelimit-scope")), ("true", "global"));
    assert_eq!(header(&refused, "x-ratelimit-bucket"), "");
    assert_eq!(rig.execute(&rig.hook(), &json!({ "content": "x" })).await.0, 200, "a webhook's calls have no token");
    assert!(rig.fake.early().is_empty(), "nobody was told before");
    rig.clock.advance(ON_ITS_WAY);
    rig.get("users/@me").await;
    let early = rig.fake.early();
    assert_eq!((early.len(), early[0].route, early[0].by), (1, Route::Me, Duration::from_millis(900)));
}

#[tokio::test]
async fn each_scripted_429_has_its_form() {
    let rig = rig(Limits::wide()).await;
    let wait = Duration::from_millis(2500);
    for scope in [Scope::User, Scope::Shared, Scope::Global, Scope::Cloudflare] {
        rig.fake.faults().on(Route::Channel).next(1, Fault::TooManyRequests { retry_after: wait, scope });
    }
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(rig.read().await);
        rig.clock.advance(Duration::from_secs(3));
    }
    assert!(replies.iter().all(|reply| reply.status == 429 && header(reply, "retry-after") == "3"));
    let scopes: Vec<_> = replies.iter().map(|reply| header(reply, "x-ratelimit-scope")).collect();
    assert_eq!(scopes, ["user", "shared", "global", ""]);
    let waits: Vec<_> = replies.iter().map(|reply| parsed(reply).1["retry_after"].clone()).collect();
    assert_eq!(waits, [json!(2.5), json!(2.5), json!(2.5), Value::Null]);
    assert_eq!(header(&replies[0], "x-ratelimit-remaining"), "0");
    assert!(replies[3].body.starts_with(b"<!DOCTYPE html>"), "no JSON from Cloudflare");
    assert!(rig.fake.early().is_empty());
    assert_eq!(rig.fake.invalid(), 3, "all but the shared one");
    assert_eq!(rig.read().await.status, 200);
}

#[tokio::test]
async fn who_comes_too_early_is_seen() {
    let rig = rig(Limits::wide()).await;
    let refuse = |scope| {
        let fault = Fault::TooManyRequests { retry_after: Duration::from_secs(10), scope };
        rig.fake.faults().on(Route::Channel).next(1, fault);
    };
    let early = || rig.fake.early().len();
    let other = format!("channels/{}", rig.fake.add_channel(rig.guild, ChannelKind::Text, "other"));
    refuse(Scope::User);
    rig.read().await;
    rig.get(&other).await;
    assert_eq!(early(), 0, "another channel may be called");
    rig.clock.advance(Duration::from_millis(9999));
    rig.read().await;
    assert_eq!((early(), rig.fake.early()[0].by), (1, Duration::from_millis(1)));
    rig.clock.advance(Duration::from_millis(1));
    rig.read().await;
    assert_eq!(early(), 1, "the wait is over");
    refuse(Scope::Global);
    rig.read().await;
    rig.clock.advance(ON_ITS_WAY);
    rig.get(&other).await;
    assert_eq!(early(), 2, "a global wait is for all routes");
    rig.clock.advance(Duration::from_secs(10));
    refuse(Scope::Cloudflare);
    rig.read().await;
    rig.clock.advance(ON_ITS_WAY);
    rig.execute(&rig.hook(), &json!({ "content": "x" })).await;
    assert_eq!(early(), 3, "Cloudflare's is for everything from this address");
    let said = format!("{:?}", rig.fake.early());
    assert!(rig.fake.webhooks(rig.channel).iter().all(|hook| !said.contains(&hook.token)), "{said}");
}

#[tokio::test]
async fn limits_can_be_changed_while_it_runs() {
    let rig = rig(Limits::wide()).await;
    assert_eq!(rig.write(&json!({ "content": "x" })).await.0, 200);
    rig.fake.set_limits(Limits { message: limit(1, 5), ..Limits::wide() });
    assert_eq!(rig.write(&json!({ "content": "x" })).await.0, 429);
}
