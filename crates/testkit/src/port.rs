//! A listening port that can be closed and opened again, and the bodies that pass through it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// The body of an answer: some bytes, or a file that is streamed.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer to an HTTP request.
pub(crate) type Answer = Response<Body>;

/// Instead of an answer: the connection is closed.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer, as the script says")]
pub(crate) struct Hangup;

/// A body of these bytes.
pub(crate) fn bytes_body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that streams a file from disk.
pub(crate) async fn file_body(path: &Path) -> io::Result<Body> {
    let file = tokio::fs::File::open(path).await?;
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; 64 * 1024];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok((read > 0).then(|| (Frame::data(Bytes::from(chunk)), file)))
    });
    Ok(StreamBody::new(chunks).boxed_unsync())
}

/// The same answer, whose body breaks off in the middle.
pub(crate) async fn truncated(answer: Answer) -> Result<Answer, Hangup> {
    let (mut head, body) = answer.into_parts();
    let bytes = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = bytes.slice(..bytes.len() / 2);
    let cut = Err(io::Error::other("cut off, as the script says"));
    Ok(Response::from_parts(head, StreamBody::new(stream::iter([Ok(Frame::data(half)), cut])).boxed_unsync()))
}

/// Whoever answers the requests that come to a port.
#[async_trait]
pub(crate) trait Serve: Send + Sync + 'static {
    /// Answers one request.
    async fn serve(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Result<Answer, Hangup>;
}

/// Whoever talks over the connections that come to a port.
#[async_trait]
pub(crate) trait Talk: Send + Sync + 'static {
    /// Holds one conversation.
    async fn talk(self: Arc<Self>, stream: TcpStream, peer: SocketAddr);
}

/// HTTP over each connection.
pub(crate) struct Http<S>(pub(crate) Arc<S>);

#[async_trait]
impl<S: Serve> Talk for Http<S> {
    async fn talk(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // As Node does: an answer that comes in small pieces comes at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "A connection to a fake sends no small pieces at once");
        }
        let serve = service_fn(|request| Arc::clone(&self.0).serve(request, peer));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), serve)
            .with_upgrades();
        if let Err(error) = connection.await {
            tracing::debug!(%peer, %error, "A connection to a fake ended early");
        }
    }
}

/// A port on loopback, chosen by the system.
pub(crate) struct Port {
    local: SocketAddr,
    talk: Arc<dyn Talk>,
    open: Mutex<Option<Open>>,
}

struct Open {
    cancel: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Port {
    /// Binds a port and lets `talk` answer.
    pub(crate) async fn bind(talk: Arc<dyn Talk>) -> io::Result<Self> {
        Self::bind_at(TcpListener::bind(("127.0.0.1", 0)).await?, talk)
    }

    /// Lets `talk` answer at a port that is bound already.
    pub(crate) fn bind_at(listener: TcpListener, talk: Arc<dyn Talk>) -> io::Result<Self> {
        let local = listener.local_addr()?;
        let open = Open::new(listener, &talk);
        Ok(Self { local, talk, open: Mutex::new(Some(open)) })
    }

    /// Where it listens.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Refuses connections from now on and cuts off those that are open. Returns once that is so.
    pub(crate) async fn close(&self) {
        if let Some(mut open) = self.open.lock().await.take() {
            open.cancel.cancel();
            if let Err(error) = (&mut open.accepting).await {
                tracing::warn!(%error, "The accept loop of a fake failed");
            }
        }
    }

    /// Listens at the same port again.
    pub(crate) async fn open(&self) -> io::Result<()> {
        let mut open = self.open.lock().await;
        if open.is_none() {
            *open = Some(Open::new(TcpListener::bind(self.local).await?, &self.talk));
        }
        Ok(())
    }
}

impl Open {
    fn new(listener: TcpListener, talk: &Arc<dyn Talk>) -> Self {
        let cancel = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, Arc::clone(talk), cancel.clone()));
        Self { cancel, accepting }
    }
}

/// Accepts until cancelled; the connections end with it, since the set that holds them is dropped.
async fn accept(listener: TcpListener, talk: Arc<dyn Talk>, cancel: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(Arc::clone(&talk).talk(stream, peer));
                }
                Err(error) => tracing::warn!(%error, "A fake could not accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
