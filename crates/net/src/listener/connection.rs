//! The course of one connection: hyper talks, then nothing of it is left while the rest is read.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::linger::Lingering;
use super::stall::Impatient;
use super::wording::{Answering, Exchange, Worded};

/// What all connections of a listener have in common.
pub(crate) struct Course {
    pub(crate) http: http1::Builder,
    /// See [`ListenerLimits::answer_stall`](super::ListenerLimits::answer_stall).
    pub(crate) answer_stall: Duration,
    /// See [`ListenerLimits::newcomer_time`](super::ListenerLimits::newcomer_time).
    pub(crate) newcomer_time: Duration,
    /// The listener stops: what is under way is answered, and nothing more is read.
    pub(crate) stopping: CancellationToken,
}

impl Course {
    /// Serves a connection to its end. `newcomer` is given back with its first answer, or when it is none any more.
    pub(crate) async fn run<I, S, B>(
        self: Arc<Self>,
        mut stream: Lingering<I>,
        service: S,
        newcomer: Option<OwnedSemaphorePermit>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin + Send,
        S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let exchange = Exchange::default();
        let service = heard(service, exchange.clone());
        let io = Worded::new(Impatient::new(&mut stream, self.answer_stall), exchange.clone());
        // hyper and its buffers are most of what a connection costs. In a box they are gone before it lingers.
        let mut served = Box::pin(async {
            let mut connection = pin!(self.http.serve_connection(TokioIo::new(io), service));
            tokio::select! {
                ended = &mut connection => return ended,
                () = self.stopping.cancelled() => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        });
        let greeted = async {
            if tokio::time::timeout(self.newcomer_time, exchange.answered()).await.is_err() {
                tracing::trace!("A connection takes its time");
            }
            drop(newcomer);
        };
        let ended = tokio::select! {
            ended = &mut served => ended,
            () = greeted => served.as_mut().await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "A connection ended badly");
        }
        drop(served);
        stream.linger().await;
    }
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
