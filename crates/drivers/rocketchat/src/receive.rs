//! The handler of the Outgoing Webhook.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use subtle::ConstantTimeEq;
use tieline_core::driver::Inbound;
use tieline_core::webhook::{WebhookHandler, WebhookRequest, WebhookResponse};

use crate::driver::RocketChatDriver;
use crate::inbound::{self, Received};
use crate::payload::{self, BadBody, Payload};

/// Answers the server's calls. `200 {}` says only that the message is on disk: an answer with a text in it would be
/// posted in the room, and an empty one counts as a failure.
pub(crate) struct Receiver {
    pub(crate) driver: Arc<RocketChatDriver>,
    pub(crate) inbound: Arc<dyn Inbound>,
}

#[async_trait]
impl WebhookHandler for Receiver {
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        Some(self.answer(&request.body).await)
    }
}

impl Receiver {
    async fn answer(&self, body: &[u8]) -> WebhookResponse {
        let driver = &self.driver;
        let payload = match payload::read(body) {
            Ok(payload) => payload,
            // Whoever does not know the token learns nothing about the fields.
            Err(BadBody::Field(field, _)) if field == "token" => return unauthorised(),
            Err(error) => return WebhookResponse::refuse(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        if !self.knows_token(&payload) {
            tracing::warn!(instance = %driver.instance.id, "An Outgoing Webhook came with a wrong token");
            return unauthorised();
        }
        let own = match driver.own_id().await {
            Ok(own) => own,
            Err(why) => return WebhookResponse::refuse(StatusCode::SERVICE_UNAVAILABLE, &why),
        };
        let event = match inbound::event(&driver.instance, own.as_deref(), &payload, driver.services.clock.now()) {
            Ok(Received::Event(event)) => *event,
            Ok(Received::Own | Received::Nothing) => return WebhookResponse::ok(),
            Err(why) => return WebhookResponse::refuse(StatusCode::BAD_REQUEST, &why),
        };
        match self.inbound.accept(event).await {
            Ok(_) => WebhookResponse::ok(),
            Err(error) => WebhookResponse::refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        }
    }

    fn knows_token(&self, payload: &Payload) -> bool {
        let expected = &self.driver.instance.webhook_token;
        if expected.is_empty() {
            return true;
        }
        let given = payload.token.as_deref().unwrap_or_default();
        bool::from(given.as_bytes().ct_eq(expected.reveal().as_bytes()))
    }
}

fn unauthorised() -> WebhookResponse {
    WebhookResponse::refuse(StatusCode::UNAUTHORIZED, "the token is wrong")
}
