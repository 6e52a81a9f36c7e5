//! How a driver offers a file of the spool to the other side by a link.
//!
//! Some platforms do not take a large file; they fetch it from an address that we name. The link leads to the listener
//! on which the driver receives its webhooks. It is signed and expires, so that whoever does not hold it finds nothing.
//!
//! The file must be in the spool for as long as the link is to work. While a delivery with that file is unsettled it is:
//! files are removed only after the last delivery that needs them has settled, and a send that offers one settles only
//! when the other side has answered, which it does after fetching.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::spool::SpoolId;

/// A file, and what the other side is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOffer {
    /// The file in the spool.
    pub file: SpoolId,
    /// Its name. What is harmless of it (Latin letters, digits, `.`, `-` and `_`) stands at the end of the link with its
    /// extension, since many guess the type by that.
    pub name: String,
    /// Its MIME type, sent as `Content-Type`. `application/octet-stream` is sent if it is none.
    pub mime: String,
    /// How long the link works. A transfer that has begun by then may finish.
    pub lives: Duration,
}

/// A link to a file, without the host. Its text is a secret until it has expired: whoever knows it gets the file.
#[derive(Clone, PartialEq, Eq)]
pub struct OfferedFile {
    /// The path, beginning with `/`: Latin letters, digits, `/`, `.`, `-` and `_` only, without a query.
    pub path: String,
}

impl OfferedFile {
    /// The whole address: the path behind the base address under which the other side reaches the listener. A `/` at the
    /// end of `base` does not count.
    pub fn under(&self, base: &str) -> String {
        format!("{}{}", base.trim_end_matches('/'), self.path)
    }
}

impl fmt::Debug for OfferedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfferedFile(…)")
    }
}

/// Why a file cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// Nothing is mounted on that host and port, so nobody would answer. It may be later: try again.
    #[error("no file can be offered at {host}:{port}, since nothing is received there now")]
    NotListening {
        /// The host that was asked for.
        host: String,
        /// The port that was asked for.
        port: u16,
    },
    /// This listener offers no files at all.
    #[error("this listener offers no files")]
    Unsupported,
    /// The file is not in the spool (an error of kind `NotFound`), or the disk refused.
    #[error("the file to be offered is not in the media spool: {0}")]
    Spool(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stands_behind_its_base_and_is_not_shown() {
        let offered = OfferedFile { path: "/files/a".to_owned() };
        assert_eq!(offered.under("http://relay:8094"), "http://relay:8094/files/a");
        assert_eq!(offered.under("https://relay.example.com/wa/"), "https://relay.example.com/wa/files/a");
        assert_eq!(format!("{offered:?}"), "OfferedFile(…)");
    }
}
