//! Files of messages. The bytes lie on disk.

use std::io::{self, Read};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::snowflake::Snowflake;
use crate::written::{Written, hex};

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

/// A file that belongs to no message yet.
pub(crate) struct Upload {
    /// The `n` of `files[n]`.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) bytes: Written,
}

impl Upload {
    /// The file that it becomes in a message.
    pub(crate) fn attached(self, id: Snowflake, channel: Snowflake, description: Option<String>) -> FakeFile {
        let Self { name, mime, bytes: Written { path, size, sha256 }, .. } = self;
        FakeFile { id, channel, name, mime, description, size, sha256, path }
    }
}

/// The name that Discord gives a picture: 32 hexadecimal digits of its content; here of its address.
pub(crate) fn hash_of(address: &str) -> String {
    hex(Sha256::new_with_prefix(address)).chars().take(32).collect()
}
