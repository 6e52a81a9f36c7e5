//! A client of the addon as small as these tests need it, and a receiver of webhooks.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;
use tieline_core::webhook::{ListenAt, Mount, Mounted, WebhookHandler, WebhookRequest, WebhookResponse, Webhooks};
use tieline_testkit::whatsapp::{AccountScript, FakeWhatsApp, Group, Person, WebhookScript, WhatsAppScript};
use tieline_testkit::{CallError, LocalWebhooks, Reply, call};

use crate::client::PATIENCE;

pub(crate) const ALICE: &str = "491700000001@s.whatsapp.net";
pub(crate) const GROUP: &str = "120363000000000001@g.us";

pub(crate) fn alice() -> Person {
    Person { number: Some("491700000001".into()), lid: Some("222000000000001".into()), name: "Alice".into() }
}

pub(crate) fn bob() -> Person {
    Person { number: Some("491700000002".into()), lid: Some("222000000000002".into()), name: "Bob".into() }
}

/// The accounts that the recorded payloads came from.
pub(crate) fn script() -> WhatsAppScript {
    let rig = AccountScript { name: "Rig default".into(), ..AccountScript::default() };
    let second = AccountScript { session: "Work".into(), number: "491555000002".into(), ..AccountScript::default() };
    WhatsAppScript { accounts: vec![rig, second], ..WhatsAppScript::default() }
}

/// A fake with the group that the recorded payloads came from.
pub(crate) async fn rig(script: WhatsAppScript) -> FakeWhatsApp {
    let fake = FakeWhatsApp::start(script).await;
    fake.account().add_group(Group::new(GROUP, "Rig Group", &[&alice(), &bob()]));
    fake
}

pub(crate) async fn post(fake: &FakeWhatsApp, path: &str, body: &Value) -> (u16, Value) {
    let reply = raw(fake, Method::POST, path, "application/json", body.to_string()).await.unwrap();
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
}

pub(crate) async fn get(fake: &FakeWhatsApp, path: &str) -> (u16, Value) {
    let reply = raw(fake, Method::GET, path, "application/json", "").await.unwrap();
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
}

pub(crate) async fn raw(
    fake: &FakeWhatsApp,
    method: Method,
    path: &str,
    mime: &str,
    body: impl Into<Bytes>,
) -> Result<Reply, CallError> {
    let token = fake.token();
    let headers = [("x-auth-token", token.as_str()), ("content-type", mime)];
    call(method, &format!("{}{path}", fake.url()), &headers, body.into(), PATIENCE).await
}

/// Answers every webhook 200, and keeps the connection open unless it shall not.
struct Taker {
    close: bool,
}

#[async_trait]
impl WebhookHandler for Taker {
    async fn handle(&self, _: &WebhookRequest) -> Option<WebhookResponse> {
        Some(WebhookResponse { status: StatusCode::OK, body: Bytes::from_static(b"{}"), close: self.close })
    }
}

/// Lets a fake call a receiver that takes everything.
pub(crate) async fn take_webhooks(fake: &FakeWhatsApp, close: bool) -> Mounted {
    let webhooks = LocalWebhooks::default();
    let at = ListenAt { host: "127.0.0.1".to_owned(), port: 0, path: "/webhook".to_owned() };
    let mounted = webhooks.mount(Mount { at, body_limit: 100_000, handler: Arc::new(Taker { close }) }).await.unwrap();
    let url = webhooks.url().await;
    fake.set_webhook(Some(WebhookScript { url, token: "sample-webhook-token".to_owned() }));
    mounted
}

/// A recorded file.
pub(crate) fn fixture(name: &str) -> Value {
    let path = format!("{}/../../tests/fixtures/whatsapp/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}
