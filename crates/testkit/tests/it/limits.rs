//! Rate limits: who is held back, and what the headers say.

use bytes::Bytes;
use http::Method;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tieline_testkit::rocketchat::{FakeRocketChat, HookOptions, Limit, RocketChatScript, RoomKind};
use tieline_testkit::{FixedClock, call};

use crate::client::{Client, PATIENCE};

#[tokio::test]
async fn calls_are_counted_unless_the_account_may_bypass() {
    let clock = Arc::new(FixedClock::default());
    let limit = Some(Limit { calls: 2, window_ms: 60_000 });
    let script = RocketChatScript { rest_limit: limit, clock: Arc::clone(&clock) as _, ..RocketChatScript::default() };
    let server = FakeRocketChat::start(script).await;
    let (bot, ann) = (server.add_user("relay", "Relay", &["bot"]), server.add_user("ann", "Ann", &["user"]));
    let ann = Client(&server, &ann);
    for remaining in ["1", "0"] {
        let reply = ann.reply(Method::GET, "/api/v1/me", "application/json", Bytes::new()).await;
        assert_eq!((reply.status.as_u16(), reply.headers["x-ratelimit-remaining"].to_str().unwrap()), (200, remaining));
    }
    let reply = ann.reply(Method::GET, "/api/v1/me", "application/json", Bytes::new()).await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.headers["x-ratelimit-reset"], "1772359260000");
    assert!(!reply.headers.contains_key("retry-after"));
    assert!(String::from_utf8_lossy(&reply.body).contains("You must wait 60 seconds"));
    clock.advance(Duration::from_mins(1));
    assert_eq!(ann.get("me").await.0, 200);
    for _ in 0..5 {
        let reply = Client(&server, &bot).reply(Method::GET, "/api/v1/me", "application/json", Bytes::new()).await;
        assert!(reply.status == 200 && !reply.headers.contains_key("x-ratelimit-limit"));
    }
}

#[tokio::test]
async fn hooks_have_a_limit_of_their_own_for_everybody() {
    let limit = Some(Limit { calls: 1, window_ms: 60_000 });
    let server = FakeRocketChat::start(RocketChatScript { hook_limit: limit, ..RocketChatScript::default() }).await;
    let bot = server.add_user("relay", "Relay", &["bot"]);
    server.add_room(RoomKind::Public, "GENERAL", "general");
    let hook = server.incoming_hook("#general", &bot, HookOptions::default());
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let body = Bytes::from(json!({"text": "x"}).to_string());
        let reply =
            call(Method::POST, &hook.url, &[("content-type", "application/json")], body, PATIENCE).await.unwrap();
        assert!(reply.headers.contains_key("x-ratelimit-reset"));
        statuses.push(reply.status.as_u16());
    }
    assert_eq!(statuses, [200, 429]);
    assert_eq!(server.messages("GENERAL").len(), 1);
}
