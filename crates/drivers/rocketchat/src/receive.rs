//! The handler of the Outgoing Webhook.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use subtle::ConstantTimeEq;
use tieline_core::driver::Inbound;
use tieline_core::secret::Secret;
use tieline_core::webhook::{WebhookHandler, WebhookRequest, WebhookResponse};

use crate::driver::RocketChatDriver;
use crate::gate::Gate;
use crate::inbound::{self, Received};
use crate::payload::{self, BadCall};

/// Answers the server's calls. `200 {}` says only that the message is on disk: an answer with a text in it would be
/// posted in the room, and an empty one counts as a failure.
pub(crate) struct Receiver {
    pub(crate) driver: Arc<RocketChatDriver>,
    pub(crate) inbound: Arc<dyn Inbound>,
    /// What was missed goes first.
    pub(crate) gate: Arc<Gate>,
}

#[async_trait]
impl WebhookHandler for Receiver {
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        Some(self.answer(&request.body, request.peer).await)
    }
}

impl Receiver {
    async fn answer(&self, body: &[u8], peer: SocketAddr) -> WebhookResponse {
        let driver = &self.driver;
        let payload = match payload::read(body) {
            Ok(payload) => payload,
            Err(bad) => return self.refuse(&bad, peer),
        };
        if !self.knows(payload.token.as_ref()) {
            return self.unauthorised(peer);
        }
        let own = match driver.own_id().await {
            Ok(own) => own,
            Err(why) => return WebhookResponse::refuse(StatusCode::SERVICE_UNAVAILABLE, &why),
        };
        let event = match inbound::event(&driver.instance, own.as_deref(), &payload, driver.services.clock.now()) {
            Ok(Received::Event(event)) => *event,
            Ok(Received::Own | Received::Nothing) => return WebhookResponse::ok(),
            Err(bad) => return self.refuse(&bad, peer),
        };
        self.gate.through(event.channel.as_str()).await;
        match self.inbound.accept(event).await {
            Ok(_) => WebhookResponse::ok(),
            Err(error) => WebhookResponse::refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        }
    }

    /// Refuses what cannot be understood. If it came from the server itself somebody has lost a message, so the log says
    /// which field was wrong.
    fn refuse(&self, bad: &BadCall, peer: SocketAddr) -> WebhookResponse {
        let driver = &self.driver;
        if self.knows(bad.token.as_ref()) {
            // Where no token is asked for anybody can come here.
            let open = driver.instance.webhook_token.is_empty();
            let admitted = if open { driver.bad_calls.admit(driver.services.clock.now()) } else { Some(0) };
            if let Some(withheld) = admitted {
                tracing::warn!(
                    instance = %driver.instance.id,
                    peer = %peer.ip(),
                    field = bad.field.unwrap_or("the body"),
                    why = bad.why,
                    withheld,
                    "A call of the Outgoing Webhook was refused, its message is lost",
                );
            }
        } else if bad.field.is_some() {
            // Whoever does not know the token learns nothing about the fields.
            return self.unauthorised(peer);
        }
        WebhookResponse::refuse(StatusCode::BAD_REQUEST, &bad.why)
    }

    fn unauthorised(&self, peer: SocketAddr) -> WebhookResponse {
        let driver = &self.driver;
        if let Some(withheld) = driver.wrong_tokens.admit(driver.services.clock.now()) {
            tracing::warn!(
                instance = %driver.instance.id,
                peer = %peer.ip(),
                withheld,
                "An Outgoing Webhook came with a wrong token",
            );
        }
        WebhookResponse::refuse(StatusCode::UNAUTHORIZED, "the token is wrong")
    }

    fn knows(&self, token: Option<&Secret>) -> bool {
        let expected = &self.driver.instance.webhook_token;
        if expected.is_empty() {
            return true;
        }
        let given = token.map(Secret::reveal).unwrap_or_default();
        bool::from(given.as_bytes().ct_eq(expected.reveal().as_bytes()))
    }
}
