//! Payloads that come compressed: all of one connection are one zlib stream, flushed behind each payload
//! (`compress=zlib-stream`).

use flate2::{Decompress, FlushDecompress, Status};

/// What a payload's last message ends with.
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// What a zlib stream begins with, whatever its level (RFC 1950).
const ZLIB: u8 = 0x78;
/// The largest payload, before and after: a guild with all its channels and threads takes a few megabytes.
pub(crate) const LARGEST: usize = 32 * 1024 * 1024;

/// Unpacks the binary messages of one connection.
#[derive(Default)]
pub(crate) struct Unpacking {
    stream: Option<Decompress>,
    /// What came of the next payload until now.
    waiting: Vec<u8>,
}

impl Unpacking {
    /// Takes a message. Returns the payload that it completes. After an error nothing can be unpacked any more.
    pub(crate) fn take(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
        if self.stream.is_none() && self.waiting.is_empty() && message.first() != Some(&ZLIB) {
            // A server that does not compress.
            return Ok(Some(message.to_vec()));
        }
        if self.waiting.len() + message.len() > LARGEST {
            return Err("a payload of Discord's gateway is too large");
        }
        self.waiting.extend_from_slice(message);
        if !self.waiting.ends_with(&FLUSHED) {
            return Ok(None);
        }
        let packed = std::mem::take(&mut self.waiting);
        inflate(self.stream.get_or_insert_with(|| Decompress::new(true)), &packed).map(Some)
    }
}

fn inflate(stream: &mut Decompress, packed: &[u8]) -> Result<Vec<u8>, &'static str> {
    let before = stream.total_in();
    let mut payload = Vec::with_capacity(packed.len() * 4);
    loop {
        let taken = (stream.total_in() - before) as usize;
        let status = stream
            .decompress_vec(&packed[taken..], &mut payload, FlushDecompress::Sync)
            .map_err(|_| "what Discord's gateway says cannot be decompressed")?;
        let all_taken = stream.total_in() - before == packed.len() as u64;
        if all_taken && payload.len() < payload.capacity() {
            return Ok(payload);
        }
        if status == Status::StreamEnd {
            return Err("Discord's gateway ended what it compresses");
        }
        if payload.len() >= LARGEST {
            return Err("a payload of Discord's gateway is too large");
        }
        payload.reserve(payload.len().max(1024));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    /// A payload as the server packs it.
    fn pack(stream: &mut Compress, payload: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(payload.len() + 1024);
        stream.compress_vec(payload, &mut packed, FlushCompress::Sync).expect("it compresses");
        packed
    }

    proptest! {
        #[test]
        fn payloads_come_out_as_they_went_in(
            payloads in proptest::collection::vec("[a-z]{0,300}", 1..6), piece in 1_usize..200,
        ) {
            let mut server = Compress::new(Compression::default(), true);
            let mut client = Unpacking::default();
            for payload in &payloads {
                let packed = pack(&mut server, payload.as_bytes());
                let pieces: Vec<_> = packed.chunks(piece).collect();
                let (last, first) = pieces.split_last().expect("some bytes");
                // Pieces are cut anywhere, but not so that one seems to be the end.
                if first.iter().any(|piece| piece.ends_with(&FLUSHED)) {
                    return Ok(());
                }
                for piece in first {
                    prop_assert_eq!(client.take(piece), Ok(None));
                }
                prop_assert_eq!(client.take(last), Ok(Some(payload.clone().into_bytes())));
            }
        }

        #[test]
        fn nothing_that_comes_makes_it_panic(messages in proptest::collection::vec(any::<Vec<u8>>(), 1..5)) {
            let mut client = Unpacking::default();
            for message in messages {
                let mut message = message;
                message.insert(0, ZLIB);
                message.extend(FLUSHED);
                if client.take(&message).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_server_that_does_not_compress_is_understood() {
        assert_eq!(Unpacking::default().take(b"{\"op\":10}"), Ok(Some(b"{\"op\":10}".to_vec())));
    }

    #[test]
    fn what_grows_beyond_measure_is_refused() {
        let packed = pack(&mut Compress::new(Compression::best(), true), &vec![b' '; 2 * LARGEST]);
        assert!(packed.len() < LARGEST / 100);
        assert!(Unpacking::default().take(&packed).is_err());
    }
}
