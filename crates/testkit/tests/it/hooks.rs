//! Webhooks in both directions.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tieline_core::webhook::{ListenAt, Mount, Mounted, WebhookHandler, WebhookRequest, WebhookResponse, Webhooks};
use tieline_testkit::rocketchat::{
    FakeRocketChat, HookEvent, HookOptions, HookVerdict, OutgoingHook, Retry, RocketChatScript, RoomKind, User,
};
use tieline_testkit::{LocalWebhooks, call};

use crate::client::PATIENCE;

/// Answers with what the test says, the last again and again, and keeps what came.
struct Answers {
    answers: Mutex<Vec<(u16, &'static str)>>,
    came: Mutex<Vec<Value>>,
}

#[async_trait]
impl WebhookHandler for Answers {
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        self.came.lock().unwrap().push(serde_json::from_slice(&request.body).unwrap());
        let mut answers = self.answers.lock().unwrap();
        let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        let status = StatusCode::from_u16(status).unwrap();
        Some(WebhookResponse { status, body: Bytes::from_static(body.as_bytes()), close: false })
    }
}

struct Ground {
    server: FakeRocketChat,
    ann: User,
    hook: String,
    answers: Arc<Answers>,
    _mounted: Mounted,
}

async fn ground(answers: &[(u16, &'static str)], hook: OutgoingHook) -> Ground {
    let server = FakeRocketChat::start(RocketChatScript::default()).await;
    let ann = server.add_user("ann", "Ann Smith", &["user"]);
    server.add_room(RoomKind::Public, "GENERAL", "general");
    server.join("GENERAL", &ann);
    let answers = Arc::new(Answers { answers: Mutex::new(answers.to_vec()), came: Mutex::default() });
    let webhooks = LocalWebhooks::default();
    let at = ListenAt { host: "127.0.0.1".to_owned(), port: 0, path: "/rocketchat/webhook".to_owned() };
    let handler = Arc::clone(&answers) as Arc<dyn WebhookHandler>;
    let mounted = webhooks.mount(Mount { at, body_limit: 100_000, handler }).await.unwrap();
    let hook =
        server.outgoing_hook(OutgoingHook { urls: vec![webhooks.url().await], token: "s3cret".to_owned(), ..hook });
    Ground { server, ann, hook, answers, _mounted: mounted }
}

#[tokio::test]
async fn an_answer_of_a_kind_decides_what_becomes_of_the_call() {
    let cases = [
        (vec![(200, "{}")], vec![HookVerdict::Taken]),
        (vec![(200, ""), (200, "{}")], vec![HookVerdict::Failed, HookVerdict::Taken]),
        (
            vec![(503, "{}"), (401, "{}"), (200, "{}")],
            vec![HookVerdict::Failed, HookVerdict::Failed, HookVerdict::Taken],
        ),
        (vec![(500, "{}")], vec![HookVerdict::GivenUp]),
        (vec![(410, "{}")], vec![HookVerdict::Disabled]),
        (vec![(200, r#"{"text": ""}"#)], vec![HookVerdict::Taken]),
    ];
    for (answers, verdicts) in cases {
        let ground = ground(&answers, OutgoingHook::default()).await;
        let id = ground.server.post(&ground.ann, "GENERAL", "hi");
        ground.server.wait_for_hook_call(|call| call.attempt == verdicts.len()).await;
        let calls = ground.server.hook_calls();
        assert!(calls.iter().all(|call| call.message_id == id));
        assert_eq!(calls.iter().map(|call| call.verdict).collect::<Vec<_>>(), verdicts, "{answers:?}");
        assert_eq!(ground.server.is_enabled(&ground.hook), !verdicts.contains(&HookVerdict::Disabled));
    }
}

#[tokio::test]
async fn the_payload_has_what_the_platform_tells_and_no_more() {
    let ground = ground(&[(200, "{}")], OutgoingHook::default()).await;
    let id = ground.server.post(&ground.ann, "GENERAL", "hi *all*");
    ground.server.wait_for_hook_call(|call| call.message_id == id).await;
    ground.server.edit(&ground.ann, &id, "hi").unwrap();
    ground.server.wait_for_hook_calls(2).await;
    assert_eq!(ground.answers.came.lock().unwrap()[1]["isEdited"], true);
    let time = ground.server.message(&id).unwrap().time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let first = ground.answers.came.lock().unwrap()[0].clone();
    assert_eq!(
        first,
        json!({
            "token": "s3cret", "bot": false, "channel_id": "GENERAL", "channel_name": "general", "message_id": id,
            "timestamp": time, "user_id": ground.ann.id, "user_name": "ann", "text": "hi *all*",
            "siteUrl": ground.server.url(),
        })
    );
}

#[tokio::test]
async fn a_call_that_is_made_again_says_the_same() {
    let ground = ground(&[(200, "{}")], OutgoingHook::default()).await;
    let id = ground.server.post(&ground.ann, "GENERAL", "once");
    ground.server.wait_for_hook_calls(1).await;
    ground.server.call_again(&id);
    ground.server.wait_for_hook_calls(2).await;
    let came = ground.answers.came.lock().unwrap();
    assert_eq!((came.len(), &came[0]), (2, &came[1]));
}

#[tokio::test]
async fn a_retry_by_hand_waits_for_the_hand() {
    let hook = OutgoingHook { retry: Retry::ByHand(1), ..OutgoingHook::default() };
    let ground = ground(&[(503, "{}")], hook).await;
    ground.server.post(&ground.ann, "GENERAL", "hi");
    ground.server.wait_for_hook_call(|call| call.attempt == 1).await;
    assert_eq!(ground.server.hook_calls().len(), 1);
    ground.server.retry_once();
    ground.server.wait_for_hook_call(|call| call.attempt == 2).await;
}

#[tokio::test]
async fn a_file_is_told_whole_only_by_its_own_event() {
    let hook = OutgoingHook { event: HookEvent::FileUploaded, ..OutgoingHook::default() };
    let ground = ground(&[(200, "{}")], hook).await;
    ground.server.post(&ground.ann, "GENERAL", "no file");
    let message = ground.server.post_file(&ground.ann, "GENERAL", "a.png", "image/png", b"x", "look").unwrap();
    ground.server.wait_for_hook_call(|call| call.message_id == message.id).await;
    let came = ground.answers.came.lock().unwrap().clone();
    assert_eq!(came.len(), 1);
    assert!(came[0].get("siteUrl").is_none());
    assert_eq!(came[0]["message"]["attachments"][0]["title"], "a.png");
    assert_eq!(came[0]["message"]["files"][1]["typeGroup"], "thumb");
}

async fn hook_post(url: &str, body: &str) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let reply = call(Method::POST, url, &headers, Bytes::from(body.to_owned()), PATIENCE).await.unwrap();
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
}

#[tokio::test]
async fn an_incoming_hook_posts_and_refuses_as_the_platform() {
    let server = FakeRocketChat::start(RocketChatScript { hook_limit: None, ..RocketChatScript::default() }).await;
    let bot = server.add_user("relay", "Relay", &["bot"]);
    server.add_room(RoomKind::Public, "GENERAL", "general");
    server.add_room(RoomKind::Public, "R2", "second");
    let hook = server.incoming_hook("#general", &bot, HookOptions::default());
    let said = r#"{"text": " hi ", "username": "Ann", "icon_emoji": ":cat:", "separateResponse": true}"#;
    let (status, answer) = hook_post(&hook.url, said).await;
    let message = server.messages("GENERAL").remove(0);
    assert_eq!((status, answer["responses"][0]["message"]["_id"].as_str()), (200, Some(&*message.id)));
    assert_eq!(
        (&*message.text, message.alias.as_deref(), message.bot.as_deref()),
        ("hi", Some("Ann"), Some(&*hook.id))
    );
    let (status, answer) = hook_post(&hook.url, r##"{"text": "x", "channel": "#second"}"##).await;
    assert_eq!(
        (status, answer["error"].as_str()),
        (400, Some("overriding destination channel is disabled for this integration"))
    );
    assert_eq!(hook_post(&hook.url, "").await, (200, json!({"success": true})));
    assert_eq!(hook_post(&format!("{}x", hook.url), "{}").await.0, 500);
    server.set_enabled(&hook.id, false);
    assert_eq!(hook_post(&hook.url, said).await.0, 503);
    assert_eq!(server.messages("GENERAL").len(), 1);
    let options = HookOptions { allow_override: true, ..HookOptions::default() };
    let free = server.incoming_hook("#general", &bot, options);
    let (status, answer) = hook_post(&free.url, r##"{"text": "x", "channel": "#second"}"##).await;
    assert_eq!((status, answer), (200, json!({"success": true})));
    assert_eq!(server.messages("R2").len(), 1);
}
