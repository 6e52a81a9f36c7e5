//! The place where files wait on disk between their source and their targets.
//!
//! A file is written once, however many lanes need it, and is named by its content. `tieline-net` holds the spool itself;
//! this is what a driver sees of it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The name of a file in the spool: the SHA-256 of its bytes in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpoolId(String);

impl SpoolId {
    /// The name of the content with this SHA-256.
    pub fn of_digest(digest: [u8; 32]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect())
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SpoolId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // It becomes a file name, so nothing but digits may be in it.
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text))
        } else {
            Err("a spool id is 64 lower-case hexadecimal digits")
        }
    }
}

impl From<SpoolId> for String {
    fn from(id: SpoolId) -> String {
        id.0
    }
}

/// A file that is whole in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpooledFile {
    /// Its name in the spool.
    pub id: SpoolId,
    /// Its size in bytes.
    pub size: u64,
    /// What its first bytes say it is; `None` if they say nothing.
    pub sniffed: Option<&'static str>,
}

/// Why a file did not get into the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// More bytes came than were allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The disk refused; a full disk is an error of this kind.
    #[error("the media spool could not be written: {0}")]
    Disk(#[from] io::Error),
}

/// Why a file is not relayed that is over an instance's `max_file_size` of so many bytes, for people.
pub fn too_large(limit: u64) -> String {
    format!("larger than {limit} bytes")
}

/// The spool, as drivers and the relay see it.
#[async_trait]
pub trait MediaSpool: Send + Sync + 'static {
    /// Begins a file of at most `limit` bytes. Until it is finished nobody sees it, and dropping the writer removes it.
    async fn begin(&self, limit: u64) -> Result<Box<dyn SpoolWriter>, SpoolError>;

    /// The path of a finished file, to be streamed from; an error of kind `NotFound` if it is not there.
    async fn open(&self, id: &SpoolId) -> io::Result<PathBuf>;

    /// Deletes files that no lane needs any more. Files that are gone already are no error.
    async fn remove(&self, ids: &[SpoolId]);
}

/// A file on its way into the spool.
#[async_trait]
pub trait SpoolWriter: Send {
    /// Appends bytes.
    async fn write(&mut self, chunk: Bytes) -> Result<(), SpoolError>;

    /// Makes the file whole: on disk under the name of its content.
    async fn finish(self: Box<Self>) -> Result<SpooledFile, SpoolError>;
}
