//! Posts over connections that go straight to the server, by HTTP/1.1, with nothing in between.
//!
//! What must stay true is what [`client`](mod@crate::client) promises: timeouts, pooled connections and what is known of a
//! request that got no answer.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service;
use url::{Host, Url};

use crate::client::{ClientError, ClientSettings, KEEPALIVE, POOL_IDLE, POOL_SIZE, STALLED_WRITE};
use crate::dial::{Place, is_direct};
use crate::endpoint::{Answered, Unanswered};
use crate::failure::{Transport, words};
use crate::tls::http1_config;

/// Longer than any request takes; what counts is the limit that is set.
const NO_LIMIT: Duration = Duration::from_hours(365 * 24);

type Line = SendRequest<Full<Bytes>>;

/// A server, and the path on it that is posted to.
pub(crate) struct Straight {
    /// Scheme, host and port.
    server: Uri,
    /// What the server's certificate must be for; `None` without TLS.
    certified: Option<ServerName<'static>>,
    path: Uri,
    headers: HeaderMap,
    connector: HttpConnector<Names>,
    connect_timeout: Duration,
    read_timeout: Duration,
    total_timeout: Duration,
    idle: Arc<Idle>,
}

impl fmt::Debug for Straight {
    // The path may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Straight").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Straight {
    /// `None` if something is in the way: a proxy, credentials in the URL, or redirects to be followed.
    pub(crate) fn to(url: &Url, settings: &ClientSettings) -> Result<Option<Self>, ClientError> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Ok(None),
        };
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Ok(None) };
        let place = Place { host: host.to_string(), port, tls };
        let plain = url.username().is_empty() && url.password().is_none() && settings.redirects == 0;
        if !plain || !is_direct(&place, &settings.proxy)? {
            return Ok(None);
        }
        let unusable = |what: &str| ClientError::Build(format!("{what} cannot be used in a request"));
        let uri = |text: &str| text.parse::<Uri>().map_err(|_| unusable("the address"));
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let certified = match host {
            _ if !tls => None,
            Host::Domain(name) => Some(ServerName::try_from(name.to_owned()).map_err(|_| unusable("the host's name"))?),
            Host::Ipv4(address) => Some(ServerName::IpAddress(std::net::IpAddr::from(address).into())),
            Host::Ipv6(address) => Some(ServerName::IpAddress(std::net::IpAddr::from(address).into())),
        };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let value = |text: &str, what: &str| HeaderValue::from_str(text).map_err(|_| unusable(what));
        let headers = [
            (HOST, value(&authority, "the host's name")?),
            (USER_AGENT, value(&settings.user_agent, "our name")?),
            (ACCEPT, HeaderValue::from_static("*/*")),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        Ok(Some(Self {
            server: uri(&format!("{}://{authority}", url.scheme()))?,
            certified,
            path: uri(&format!("{}{query}", url.path()))?,
            headers: headers.into_iter().collect(),
            connector: connector(),
            connect_timeout: settings.connect_timeout,
            read_timeout: settings.read_timeout.unwrap_or(NO_LIMIT),
            total_timeout: settings.total_timeout.unwrap_or(NO_LIMIT),
            idle: Arc::default(),
        }))
    }

    /// Posts and reads the answer, of at most so many bytes.
    pub(crate) async fn post(&self, body: Bytes, limit: usize) -> Result<Answered, Unanswered> {
        let end = Instant::now() + self.total_timeout;
        let (line, answer) = self.in_time(end, self.send(body)).await??;
        let (head, mut rest) = answer.into_parts();
        if rest.size_hint().lower() > limit as u64 {
            return Err(Unanswered::TooLong);
        }
        let mut body = Vec::with_capacity(rest.size_hint().lower() as usize);
        while let Some(frame) = self.in_time(end, rest.frame()).await? {
            let frame = frame.map_err(|error| unknown(words(&error, "the answer cannot be read")))?;
            let Some(data) = frame.data_ref() else { continue };
            if body.len() + data.len() > limit {
                return Err(Unanswered::TooLong);
            }
            body.extend_from_slice(data);
        }
        self.idle.put(line);
        Ok(Answered { status: head.status, headers: head.headers, body })
    }

    /// Waits for the next piece of an answer, until the request's end at the latest.
    async fn in_time<T>(&self, end: Instant, piece: impl Future<Output = T>) -> Result<T, Unanswered> {
        let end = end.min(Instant::now() + self.read_timeout);
        timeout_at(end, piece).await.map_err(|_| unknown("timed out without an answer".to_owned()))
    }

    /// Sends the request over an idle connection, or a new one. Returns the answer's head.
    async fn send(&self, body: Bytes) -> Result<(Line, Response<Incoming>), Unanswered> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = self.headers.clone();
        loop {
            let (mut line, is_new) = match self.idle.take() {
                Some(line) => (line, false),
                // In a box, since it is needed seldom, and would make every send's future many times as large.
                None => (Box::pin(self.connect()).await?, true),
            };
            match line.try_send_request(request).await {
                Ok(answer) => return Ok((line, answer)),
                Err(mut error) => match error.take_message() {
                    // The connection was closed while it was idle, and nothing of the request was written.
                    Some(unsent) if !is_new => request = unsent,
                    Some(_) => return Err(not_sent(words(error.error(), "the request failed"))),
                    None => return Err(unknown(words(error.error(), "the request failed"))),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Line, Unanswered> {
        let failed = |error: &(dyn std::error::Error + 'static)| not_sent(words(error, "cannot connect"));
        let connect = async {
            let call = self.connector.clone().call(self.server.clone());
            let stream = call.await.map_err(|error| failed(&error))?.into_inner();
            match &self.certified {
                None => speak(stream).await.map_err(|error| failed(&error)),
                Some(name) => {
                    let tls = TlsConnector::from(http1_config()).connect(name.clone(), stream);
                    speak(tls.await.map_err(|error| failed(&error))?).await.map_err(|error| failed(&error))
                }
            }
        };
        timeout(self.connect_timeout, connect)
            .await
            .unwrap_or_else(|_| Err(not_sent("timed out while connecting".to_owned())))
    }
}

fn not_sent(why: String) -> Unanswered {
    Unanswered::Lost { outcome: Transport::NotSent, why }
}

fn unknown(why: String) -> Unanswered {
    Unanswered::Lost { outcome: Transport::Unknown, why }
}

async fn speak<S>(stream: S) -> hyper::Result<Line>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (line, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // How it ended is told to whoever waits for an answer; nobody else needs to know.
        drop(connection.await);
    });
    Ok(line)
}

/// Connects as reqwest does: the addresses of both families in turn, with the same watch over silent connections.
fn connector() -> HttpConnector<Names> {
    let mut connector = HttpConnector::new_with_resolver(Names(GaiResolver::new()));
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE));
    connector.set_tcp_user_timeout(Some(STALLED_WRITE));
    connector
}

/// Connections that nobody uses, the one that was used last at the end.
#[derive(Default)]
struct Idle {
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    idle: Vec<(Line, Instant)>,
    /// Somebody comes by to close what is idle for too long.
    swept: bool,
}

impl Idle {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Nothing that holds this lock can panic between two changes that belong together.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Line> {
        let mut lines = self.lines();
        lines.sweep();
        // One whose answer was read this moment may not have looked for its next request yet.
        let newest = lines.idle.iter().rposition(|(line, _)| line.is_ready())?;
        Some(lines.idle.remove(newest).0)
    }

    fn put(self: &Arc<Self>, line: Line) {
        let mut lines = self.lines();
        lines.idle.push((line, Instant::now()));
        if lines.idle.len() > POOL_SIZE {
            lines.idle.remove(0);
        }
        if !std::mem::replace(&mut lines.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }
}

impl Lines {
    /// Closes what is idle for too long, and forgets what the server closed.
    fn sweep(&mut self) {
        let now = Instant::now();
        self.idle.retain(|(line, since)| now - *since < POOL_IDLE && !line.is_closed());
    }
}

/// Comes by until nothing is idle.
async fn sweep(idle: Weak<Idle>) {
    loop {
        tokio::time::sleep(POOL_IDLE).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut lines = idle.lines();
        lines.sweep();
        if lines.idle.is_empty() {
            lines.swept = false;
            return;
        }
    }
}

/// The system's names, with errors that can be told from others.
#[derive(Clone)]
struct Names(GaiResolver);

/// A name that the system cannot resolve.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Unresolved(io::Error);

impl Service<Name> for Names {
    type Response = GaiAddrs;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<GaiAddrs, Unresolved>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        self.0.poll_ready(cx).map_err(Unresolved)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.0.call(name);
        Box::pin(async { found.await.map_err(Unresolved) })
    }
}
