//! The accept loop.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::Course;
use super::limits::ListenerLimits;
use super::linger::{Lingering, Place};
use super::refusal::Refusal;

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
    let course = Arc::new(Course {
        http,
        answer_stall: limits.answer_stall,
        newcomer_time: limits.newcomer_time,
        stopping: CancellationToken::new(),
    });
    let newcomers = Arc::new(Semaphore::new(limits.newcomers));
    let places = Arc::new(Semaphore::new(limits.connections));
    let lingering = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut refusals = JoinSet::new();
    let mut stop = pin!(stop);

    let mut full = false;
    let grace = loop {
        let newcomer = tokio::select! {
            grace = &mut stop => break grace,
            // Nobody closes this semaphore.
            newcomer = Arc::clone(&newcomers).acquire_owned() => newcomer.ok(),
        };
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
                    connections.spawn(Arc::clone(&course).run(stream, service(peer), newcomer));
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
    course.stopping.cancel();
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, ended).await.is_err() {
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

/// Says that there are too many connections, without hyper: its state is what we cannot spare now.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: Lingering<S>) {
    let said = async {
        stream.write_all(&Refusal::TooManyConnections.bytes()).await?;
        stream.shutdown().await
    };
    if let Err(error) = said.await {
        tracing::debug!(%error, "A connection that we refused did not wait for the reason");
    }
    stream.linger().await;
}
