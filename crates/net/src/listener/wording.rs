//! What hyper says by itself, in our words.
//!
//! hyper answers what it cannot parse without asking anybody: 400, 414 or 431, without a body. A webhook's sender is
//! promised JSON with every refusal. hyper has no hook for this, so its bytes are exchanged on their way out. Which are
//! its own is told by what happened, never by how they look: bytes that are written while no request waits for its
//! answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use super::refusal::Refusal;

/// No request waits for its answer, and all that was said is written.
const IDLE: u8 = 0;
/// A request waits for its answer, or for the rest of it.
const ANSWERING: u8 = 1;
/// The answer is complete, though not all of it may be written.
const ANSWERED: u8 = 2;

/// What a connection's stream and its service know of each other.
#[derive(Clone, Default)]
pub(crate) struct Exchange(Arc<Progress>);

#[derive(Default)]
struct Progress {
    step: AtomicU8,
    /// Told when an answer is written.
    written: Notify,
}

impl Exchange {
    /// A request came. Whoever answers it keeps what is returned until the last byte of the answer is handed over.
    pub(crate) fn begin(&self) -> Answering {
        self.0.step.store(ANSWERING, Ordering::Release);
        Answering(self.clone())
    }

    /// Waits until an answer is written. It may be one of before, if nobody waited then.
    pub(crate) async fn answered(&self) {
        self.0.written.notified().await;
    }

    fn is_idle(&self) -> bool {
        self.0.step.load(Ordering::Acquire) == IDLE
    }

    fn written(&self) {
        // Fails while an answer is not complete, which is as it should be.
        if self.0.step.compare_exchange(ANSWERED, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.0.written.notify_one();
        }
    }
}

/// An answer under way; dropped with its body.
pub(crate) struct Answering(Exchange);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.step.store(ANSWERED, Ordering::Release);
    }
}

/// A stream on which refusals that nobody asked for are replaced by ours.
pub(crate) struct Worded<S> {
    stream: S,
    exchange: Exchange,
    /// Our refusal, as far as it is not written. Once it is there, hyper is not heard any more.
    ours: Option<Bytes>,
}

impl<S> Worded<S> {
    pub(crate) fn new(stream: S, exchange: Exchange) -> Self {
        Self { stream, exchange, ours: None }
    }

    /// Whether these bytes are hyper's own. They are taken, and ours will be written.
    fn replaces(&mut self, said: &[u8]) -> bool {
        if self.ours.is_none() && self.exchange.is_idle() {
            let refusal = match said.get(9..12) {
                Some(b"431") => Refusal::LongHead,
                Some(b"414") => Refusal::LongAddress,
                _ => Refusal::NotHttp,
            };
            refusal.log(None);
            self.ours = Some(refusal.bytes());
        }
        self.ours.is_some()
    }
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    fn poll_ours(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(ours) = self.ours.as_mut().filter(|ours| !ours.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, ours))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            ours.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        if self.replaces(first) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_ours(cx))?;
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        // hyper flushes when it has written all that it had.
        this.exchange.written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_ours(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
