//! How a request to `/websocket` becomes a connection.

use std::sync::Arc;

use http::header::USER_AGENT;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::connection::Connection;
use super::conversation;
use super::realtime::RealtimeDial;
use crate::port::{Answer, bytes_body};
use crate::rocketchat::inside::Inside;

/// Opens a WebSocket and begins the conversation, or refuses.
pub(crate) fn answer(inside: &Arc<Inside>, mut request: Request<Incoming>) -> Answer {
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned);
    let refusal = |status: StatusCode, why: &str| {
        let mut refusal = Response::new(bytes_body(why.to_owned()));
        *refusal.status_mut() = status;
        refusal
    };
    let mut answer = create_response_with_body(&request, || bytes_body(""))
        .unwrap_or_else(|error| refusal(StatusCode::BAD_REQUEST, &error.to_string()));
    let opened = {
        let mut ddp = inside.ddp.lock();
        if ddp.refusals > 0 {
            ddp.refusals -= 1;
            answer = refusal(StatusCode::SERVICE_UNAVAILABLE, "refused, as the script says");
        }
        let number = ddp.dials.len() as u64;
        let opens = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        let refused = (!opens).then(|| answer.status().as_u16());
        ddp.dials.push(RealtimeDial { user_agent: agent, time: inside.now(), refused });
        if opens {
            let mut connection = Connection::new(inside.ended.child_token());
            connection.say(&serde_json::json!({ "server_id": "0" }));
            ddp.open.insert(number, connection);
        }
        opens.then_some(number)
    };
    inside.changed();
    if let Some(number) = opened {
        tokio::spawn(conversation::hold(Arc::clone(inside), number, hyper::upgrade::on(&mut request)));
    }
    answer
}
