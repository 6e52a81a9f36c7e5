//! The handler of the addon's webhook.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::StatusCode;
use subtle::ConstantTimeEq;
use tieline_core::clock::Clock;
use tieline_core::driver::Inbound;
use tieline_core::throttle::Throttle;
use tieline_core::webhook::{WebhookHandler, WebhookRequest, WebhookResponse};

use crate::history::History;
use crate::instance::Instance;
use crate::parse::{self, Received};
use crate::payload;

/// A message with what it quotes and its little previews. Contacts with pictures are the largest that WhatsApp hands on.
pub(crate) const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Where the addon puts its token.
const TOKEN: &str = "x-webhook-token";
/// Of how many foreign sessions the log tells once each.
const TOLD: usize = 16;

/// Takes the addon's calls.
///
/// The addon sends each event once, reads no answer and closes no connection (`app/src/webhook.js`). So every answer
/// closes the connection, and all that can be understood in some way is taken.
pub(crate) struct Receiver {
    instance: Arc<Instance>,
    inbound: Arc<dyn Inbound>,
    /// What may have been missed, if it is caught up.
    history: Option<Arc<History>>,
    clock: Arc<dyn Clock>,
    /// Sessions that no instance names and that the log has told of.
    told: Mutex<HashSet<String>>,
    /// The warning of calls that cannot be relayed.
    refused: Throttle,
}

impl Receiver {
    pub(crate) fn new(
        instance: Arc<Instance>,
        inbound: Arc<dyn Inbound>,
        history: Option<Arc<History>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { instance, inbound, history, clock, told: Mutex::default(), refused: Throttle::default() }
    }

    fn knows_token(&self, request: &WebhookRequest) -> bool {
        let given = request.headers.get(TOKEN).map(http::HeaderValue::as_bytes).unwrap_or_default();
        bool::from(given.ct_eq(self.instance.webhook_token.reveal().as_bytes()))
    }

    /// Answers a call with the right token; `None` if it is of another session.
    async fn answer(&self, body: &[u8]) -> Option<WebhookResponse> {
        let id = &self.instance.id;
        let refuse = |why: &str| {
            if let Some(withheld) = self.refused.admit(self.clock.now()) {
                tracing::warn!(instance = %id, why, withheld, "A webhook of the WhatsApp addon cannot be relayed");
            }
            WebhookResponse::refuse(StatusCode::BAD_REQUEST, why)
        };
        let payload = match payload::read(body) {
            Ok(payload) => payload,
            Err(why) => return Some(refuse(&why)),
        };
        if payload.session != self.instance.session {
            return None;
        }
        Some(match parse::event(&self.instance, &payload, self.clock.now()) {
            Ok(Received::Event(mut event)) => {
                if let Some(history) = &self.history {
                    history.precede(&payload, &mut event).await;
                }
                match self.inbound.accept(*event).await {
                    Ok(_) => WebhookResponse::ok(),
                    Err(error) => {
                        if let Some(history) = &self.history {
                            tracing::warn!(
                                instance = %id, %error,
                                "A WhatsApp message is not taken; it is looked for in the addon's store later"
                            );
                            history.look_again();
                        } else {
                            tracing::error!(instance = %id, %error, "A WhatsApp message is lost: the addon does not send it again");
                        }
                        WebhookResponse::refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
                    }
                }
            }
            Ok(Received::Nothing(why)) => {
                tracing::debug!(instance = %id, why, "A webhook of the WhatsApp addon holds no message");
                WebhookResponse::ok()
            }
            Err(why) => refuse(&why),
        })
    }

    /// Says once for each session that nobody takes its events.
    fn tell_of(&self, session: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD && !told.contains(&session) {
            tracing::warn!(
                session,
                "Messages of this session of the WhatsApp addon are not relayed: no instance has it as `session_id`"
            );
            told.insert(session);
        }
    }
}

#[async_trait]
impl WebhookHandler for Receiver {
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        if !self.knows_token(request) {
            return None;
        }
        self.answer(&request.body).await.map(closed)
    }

    fn unclaimed(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        if !self.knows_token(request) {
            return None;
        }
        // It was read before, or nobody would have passed it on.
        let payload = payload::read(&request.body).ok()?;
        self.tell_of(payload.session);
        Some(closed(WebhookResponse::ok()))
    }
}

fn closed(response: WebhookResponse) -> WebhookResponse {
    WebhookResponse { close: true, ..response }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tests::instance;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};
    use serde_json::{Value, json};
    use tieline_core::driver::InboundError;
    use tieline_testkit::{RecordingInbound, RecordingLog, SystemClock};

    struct Desk {
        receiver: Receiver,
        inbound: Arc<RecordingInbound>,
    }

    fn desk() -> Desk {
        let inbound = Arc::<RecordingInbound>::default();
        let receiver =
            Receiver::new(Arc::new(instance(&json!({}))), Arc::clone(&inbound) as _, None, Arc::new(SystemClock));
        Desk { receiver, inbound }
    }

    fn request(token: Option<&str>, body: impl Into<Bytes>) -> WebhookRequest {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert("X-Webhook-Token", HeaderValue::from_str(token).unwrap());
        }
        let peer = "127.0.0.1:1".parse().unwrap();
        WebhookRequest { method: Method::POST, query: None, headers, body: body.into(), peer }
    }

    fn message(session: &Value) -> String {
        json!({ "id": "A1", "from": "1@g.us", "content": "x", "session_id": session }).to_string()
    }

    #[tokio::test]
    async fn only_the_right_token_is_heard() {
        let desk = desk();
        for wrong in [None, Some(""), Some("hook-toke"), Some("hook-token2"), Some("HOOK-TOKEN")] {
            let request = request(wrong, message(&json!("default")));
            assert_eq!(desk.receiver.handle(&request).await, None, "{wrong:?}");
            assert_eq!(desk.receiver.unclaimed(&request), None, "{wrong:?}");
        }
        assert!(desk.inbound.arrivals().is_empty());
        let answer = desk.receiver.handle(&request(Some("hook-token"), message(&json!("DEFAULT")))).await;
        assert_eq!(answer, Some(closed(WebhookResponse::ok())));
        assert_eq!(desk.inbound.events().len(), 1);
    }

    #[tokio::test]
    async fn another_sessions_events_are_not_ours_but_no_wrong_token_either() {
        let desk = desk();
        let request = request(Some("hook-token"), message(&json!("work")));
        assert_eq!(desk.receiver.handle(&request).await, None);
        assert_eq!(desk.receiver.unclaimed(&request), Some(closed(WebhookResponse::ok())));
        assert!(desk.inbound.arrivals().is_empty());
    }

    #[tokio::test]
    async fn what_is_no_event_is_refused_and_every_answer_closes() {
        let desk = desk();
        let deep = "[".repeat(100_000);
        let nonsense = "x".repeat(20_000_000);
        for body in ["", "{", "[]", "null", r#"{"id":"A1"}"#, r#"{"from":"1@g.us"}"#, &deep, &nonsense] {
            let answer = desk.receiver.handle(&request(Some("hook-token"), body.to_owned())).await.expect("an answer");
            assert_eq!((answer.status, answer.close), (StatusCode::BAD_REQUEST, true));
            assert!(answer.body.len() < 500, "it does not repeat what was sent");
        }
        let empty = json!({ "id": "A1", "from": "1@g.us" }).to_string();
        let answer = desk.receiver.handle(&request(Some("hook-token"), empty)).await.expect("an answer");
        assert_eq!((answer.status, answer.close), (StatusCode::OK, true), "nothing to relay is no error");
        assert!(desk.inbound.arrivals().is_empty());
    }

    #[tokio::test]
    async fn the_log_tells_of_refused_calls_once_a_minute_and_of_a_foreign_session_once() {
        let log = RecordingLog::start();
        let desk = desk();
        for _ in 0..20 {
            desk.receiver.handle(&request(Some("hook-token"), "{")).await.expect("an answer");
        }
        let told = log.warnings();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("cannot be relayed") && told[0].contains("withheld=0"), "{told:?}");
        for _ in 0..2 {
            desk.receiver.unclaimed(&request(Some("hook-token"), message(&json!("work")))).expect("an answer");
        }
        let told = log.warnings();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].ends_with("session=work"), "it is not quoted: {told:?}");
    }

    #[tokio::test]
    async fn what_the_outbox_refuses_is_a_503() {
        let desk = desk();
        desk.inbound.fail(InboundError::Disk("full".to_owned()));
        let answer =
            desk.receiver.handle(&request(Some("hook-token"), message(&json!(null)))).await.expect("an answer");
        assert_eq!((answer.status, answer.close), (StatusCode::SERVICE_UNAVAILABLE, true));
    }

    #[tokio::test]
    async fn the_answer_waits_for_the_disk() {
        let desk = Arc::new(desk());
        desk.inbound.block();
        let waiting = Arc::clone(&desk);
        let answer = tokio::spawn(async move {
            waiting.receiver.handle(&request(Some("hook-token"), message(&json!("default")))).await
        });
        desk.inbound.wait_for_arrivals(1).await;
        assert!(!answer.is_finished());
        desk.inbound.open();
        assert_eq!(answer.await.expect("no panic"), Some(closed(WebhookResponse::ok())));
    }
}
