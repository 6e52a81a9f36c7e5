//! Requests that no handler gets to see.

use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tieline_core::webhook::WebhookResponse;

use super::files::allow_reading;
use crate::limit::KeyedLimiter;

/// Why a request got no further. Each kind is logged at most once in ten seconds, since strangers decide how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// No mount has this path.
    WrongPath,
    /// It is not a POST.
    WrongMethod,
    /// The body is longer than the mounts of this path allow.
    TooLarge,
    /// Other large bodies take all the memory that there is for them.
    NoRoom,
    /// The body did not come in time.
    Stalled,
    /// The body broke off, or was no HTTP.
    Broken,
    /// No handler of this path knows the token.
    Unknown,
    /// An offered file is only read.
    NoRead,
    /// An offered file cannot be read.
    Unreadable,
    /// It names more than one host, so whoever stands before us may have understood something else.
    TwoHosts,
    /// It is no HTTP.
    NotHttp,
    /// The head is longer than it may be.
    LongHead,
    /// The address is longer than it may be.
    LongAddress,
    /// All connections are in use.
    TooManyConnections,
    /// The system did not give us a connection.
    NotAccepted,
}

static LOGGED: LazyLock<KeyedLimiter<Refusal>> =
    LazyLock::new(|| KeyedLimiter::new(NonZeroU32::MIN, Duration::from_secs(10)));

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::WrongPath => StatusCode::NOT_FOUND,
            Self::WrongMethod | Self::NoRead => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::TwoHosts | Self::NotHttp => StatusCode::BAD_REQUEST,
            Self::LongHead => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::LongAddress => StatusCode::URI_TOO_LONG,
            Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::NoRoom | Self::Unreadable | Self::TooManyConnections | Self::NotAccepted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::WrongPath => "no webhook is received at this path",
            Self::WrongMethod => "only POST is understood here",
            Self::TooLarge => "the body is too large",
            Self::NoRoom => "too many large bodies at once; send it again later",
            Self::Stalled => "the body did not arrive in time",
            Self::Broken => "the body could not be read",
            Self::Unknown => "the token is missing or wrong",
            Self::NoRead => "only GET and HEAD are understood here",
            Self::Unreadable => "the file cannot be read now",
            Self::TwoHosts => "the request names more than one host",
            Self::NotHttp => "this is no HTTP request",
            Self::LongHead => "the request's headers are too long",
            Self::LongAddress => "the request's address is too long",
            Self::TooManyConnections => "too many connections",
            Self::NotAccepted => "no connection could be taken",
        }
    }

    /// The whole answer in bytes, for when hyper is not there to write it.
    pub(crate) fn bytes(self) -> Bytes {
        let body = WebhookResponse::refuse(self.status(), self.sentence()).body;
        let later = if self == Self::TooManyConnections { "retry-after: 1\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{later}\r\n",
            self.status(),
            body.len()
        );
        Bytes::from([head.as_bytes(), &body].concat())
    }

    pub(crate) fn answer(self) -> Response<Full<Bytes>> {
        // What is left of a body must not be taken for the next request; and whoever has nothing to say here, or never
        // closes a connection, must not keep a place.
        let mut response =
            respond(WebhookResponse { close: true, ..WebhookResponse::refuse(self.status(), self.sentence()) });
        match self {
            Self::WrongMethod => {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            Self::NoRead => allow_reading(response.headers_mut()),
            _ => {}
        }
        response
    }

    /// Tells the operator, unless it was told just now. `detail` must hold nothing that the stranger wrote in secret.
    pub(crate) fn log(self, detail: Option<&str>) {
        if LOGGED.check(&self).is_ok() {
            tracing::warn!(
                reason = self.sentence(),
                detail,
                "Refused at a listener; more like this in the next 10 s are not logged"
            );
        }
    }
}

/// Puts a handler's answer on the wire.
pub(crate) fn respond(answer: WebhookResponse) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if answer.close {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
