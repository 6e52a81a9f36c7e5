//! How an HTTP request becomes a connection.

use std::collections::VecDeque;
use std::sync::Arc;

use http::header::{HOST, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use url::form_urlencoded;

use super::allowance::Payloads;
use super::close::INVALID_API_VERSION;
use super::compression::Packing;
use super::conversation;
use super::inside::Inside;
use super::records::Dial;
use super::state::{Connection, Phase};
use crate::port::{Answer, bytes_body};

/// Opens a WebSocket and begins the conversation, or refuses.
pub(crate) fn answer(inside: &Arc<Inside>, mut request: Request<Incoming>) -> Answer {
    let header = |name: HeaderName| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let wish = Wish::read(&query);
    let host = header(HOST).unwrap_or_default();
    let upgrades = header(UPGRADE).is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    let mut dial = Dial {
        connection: 0,
        path: request.uri().path().to_owned(),
        query,
        user_agent: header(USER_AGENT),
        time: inside.now(),
        refused: None,
    };
    let mut answer = if !upgrades {
        let mut refusal = refusal(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket");
        refusal.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        refusal
    } else if let Some(why) = wish.unknown {
        refusal(StatusCode::BAD_REQUEST, why)
    } else {
        create_response_with_body(&request, || bytes_body("")).unwrap_or_else(|error| {
            let mut refusal = refusal(StatusCode::BAD_REQUEST, &error.to_string());
            refusal.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            refusal
        })
    };
    let opened = inside.change(|state| {
        if state.refusals > 0 {
            state.refusals -= 1;
            answer = refusal(StatusCode::SERVICE_UNAVAILABLE, "refused, as the script says");
        }
        let opens = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        dial.connection = state.records.dials.len() as u64;
        dial.refused = (!opens).then(|| answer.status().as_u16());
        let number = dial.connection;
        if opens {
            let connection = Connection {
                number,
                path: dial.path.clone(),
                host,
                phase: Phase::Open,
                queue: VecDeque::new(),
                payloads: Payloads::default(),
                cut: inside.ended.child_token(),
            };
            state.open(connection, (!wish.version_10).then_some(INVALID_API_VERSION));
        }
        state.records.dials.push(dial);
        opens.then_some(number)
    });
    if let Some(number) = opened {
        let packing = Packing::new(wish.compressed && inside.script.compression);
        tokio::spawn(conversation::hold(Arc::clone(inside), number, hyper::upgrade::on(&mut request), packing));
    }
    answer
}

fn refusal(status: StatusCode, why: &str) -> Answer {
    let mut refusal = Response::new(bytes_body(why.to_owned()));
    *refusal.status_mut() = status;
    refusal
}

/// What the query asks for.
struct Wish {
    version_10: bool,
    compressed: bool,
    /// What this gateway does not speak: an encoding or a compression.
    unknown: Option<&'static str>,
}

impl Wish {
    fn read(query: &str) -> Self {
        let said = |key: &str| {
            let pair = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == key);
            pair.map(|(_, value)| value.into_owned())
        };
        let encoding = said("encoding").unwrap_or_else(|| "json".to_owned());
        let compress = said("compress");
        let unknown = match compress.as_deref() {
            _ if encoding != "json" => Some("this fake speaks encoding=json only"),
            None | Some("zlib-stream") => None,
            Some(_) => Some("this fake speaks compress=zlib-stream only"),
        };
        Self { version_10: said("v").as_deref() == Some("10"), compressed: compress.is_some(), unknown }
    }
}
