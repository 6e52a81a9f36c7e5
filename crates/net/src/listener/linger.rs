//! A stream that is closed without cutting off what it said last.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Closes in two steps: says that nothing more comes, then reads and throws away what still arrives, until the peer
/// closes too or the time is over.
///
/// A socket that is closed with unread bytes in it sends a reset, and the reset overtakes our answer: a client that is
/// busy sending a body that we refused would never see the 413.
///
/// Meanwhile it gives its place among the connections back: whoever never closes must not keep the others out.
pub(crate) struct Lingering<S> {
    stream: S,
    time: Duration,
    place: Place,
    /// The first step is done.
    closed: bool,
}

impl<S> Lingering<S> {
    pub(crate) fn new(stream: S, time: Duration, place: Place) -> Self {
        Self { stream, time, place, closed: false }
    }
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// The second step. A stream on which the first was never done is dropped: there was nothing to say, or nobody to
    /// hear it.
    pub(crate) async fn linger(mut self) {
        if self.closed && self.place.linger() {
            let time = self.time;
            if timeout(time, poll_fn(|cx| self.poll_rest(cx))).await.is_err() {
                tracing::trace!("The peer of a connection that we closed did not close it");
            }
        }
    }

    /// Throws away what still arrives.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut thrown_away = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut thrown_away);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // The peer closed too, or is gone: either way there is nobody left to be polite to.
                _ => return Poll::Ready(()),
            }
        }
    }
}

/// What a connection holds of a bounded number.
pub(crate) enum Place {
    /// Nothing: it is bounded elsewhere.
    Uncounted,
    /// One of the connections; it is exchanged for one of `lingering`.
    Connection {
        /// The place.
        _held: OwnedSemaphorePermit,
        /// Places for connections that linger.
        lingering: Arc<Semaphore>,
    },
    /// One of those that linger.
    Lingering {
        /// The place.
        _held: OwnedSemaphorePermit,
    },
}

impl Place {
    /// Exchanges the place. `false`: nobody else may linger.
    fn linger(&mut self) -> bool {
        if let Self::Connection { lingering, .. } = self {
            let place = Arc::clone(lingering).try_acquire_owned();
            let free = place.is_ok();
            *self = place.map_or(Self::Uncounted, |held| Self::Lingering { _held: held });
            return free;
        }
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        this.closed = true;
        Poll::Ready(Ok(()))
    }
}
