//! The accept loop.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::limits::ListenerLimits;
use super::linger::{Lingering, Place};
use super::refusal::Refusal;
use super::stall::Impatient;
use super::wording::{Answering, Exchange, Worded};

/// How many connections are told at one time that there are too many. Beyond that they are closed without a word.
const REFUSALS: usize = 64;
/// How long we wait when the system has no file left for another connection.
const PAUSE: Duration = Duration::from_millis(100);
/// Largest piece of a body that is read at once, and with it what a connection keeps allocated.
const READ_BUFFER: usize = 64 * 1024;

/// Where connections come from.
pub trait Accept: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What is known of who connected.
    type Peer: Send + 'static;

    /// Waits for the next connection. Must lose none when it is dropped while waiting.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // An answer is one small packet; it must not wait for another one to fill it.
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;
    type Peer = tokio::net::unix::SocketAddr;

    async fn accept(&mut self) -> io::Result<(UnixStream, tokio::net::unix::SocketAddr)> {
        UnixListener::accept(self).await
    }
}

/// Serves connections until `stop` resolves; its value is how long requests in flight may still take.
///
/// `service` makes the service of one connection from its peer. For an axum router:
/// `|_| TowerToHyperService::new(router.clone())`. Of the limits, those on bodies are the service's own business.
///
/// All connections end with this future, also when it is dropped.
pub async fn serve<A, M, S, B>(
    mut listener: A,
    service: M,
    limits: &ListenerLimits,
    stop: impl Future<Output = Duration>,
) where
    A: Accept,
    M: Fn(A::Peer) -> S,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_header_size(limits.head_size)
        .max_buf_size(READ_BUFFER.max(limits.head_size));
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let lingering = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut refusals = JoinSet::new();
    let mut stop = pin!(stop);

    let mut full = false;
    let grace = loop {
        let place = tokio::select! {
            grace = &mut stop => break grace,
            place = turn(&places, if full { Duration::ZERO } else { limits.turn }) => place,
        };
        let accepted = tokio::select! {
            grace = &mut stop => break grace,
            accepted = listener.accept() => accepted,
        };
        // Whoever came late may find a place that was taken when we looked.
        let place = place.or_else(|| Arc::clone(&places).try_acquire_owned().ok());
        full = place.is_none();
        while connections.try_join_next().is_some() || refusals.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                if let Some(held) = place {
                    let place = Place::Connection { _held: held, lingering: Arc::clone(&lingering) };
                    let stream = Lingering::new(stream, limits.linger, place);
                    let exchange = Exchange::default();
                    let stream = Worded::new(Impatient::new(stream, limits.answer_stall), exchange.clone());
                    let service = heard(service(peer), exchange);
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    let connection = open.watch(connection);
                    connections.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "A connection ended badly");
                        }
                    });
                } else {
                    Refusal::TooManyConnections.log(None);
                    if refusals.len() < REFUSALS {
                        refusals.spawn(refuse(Lingering::new(stream, limits.linger, Place::Uncounted)));
                    }
                }
            }
            // The peer was gone before we looked.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                Refusal::NotAccepted.log(Some(&error.to_string()));
                tokio::select! {
                    grace = &mut stop => break grace,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    };

    drop(listener);
    if tokio::time::timeout(grace, open.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "Requests in flight were cut off, since we are stopping");
    }
    connections.shutdown().await;
}

/// A place among the connections, as soon as there is one; `None` if none becomes free in this time.
///
/// Waiting for it before a connection is accepted leaves those that come in the system's queue, where they cost us nothing.
async fn turn(places: &Arc<Semaphore>, patience: Duration) -> Option<OwnedSemaphorePermit> {
    tokio::time::timeout(patience, Arc::clone(places).acquire_owned()).await.ok()?.ok()
}

/// The same service, of which the connection's stream knows whether it is to answer anything.
fn heard<S, B>(
    service: S,
    exchange: Exchange,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl Body<Data = B::Data, Error = B::Error> + Send + 'static>,
    Error = Box<dyn Error + Send + Sync>,
    Future: Send,
> + Send
+ 'static
where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
{
    hyper::service::service_fn(move |request| {
        let answering = exchange.begin();
        let answer = service.call(request);
        async move {
            let answer = answer.await.map_err(Into::into)?;
            // The closure lives as long as the body does.
            Ok(answer.map(|body| {
                body.map_err(move |error| {
                    let _: &Answering = &answering;
                    error
                })
            }))
        }
    })
}

/// Says that there are too many connections, without hyper: its state is what we cannot spare now.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: Lingering<S>) {
    let said = async {
        stream.write_all(&Refusal::TooManyConnections.bytes()).await?;
        stream.shutdown().await
    };
    if let Err(error) = said.await {
        tracing::debug!(%error, "A connection that we refused did not wait for the reason");
    }
}
