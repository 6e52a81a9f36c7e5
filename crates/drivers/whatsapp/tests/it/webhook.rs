//! The webhook over a real connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tieline_core::driver::{Defaults, DriverFactory, InstanceConfig, Services};
use tieline_core::id::InstanceId;
use tieline_testkit::{
    FixedClock, LocalWebhooks, NothingKnown, RecordingHealth, RecordingInbound, Reply, Running, TempSpool,
};
use tieline_whatsapp::WhatsApp;

const TOKEN: &str = "sample-webhook-token";

/// A driver that receives.
pub(crate) struct Listening {
    url: String,
    pub(crate) inbound: Arc<RecordingInbound>,
    _running: Running,
}

pub(crate) async fn listening(session: &str) -> Listening {
    let settings = json!({
        "addon_url": "http://127.0.0.1:9", "api_token": "t", "webhook_token": TOKEN, "session_id": session,
    });
    let resolved = WhatsApp.resolve(&InstanceId::new("wa").expect("an id"), &settings, &Defaults::default());
    let instance: Arc<dyn InstanceConfig> = resolved.instance.expect("sound settings");
    let services = Services {
        spool: Arc::new(TempSpool::new().expect("a temporary folder")),
        links: Arc::new(NothingKnown),
        clock: Arc::new(FixedClock::default()),
    };
    let driver = instance.build(services).expect("the driver can be built");
    let (inbound, webhooks, health) =
        (Arc::<RecordingInbound>::default(), Arc::<LocalWebhooks>::default(), Arc::<RecordingHealth>::default());
    let running = Running::start(driver, &inbound, &webhooks, &health);
    Listening { url: webhooks.url().await, inbound, _running: running }
}

impl Listening {
    /// Calls it as the addon does (`direct_text.request.json`).
    pub(crate) async fn post(&self, token: &str, body: impl Into<Bytes>) -> Reply {
        let headers = [("content-type", "application/json"), ("x-webhook-token", token), ("connection", "keep-alive")];
        let limit = Duration::from_secs(20);
        tieline_testkit::call(Method::POST, &self.url, &headers, body.into(), limit).await.expect("an answer")
    }

    pub(crate) async fn take(&self, event: &Value) -> Reply {
        self.post(TOKEN, event.to_string()).await
    }
}

#[tokio::test]
async fn every_answer_closes_the_connection() {
    let listening = listening("default").await;
    let event = json!({ "id": "A1", "from": "1@g.us", "content": "x", "session_id": "default" });
    for (body, status) in [(event.to_string(), 200), ("{".to_owned(), 400), (json!({ "id": "A1" }).to_string(), 400)] {
        let reply = listening.post(TOKEN, body).await;
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(reply.headers.get("connection").map(http::HeaderValue::as_bytes), Some(&b"close"[..]));
        let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(body.get("error").is_some(), status != 200);
    }
    assert_eq!(listening.post("wrong", event.to_string()).await.status.as_u16(), 401);
    assert_eq!(listening.inbound.arrivals().len(), 1);
}

#[tokio::test]
async fn a_repeat_is_the_same_event() {
    let listening = listening("default").await;
    let event = json!({ "id": "A1", "from": "1@g.us", "content": "x" });
    listening.take(&event).await;
    listening.take(&event).await;
    assert_eq!((listening.inbound.arrivals().len(), listening.inbound.events().len()), (2, 1));
}
