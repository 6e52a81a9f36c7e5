//! How a driver receives webhooks without opening a socket itself.
//!
//! The listener is shared: instances may name the same host and port, told apart by path, and where they share the path
//! too, by what their requests carry.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::offer::{FileOffer, OfferError, OfferedFile};

/// Where webhooks are received.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenAt {
    /// Host name or address to bind.
    pub host: String,
    /// Port to bind; 0 lets the system choose.
    pub port: u16,
    /// The path, beginning with `/`, compared exactly, the query not counted.
    pub path: String,
}

/// A request that passed the listener's limits, read whole.
#[derive(Debug)]
pub struct WebhookRequest {
    /// Always `POST` today; the listener answers 405 to others.
    pub method: Method,
    /// The query, without `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not longer than [`Mount::body_limit`].
    pub body: Bytes,
    /// Who sent it.
    pub peer: SocketAddr,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookResponse {
    /// The status.
    pub status: StatusCode,
    /// The body: JSON. Never empty, since Rocket.Chat takes an empty body for a failure.
    pub body: Bytes,
    /// Whether the connection is closed afterwards (the WhatsApp addon never reads the answer and leaks its sockets).
    pub close: bool,
}

impl WebhookResponse {
    /// `200 {}`.
    pub fn ok() -> Self {
        Self { status: StatusCode::OK, body: Bytes::from_static(b"{}"), close: false }
    }

    /// A refusal: `{"error": "…"}`.
    pub fn refuse(status: StatusCode, error: &str) -> Self {
        let body = serde_json::json!({ "error": error }).to_string();
        Self { status, body: Bytes::from(body), close: false }
    }
}

/// Whoever answers requests to a path.
#[async_trait]
pub trait WebhookHandler: Send + Sync + 'static {
    /// Answers one request. `None`: it is for another instance on the same path (another token or session); if all say
    /// so they are asked whether it is [`unclaimed`](Self::unclaimed), and if it is not, the listener answers 401.
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse>;

    /// Answers a request that nobody on the path took: every handler whose limit the body keeps said `None` and is now
    /// asked this, in the same order, until one answers. `None`: nothing is known of it.
    ///
    /// It is for requests with the right token that are no instance's business, such as an event of a session that no
    /// instance names: a 401 would tell a sender that its token is wrong.
    fn unclaimed(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        let _: &WebhookRequest = request;
        None
    }
}

/// What a driver asks of the listener.
#[derive(Clone)]
pub struct Mount {
    /// Where.
    pub at: ListenAt,
    /// Longest body in bytes; a longer one is answered 413.
    pub body_limit: usize,
    /// Who answers.
    pub handler: Arc<dyn WebhookHandler>,
}

/// Why a mount failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot listen at {host}:{port}: {reason}")]
pub struct MountError {
    /// The host that was asked for.
    pub host: String,
    /// The port that was asked for.
    pub port: u16,
    /// What the system said.
    pub reason: String,
}

/// The listeners of this process.
#[async_trait]
pub trait Webhooks: Send + Sync + 'static {
    /// Starts to receive. Dropping what is returned ends it.
    async fn mount(&self, mount: Mount) -> Result<Mounted, MountError>;

    /// Offers a file of the spool by a link to the listener at this host and port, on which something must be mounted;
    /// the path of `at` does not matter. Where port 0 was mounted, name the one that the system chose
    /// ([`Mounted::local`]).
    ///
    /// A link is not remembered anywhere. It works on that host and port only, while something is mounted there, until
    /// it expires or the process ends: make a new one for each try, and store none.
    async fn offer(&self, at: &ListenAt, offer: FileOffer) -> Result<OfferedFile, OfferError> {
        let _: (&ListenAt, FileOffer) = (at, offer);
        Err(OfferError::Unsupported)
    }
}

/// A mount that is alive; dropping it takes the path away.
#[must_use = "dropping it takes the path away"]
pub struct Mounted {
    /// Where it listens in fact: the port that the system chose, if 0 was asked for.
    pub local: SocketAddr,
    /// Whatever must be dropped to end the mount.
    pub guard: Box<dyn std::any::Any + Send + Sync>,
}
