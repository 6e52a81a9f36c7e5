//! One connection: it writes what is queued for it, and tells what it hears.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::close::{ABNORMAL, NO_STATUS, reason};
use super::compression::Packing;
use super::inside::Inside;
use super::payload::{Payload, Read};
use super::state::Outgoing;

/// What a client may send at most, in bytes, before it is not read at all. Too long for a payload it is long before.
const LARGEST: usize = 1024 * 1024;
/// How long a client has to answer a close.
const CLOSING: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Holds a conversation until either side ends it.
pub(crate) async fn hold(inside: Arc<Inside>, number: u64, upgrade: OnUpgrade, packing: Packing) {
    let Some(cut) = inside.look(|state| Some(state.connections.get(&number)?.cut.clone())) else { return };
    let code = tokio::select! {
        () = cut.cancelled() => ABNORMAL,
        code = talk(&inside, number, upgrade, packing) => code,
    };
    let now = inside.now();
    inside.change(|state| state.ended(number, code, now));
}

/// Talks. Returns the code with which the client closed.
async fn talk(inside: &Inside, number: u64, upgrade: OnUpgrade, mut packing: Packing) -> u16 {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "A client of the fake gateway left before its WebSocket was open");
            return ABNORMAL;
        }
    };
    let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let mut socket = Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    let mut changes = inside.watch();
    let patience = inside.script.heartbeat_interval + inside.script.heartbeat_tolerance;
    let mut silent_at = Instant::now() + patience;
    loop {
        changes.mark_unchanged();
        while let Some(outgoing) = inside.quietly(|state| state.next(number)) {
            let sent = match outgoing {
                Outgoing::Close(code) => return close(socket, code).await,
                Outgoing::Event(payload) | Outgoing::Word(payload) => socket.send(packing.pack(payload)).await,
            };
            if sent.is_err() {
                return ABNORMAL;
            }
        }
        let read = tokio::select! {
            changed = changes.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return ABNORMAL,
            },
            () = sleep_until(silent_at) => {
                let now = inside.now();
                inside.change(|state| state.close(number, inside.script.silence_code, now));
                continue;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => Read::text(&text),
                Some(Ok(Message::Binary(_)) | Err(Error::Capacity(_))) => Read::nonsense(),
                Some(Ok(Message::Close(frame))) => {
                    until_over(&mut socket).await;
                    return frame.map_or(NO_STATUS, |frame| frame.code.into());
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return ABNORMAL,
            },
        };
        if matches!(read.payload, Ok(Payload::Heartbeat(_))) {
            silent_at = Instant::now() + patience;
        }
        inside.hear(number, read);
    }
}

/// Closes, and gives the client some time to answer.
async fn close(mut socket: Socket, code: u16) -> u16 {
    let frame = CloseFrame { code: code.into(), reason: reason(code).into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        until_over(&mut socket).await;
    }
    code
}

/// Reads until nothing comes any more; on the way the last words are written.
async fn until_over(socket: &mut Socket) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    if timeout(CLOSING, rest).await.is_err() {
        tracing::debug!("A client of the fake gateway did not end its connection after the close");
    }
}
