//! The WebSocket dialer: the same proxies, the same TLS, the same name for ourselves as the HTTP client.
//!
//! A proxy is chosen as for `https` where the address is `wss`, and as for `http` where it is `ws`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::header::USER_AGENT;
use http::{HeaderValue, StatusCode};
use tieline_core::driver::ProxyChoice;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as ProtocolError, Message};
use url::Url;

use crate::client::ClientError;
use crate::dial::{DialError, Place, Stream, dial};
use crate::failure::describe_other;

pub use tokio_tungstenite::tungstenite;

/// An open WebSocket: a stream and a sink of [`tungstenite::Message`]. Pings are answered while it is read.
pub type WebSocket = WebSocketStream<Line>;

/// How a WebSocket is opened, and what may come through it.
#[derive(Debug, Clone)]
pub struct WebSocketSettings {
    /// Which proxy it goes through. Default: none.
    pub proxy: ProxyChoice,
    /// Longest time for name, connection, proxy, TLS and handshake together. Default: 20 s.
    pub connect_timeout: Duration,
    /// Largest message that is taken, in bytes; a larger one ends the connection. Default: 4 MiB.
    pub max_message: usize,
    /// What we call ourselves. Default: `tieline/<version>`.
    pub user_agent: String,
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        Self {
            proxy: ProxyChoice::Direct,
            connect_timeout: Duration::from_secs(20),
            max_message: 4 * 1024 * 1024,
            user_agent: concat!("tieline/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a WebSocket was not opened. No address and no secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// The address is no `ws://` or `wss://` one with a host, or what we call ourselves is no header.
    #[error("the WebSocket's address cannot be used: {0}")]
    Address(&'static str),
    /// The proxy's address is not understood.
    #[error(transparent)]
    Proxy(#[from] ClientError),
    /// There is no connection, or it broke, or TLS failed.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("timed out while connecting")]
    Timeout,
    /// The server answered with another status than 101. A redirect is not followed.
    #[error("the server does not open a WebSocket, but answers {0}")]
    Refused(StatusCode),
}

/// Opens a WebSocket.
pub async fn connect(url: &Url, settings: &WebSocketSettings) -> Result<WebSocket, WebSocketError> {
    timeout(settings.connect_timeout, open(url, settings)).await.map_err(|_| WebSocketError::Timeout)?
}

async fn open(url: &Url, settings: &WebSocketSettings) -> Result<WebSocket, WebSocketError> {
    let to = place(url)?;
    let unusable = || WebSocketError::Address("it cannot be requested");
    let mut request = url.as_str().into_client_request().map_err(|_| unusable())?;
    let agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| unusable())?;
    request.headers_mut().insert(USER_AGENT, agent);
    let limits = WebSocketConfig::default()
        .max_message_size(Some(settings.max_message))
        .max_frame_size(Some(settings.max_message));
    let line = dial(&to, &settings.proxy).await.map_err(|error| match error {
        DialError::Proxy(error) => WebSocketError::Proxy(error),
        DialError::Failed(why) => WebSocketError::Failed(why),
    })?;
    match tokio_tungstenite::client_async_with_config(request, Line(line), Some(limits)).await {
        Ok((socket, _)) => Ok(socket),
        Err(ProtocolError::Http(answer)) => Err(WebSocketError::Refused(answer.status())),
        Err(error) => Err(WebSocketError::Failed(describe_other(&error))),
    }
}

/// How long a text may take to be sent.
const SENDING: Duration = Duration::from_secs(5);
/// How long the other side may take to answer a close.
const PARTING: Duration = Duration::from_secs(1);

/// The connection is of no use any more: it broke, or nothing gets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the WebSocket is broken")]
pub struct Broken;

/// Sends a text. It has five seconds to get through.
pub async fn say(socket: &mut WebSocket, text: String) -> Result<(), Broken> {
    let sent = timeout(SENDING, socket.send(Message::text(text))).await;
    sent.map_err(|_| Broken)?.map_err(|_| Broken)
}

/// Closes a connection, with a code or without one, and waits up to a second for the other side to do the same. What that
/// one still says meanwhile is dropped. Returns whether it answered.
pub async fn leave(mut socket: WebSocket, code: Option<u16>) -> bool {
    let frame = code.map(|code| CloseFrame { code: code.into(), reason: "".into() });
    let parting = async {
        if socket.close(frame).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    timeout(PARTING, parting).await.is_ok()
}

fn place(url: &Url) -> Result<Place, WebSocketError> {
    let (tls, standard) = match url.scheme() {
        "ws" => (false, 80),
        "wss" => (true, 443),
        _ => return Err(WebSocketError::Address("it must begin with ws:// or wss://")),
    };
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or(WebSocketError::Address("it names no host"))?.to_owned();
    Ok(Place { host, port: url.port().unwrap_or(standard), tls })
}

/// The connection under a WebSocket.
pub struct Line(Box<dyn Stream>);

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line(…)")
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
