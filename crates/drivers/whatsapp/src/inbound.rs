//! The handler of the addon's webhook.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::StatusCode;
use subtle::ConstantTimeEq;
use tieline_core::clock::Clock;
use tieline_core::driver::Inbound;
use tieline_core::webhook::{WebhookHandler, WebhookRequest, WebhookResponse};

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
    clock: Arc<dyn Clock>,
    /// Sessions that no instance names and that the log has told of.
    told: Mutex<HashSet<String>>,
}

impl Receiver {
    pub(crate) fn new(instance: Arc<Instance>, inbound: Arc<dyn Inbound>, clock: Arc<dyn Clock>) -> Self {
        Self { instance, inbound, clock, told: Mutex::default() }
    }

    fn knows_token(&self, request: &WebhookRequest) -> bool {
        let given = request.headers.get(TOKEN).map(http::HeaderValue::as_bytes).unwrap_or_default();
        bool::from(given.ct_eq(self.instance.webhook_token.reveal().as_bytes()))
    }

    /// Answers a call with the right token; `None` if it is of another session.
    async fn answer(&self, body: &[u8]) -> Option<WebhookResponse> {
        let id = &self.instance.id;
        let refuse = |why: &str| {
            tracing::warn!(instance = %id, why, "A webhook of the WhatsApp addon cannot be relayed");
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
            Ok(Received::Event(event)) => match self.inbound.accept(*event).await {
                Ok(_) => WebhookResponse::ok(),
                Err(error) => {
                    tracing::error!(instance = %id, %error, "A WhatsApp message is lost: the addon does not send it again");
                    WebhookResponse::refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
                }
            },
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
                session = ?session,
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
