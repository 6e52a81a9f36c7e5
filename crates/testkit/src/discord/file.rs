//! Files of messages. The bytes lie on disk.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tieline_core::spool::SpoolId;
use tokio::io::AsyncWriteExt;

use super::snowflake::Snowflake;

/// A file of a message. Its bytes lie on disk as long as the fake lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeFile {
    /// The attachment's id.
    pub id: Snowflake,
    /// The channel that it was put into: a part of its URL.
    pub channel: Snowflake,
    /// Its name as it was given.
    pub name: String,
    /// Its MIME type as it was given.
    pub mime: String,
    /// The text for people who do not see it.
    pub description: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Where the bytes lie.
    pub path: PathBuf,
}

impl FakeFile {
    /// Its bytes. Mind its size.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }

    /// The name that Discord makes of the given one, for it stands in a URL: blanks become `_`, and nothing but ASCII
    /// letters, digits, `_`, `-` and `.` is left.
    pub(crate) fn shown_name(&self) -> String {
        let plain = |c: char| if c == ' ' { '_' } else { c };
        let kept = |c: &char| c.is_ascii_alphanumeric() || "_-.".contains(*c);
        let name: String = self.name.chars().map(plain).filter(kept).collect();
        if name.trim_matches('.').is_empty() { "unknown".to_owned() } else { name }
    }

    /// The given name without its extension, where Discord shows another one.
    pub(crate) fn title(&self) -> Option<&str> {
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        (self.shown_name() != self.name).then_some(stem)
    }

    /// Width and height, if it is a PNG picture.
    pub(crate) fn dimensions(&self) -> Option<(u32, u32)> {
        if !self.mime.starts_with("image/") {
            return None;
        }
        let mut head = [0; 24];
        std::fs::File::open(&self.path).ok()?.read_exact(&mut head).ok()?;
        let number = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        head.starts_with(b"\x89PNG\r\n\x1a\n").then_some((number(16)?, number(20)?))
    }
}

/// The bytes of a file that belongs to no message yet.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// The `n` of `files[n]`.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) path: PathBuf,
}

impl Upload {
    /// The file that it becomes in a message.
    pub(crate) fn attached(self, id: Snowflake, channel: Snowflake, description: Option<String>) -> FakeFile {
        let Self { name, mime, size, sha256, path, .. } = self;
        FakeFile { id, channel, name, mime, description, size, sha256, path }
    }

    /// Keeps bytes as a file.
    pub(crate) fn keep(path: PathBuf, name: &str, mime: &str, bytes: &[u8]) -> io::Result<Self> {
        std::fs::write(&path, bytes)?;
        let (name, mime) = (name.to_owned(), mime.to_owned());
        let sha256 = hex(Sha256::new_with_prefix(bytes));
        Ok(Self { number: 0, name, mime, size: bytes.len() as u64, sha256, path })
    }
}

/// A file that is being written.
pub(crate) struct Writing {
    path: PathBuf,
    out: tokio::fs::File,
    digest: Sha256,
    pub(crate) size: u64,
}

impl Writing {
    pub(crate) async fn at(path: &Path) -> io::Result<Self> {
        let out = tokio::fs::File::create(path).await?;
        Ok(Self { path: path.to_owned(), out, digest: Sha256::new(), size: 0 })
    }

    pub(crate) async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.digest.update(chunk);
        self.size += chunk.len() as u64;
        self.out.write_all(chunk).await
    }

    pub(crate) async fn done(mut self, number: u64, name: String, mime: String) -> io::Result<Upload> {
        self.out.flush().await?;
        Ok(Upload { number, name, mime, size: self.size, sha256: hex(self.digest), path: self.path })
    }
}

pub(crate) fn hex(digest: Sha256) -> String {
    SpoolId::of_digest(digest.finalize().into()).into()
}

/// The name that Discord gives a picture: 32 hexadecimal digits of its content; here of its address.
pub(crate) fn hash_of(address: &str) -> String {
    hex(Sha256::new_with_prefix(address)).chars().take(32).collect()
}
