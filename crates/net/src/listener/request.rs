//! The way of one request through the limits.
//!
//! Whoever sends a body need not know a token yet, so what bodies take together is bounded: small ones by the number of
//! connections, and what goes beyond by a budget of the port. Nothing that stalls in a large body can take the small
//! ones' place.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use tieline_core::webhook::{WebhookHandler, WebhookRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::files::{Offered, Reply};
use super::limits::ListenerLimits;
use super::refusal::{Refusal, respond};

/// A handler with its limit on bodies, in bytes.
pub(crate) type Limited = (usize, Arc<dyn WebhookHandler>);
/// Those who answer requests to one path, in the order in which they were mounted.
pub(crate) type Handlers = Arc<[Limited]>;

/// What bounds the bodies of a port.
pub(crate) struct Bounds {
    limits: ListenerLimits,
    /// A permit is a byte.
    large_bodies: Arc<Semaphore>,
}

impl Bounds {
    pub(crate) fn new(limits: ListenerLimits) -> Self {
        let large_bodies = Arc::new(Semaphore::new(limits.large_bodies.min(Semaphore::MAX_PERMITS)));
        Self { limits, large_bodies }
    }

    pub(crate) fn limits(&self) -> &ListenerLimits {
        &self.limits
    }
}

/// A body with the room that it takes of the budget.
struct Received {
    body: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Who answers requests to a path.
pub(crate) enum Door {
    /// The handlers that are mounted there.
    Webhook(Handlers),
    /// A file to which a good link leads.
    File(Offered),
}

/// Answers one request. `door` is what its path leads to, if anything.
pub(crate) async fn answer<B>(
    request: Request<B>,
    door: Option<Door>,
    bounds: &Bounds,
    peer: SocketAddr,
) -> Response<Reply>
where
    B: Body<Data = Bytes> + Unpin,
{
    let answered = if request.headers().get_all(HOST).iter().nth(1).is_some() {
        Err(Refusal::TwoHosts)
    } else {
        match door {
            None => Err(Refusal::WrongPath),
            Some(Door::Webhook(handlers)) => ask(request, &handlers, bounds, peer).await.map(|r| r.map(Either::Left)),
            Some(Door::File(file)) => file.answer(request.method(), request.headers()).await,
        }
    };
    answered.unwrap_or_else(|refusal| {
        refusal.log(Some(&format!("from {}", peer.ip())));
        refusal.answer().map(Either::Left)
    })
}

async fn ask<B>(
    request: Request<B>,
    handlers: &[Limited],
    bounds: &Bounds,
    peer: SocketAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    if request.method() != Method::POST {
        return Err(Refusal::WrongMethod);
    }
    let (head, body) = request.into_parts();
    let longest = handlers.iter().map(|(limit, _)| *limit).max().unwrap_or(0);
    let received = read(body, longest, bounds).await?;
    let request = WebhookRequest {
        method: head.method,
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body: received.body.clone(),
        peer,
    };
    let fitting = || handlers.iter().filter(|(limit, _)| request.body.len() <= *limit).map(|(_, handler)| handler);
    for handler in fitting() {
        if let Some(answer) = handler.handle(&request).await {
            return Ok(respond(answer));
        }
    }
    if let Some(answer) = fitting().find_map(|handler| handler.unclaimed(&request)) {
        return Ok(respond(answer));
    }
    Err(if fitting().next().is_some() { Refusal::Unknown } else { Refusal::TooLarge })
}

/// Reads a body of at most `limit` bytes. Memory is taken only for what has arrived.
async fn read<B>(mut body: B, limit: usize, bounds: &Bounds) -> Result<Received, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    // hyper knows the declared length; a chunked body has none.
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::TooLarge);
    }
    let limits = &bounds.limits;
    let mut room: Option<OwnedSemaphorePermit> = None;
    let end = Instant::now() + limits.body_time;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let patience = end.min(Instant::now() + limits.body_stall);
        let frame = match timeout_at(patience, body.frame()).await {
            Err(_) => return Err(Refusal::Stalled),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Refusal::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers say nothing to us.
        let Ok(piece) = frame.into_data() else { continue };
        let length = first.len() + all.len() + piece.len();
        if length > limit {
            return Err(Refusal::TooLarge);
        }
        let large = length.saturating_sub(limits.small_body);
        let missing = large - room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if missing > 0 {
            let missing = u32::try_from(missing).map_err(|_| Refusal::NoRoom)?;
            let more = Arc::clone(&bounds.large_bodies).try_acquire_many_owned(missing);
            let more = more.map_err(|_| Refusal::NoRoom)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
        }
        // Most bodies come in one piece, which need not be copied.
        if first.is_empty() && all.is_empty() {
            first = piece;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&piece);
        }
    }
    Ok(Received { body: if all.is_empty() { first } else { all.freeze() }, _room: room })
}
