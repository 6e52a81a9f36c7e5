//! The small HTTP client with which fakes call webhooks: one connection for each call, plain HTTP, as a server on
//! loopback needs it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("calling {url} failed: {reason}")]
pub struct CallError {
    /// Whom we called.
    pub url: String,
    /// What happened.
    pub reason: String,
}

/// Sends one request and reads the answer whole, within `limit`.
pub async fn call(
    method: http::Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Bytes,
    limit: Duration,
) -> Result<Reply, CallError> {
    let failed = |reason: String| CallError { url: url.to_owned(), reason };
    let parsed = Url::parse(url).map_err(|error| failed(error.to_string()))?;
    if parsed.scheme() != "http" {
        return Err(failed("only http:// can be called".to_owned()));
    }
    let host = parsed.host_str().ok_or_else(|| failed("no host".to_owned()))?.to_owned();
    let port = parsed.port_or_known_default().unwrap_or(80);
    let target = &parsed[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = Request::builder().method(method).uri(target).header(header::HOST, format!("{host}:{port}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body)).map_err(|error| failed(error.to_string()))?;
    let exchange = async {
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(|e| e.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
            Ok(Reply { status: head.status, headers: head.headers, body })
        };
        tokio::pin!(answer);
        tokio::select! {
            reply = &mut answer => reply,
            // The connection may end before the answer was read from it whole; then the answer decides.
            _ = connection => answer.await,
        }
    };
    match tokio::time::timeout(limit, exchange).await {
        Ok(result) => result.map_err(failed),
        Err(_) => Err(failed(format!("no answer within {} s", limit.as_secs()))),
    }
}
