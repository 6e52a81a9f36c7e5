//! `compress=zlib-stream`: everything that a connection is sent is one zlib stream, flushed after each payload.

use flate2::{Compress, Compression, FlushCompress, Status};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// How the payloads of one connection become messages.
pub(crate) enum Packing {
    /// Each is a text.
    Plain,
    /// Each is a binary message that ends with `00 00 ff ff`; all share one context.
    ZlibStream(Compress),
}

impl Packing {
    /// For a connection that asked for compression, or did not.
    pub(crate) fn new(compressed: bool) -> Self {
        if compressed { Self::ZlibStream(Compress::new(Compression::fast(), true)) } else { Self::Plain }
    }

    /// The message for a payload.
    pub(crate) fn pack(&mut self, payload: Utf8Bytes) -> Message {
        match self {
            Self::Plain => Message::Text(payload),
            Self::ZlibStream(stream) => Message::binary(flushed(stream, payload.as_bytes())),
        }
    }
}

/// The bytes that a zlib stream grows by when it takes these and is flushed.
fn flushed(stream: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    let before = stream.total_in();
    let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let taken = (stream.total_in() - before) as usize;
        let status = stream.compress_vec(&bytes[taken..], &mut packed, FlushCompress::Sync);
        // Only a stream that was finished before can fail, and nothing finishes this one.
        debug_assert!(matches!(status, Ok(Status::Ok | Status::BufError)), "{status:?}");
        let all_taken = stream.total_in() - before == bytes.len() as u64;
        if all_taken && packed.len() < packed.capacity() {
            return packed;
        }
        packed.reserve(packed.capacity().max(64));
    }
}
