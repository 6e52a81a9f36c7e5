//! Files of the spool, as answers.
//!
//! A file is read as fast as the client takes it, one small piece at a time. The spool keeps it while a delivery that
//! needs it is unsettled; if it is removed during a transfer, the open file can still be read to its end.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use tieline_core::offer::{FileOffer, OfferError};
use tieline_core::spool::MediaSpool;
use tieline_core::webhook::WebhookResponse;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, Take};
use tokio::time::Instant;
use tokio_util::io::ReaderStream;

use super::links::{Linked, Links};
use super::range::{Wanted, wanted};
use super::refusal::{Refusal, respond};
use crate::client::upload_time;

/// How many bytes are read at once; with what hyper holds, this is what a transfer costs.
const PIECE: usize = 64 * 1024;

/// What is answered: a few bytes, or a file.
pub(crate) type Reply = Either<Full<Bytes>, FileBody>;

/// The files that are offered, at every port of a process.
pub(crate) struct Files {
    links: Links,
    /// What the age of the links' key is counted from.
    since: Instant,
    /// Empty: no file is offered.
    spool: OnceLock<Arc<dyn MediaSpool>>,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self { links: Links::new(), since: Instant::now(), spool: OnceLock::new() }
    }

    /// Names the spool; the first that is named stays.
    pub(crate) fn offer_from(&self, spool: Arc<dyn MediaSpool>) {
        if self.spool.set(spool).is_err() {
            tracing::debug!("The listeners offer files of another spool already");
        }
    }

    /// A link that works at the socket `at`.
    pub(crate) async fn link(&self, at: std::net::SocketAddr, offer: &FileOffer) -> Result<String, OfferError> {
        let spool = self.spool.get().ok_or(OfferError::Unsupported)?;
        spool.open(&offer.file).await?;
        Ok(self.links.sign(at, self.since.elapsed(), offer))
    }

    /// What a path leads to at the socket `at`.
    pub(crate) fn at_path(&self, at: std::net::SocketAddr, path: &str) -> Option<Offered> {
        let spool = Arc::clone(self.spool.get()?);
        let linked = self.links.read(at, self.since.elapsed(), path)?;
        Some(Offered { linked, spool })
    }
}

/// A file to which a good link led.
pub(crate) struct Offered {
    linked: Linked,
    spool: Arc<dyn MediaSpool>,
}

impl Offered {
    /// Answers a request for it.
    pub(crate) async fn answer(&self, method: &Method, headers: &HeaderMap) -> Result<Response<Reply>, Refusal> {
        if method != Method::GET && method != Method::HEAD {
            return Err(Refusal::NoRead);
        }
        match self.read(method, headers).await {
            // A link that outlived its file is as good as expired.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Refusal::WrongPath),
            Err(error) => {
                Refusal::Unreadable.log(Some(&error.to_string()));
                Err(Refusal::Unreadable)
            }
            Ok(response) => Ok(response),
        }
    }

    async fn read(&self, method: &Method, headers: &HeaderMap) -> io::Result<Response<Reply>> {
        let path = self.spool.open(&self.linked.file).await?;
        let mut file = File::open(&path).await?;
        let size = file.metadata().await?.len();
        let tag = format!("\"{}\"", self.linked.file);
        // A range is defined for GET alone.
        let wanted = if method == Method::GET { wanted(headers, size, &tag) } else { Wanted::Whole };
        let (status, first, length) = match wanted {
            Wanted::Whole => (StatusCode::OK, 0, size),
            Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
            Wanted::Nothing => return Ok(out_of_range(size)),
        };
        let body = if method == Method::GET {
            file.seek(SeekFrom::Start(first)).await?;
            Either::Right(FileBody::new(file, length))
        } else {
            Either::Left(Full::default())
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, length.into());
        set(headers, CONTENT_TYPE, &self.linked.mime);
        set(headers, CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", self.linked.name));
        set(headers, ETAG, &tag);
        if status == StatusCode::PARTIAL_CONTENT {
            set(headers, CONTENT_RANGE, &format!("bytes {first}-{}/{size}", first + length - 1));
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        Ok(response)
    }
}

fn out_of_range(size: u64) -> Response<Reply> {
    let refused = WebhookResponse::refuse(StatusCode::RANGE_NOT_SATISFIABLE, "the file does not have these bytes");
    let mut response = respond(refused).map(Either::Left);
    set(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// Sets a header to text of ours.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(error) => tracing::error!(%error, %name, "A header of an offered file was left out"),
    }
}

/// The methods that [`Offered::answer`] understands.
pub(crate) fn allow_reading(headers: &mut HeaderMap) {
    headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
}

/// A part of a file, on its way.
pub(crate) struct FileBody {
    pieces: ReaderStream<Take<File>>,
    /// How many bytes are still to come.
    left: u64,
    /// When the transfer is given up, however little is missing.
    until: Instant,
}

impl FileBody {
    /// Reads on from where the file stands.
    fn new(file: File, length: u64) -> Self {
        let pieces = ReaderStream::with_capacity(file.take(length), PIECE);
        Self { pieces, left: length, until: Instant::now() + upload_time(length) }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        // It need not wake anybody: while nothing moves, the connection's own limit ends it.
        if Instant::now() >= self.until {
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly"))));
        }
        let piece = match ready!(Pin::new(&mut self.pieces).poll_next(cx)) {
            Some(piece) => piece?,
            None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        };
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
