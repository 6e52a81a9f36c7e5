//! One connection: it writes what is queued for it, and tells what it hears.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

use super::connection::{Outgoing, SILENT};
use crate::rocketchat::inside::Inside;

/// How long a client has to answer a close.
const CLOSING: Duration = Duration::from_secs(5);
/// The peer closed without saying a code (RFC 6455, section 7.4.1).
const NO_STATUS: u16 = 1005;
/// The line broke without a close (RFC 6455, section 7.4.1).
const ABNORMAL: u16 = 1006;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Holds a conversation until either side ends it.
pub(crate) async fn hold(inside: Arc<Inside>, number: u64, upgrade: OnUpgrade) {
    let cut = inside.ddp.lock().open.get(&number).map(|connection| connection.cut.clone());
    let Some(cut) = cut else { return };
    let closed = tokio::select! {
        () = cut.cancelled() => None,
        code = talk(&inside, number, upgrade) => code,
    };
    {
        let mut ddp = inside.ddp.lock();
        ddp.open.remove(&number);
        ddp.closes.extend(closed);
    }
    inside.changed();
}

/// Talks. Returns the code with which the client closed; `None`: the server did.
async fn talk(inside: &Inside, number: u64, upgrade: OnUpgrade) -> Option<u16> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "A client of the fake realtime API left before its WebSocket was open");
            return Some(ABNORMAL);
        }
    };
    let mut socket = Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let mut changes = inside.watch();
    let heartbeat = inside.script.ddp_heartbeat;
    let mut heard_at = Instant::now();
    let mut pinged = false;
    loop {
        changes.mark_unchanged();
        loop {
            let (next, slow) = {
                let mut ddp = inside.ddp.lock();
                (ddp.next(number), ddp.slow)
            };
            let Some(next) = next else { break };
            if !slow.is_zero() {
                sleep(slow).await;
            }
            match next {
                Outgoing::Frame(text) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return Some(ABNORMAL);
                    }
                }
                Outgoing::Close(code) => {
                    close(socket, code).await;
                    return None;
                }
            }
        }
        let silent_at = heard_at + if pinged { heartbeat * 2 } else { heartbeat };
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return Some(ABNORMAL);
                }
            }
            () = sleep_until(silent_at) => {
                if let Some(connection) = inside.ddp.lock().open.get_mut(&number) {
                    if pinged {
                        connection.close(SILENT);
                    } else {
                        connection.say(&json!({ "msg": "ping" }));
                    }
                }
                if pinged {
                    heard_at = Instant::now();
                }
                pinged = !pinged;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    heard_at = Instant::now();
                    pinged = false;
                    inside.hear_frame(number, Some(&text));
                }
                Some(Ok(Message::Binary(_))) => inside.hear_frame(number, None),
                Some(Ok(Message::Close(frame))) => {
                    until_over(&mut socket).await;
                    return Some(frame.map_or(NO_STATUS, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Some(ABNORMAL),
            },
        }
    }
}

/// Closes, and gives the client some time to answer.
async fn close(mut socket: Socket, code: u16) {
    let frame = CloseFrame { code: code.into(), reason: "".into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        until_over(&mut socket).await;
    }
}

/// Reads until nothing comes any more; on the way the last words are written.
async fn until_over(socket: &mut Socket) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    if timeout(CLOSING, rest).await.is_err() {
        tracing::debug!("A client of the fake realtime API did not end its connection after the close");
    }
}
