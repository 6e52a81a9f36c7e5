//! Rocket.Chat's calls to the relay, made by the test itself, so that the test decides when and what.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tieline_testkit::rocketchat::User;

/// Longest wait for an answer; the platform waits as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the platform says of a message that somebody posted.
pub(crate) fn payload(token: &str, room: &str, user: &User, message: &str, text: &str) -> Value {
    json!({
        "token": token, "bot": false, "channel_id": room, "channel_name": room.to_lowercase(), "message_id": message,
        "timestamp": "2026-03-01T10:00:00.000Z", "user_id": user.id, "user_name": user.username, "text": text,
        "siteUrl": "https://chat.example.com",
    })
}

/// Calls once. `None`: there was no answer.
pub(crate) async fn call(url: &str, body: impl Into<Bytes>) -> Option<(u16, Bytes)> {
    let headers = [("content-type", "application/json")];
    let reply = tieline_testkit::call(Method::POST, url, &headers, body.into(), PATIENCE).await.ok()?;
    Some((reply.status.as_u16(), reply.body))
}

/// Calls until it is answered 200, as the platform repeats a call, only sooner.
pub(crate) async fn insist(url: &str, payload: &Value) {
    let body = Bytes::from(payload.to_string());
    loop {
        match call(url, body.clone()).await {
            Some((200, _)) => return,
            // While the relay stops or starts there may be no answer, or one that asks for a repeat.
            None | Some((503, _)) => tokio::time::sleep(Duration::from_millis(3)).await,
            Some((status, body)) => panic!("the relay answered {status}: {}", String::from_utf8_lossy(&body)),
        }
    }
}
