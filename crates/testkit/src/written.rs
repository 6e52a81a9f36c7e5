//! Files that a fake keeps on disk, with what is known of their bytes.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tieline_core::spool::SpoolId;
use tokio::io::AsyncWriteExt;

/// A file whose bytes are all on disk.
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub(crate) sha256: String,
}

impl Written {
    /// Keeps bytes as a file.
    pub(crate) fn keep(path: PathBuf, bytes: &[u8]) -> io::Result<Self> {
        std::fs::write(&path, bytes)?;
        Ok(Self { path, size: bytes.len() as u64, sha256: hex(Sha256::new_with_prefix(bytes)) })
    }
}

/// A file that is being written.
pub(crate) struct Writing {
    path: PathBuf,
    out: tokio::fs::File,
    digest: Sha256,
    /// How many bytes came so far.
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

    pub(crate) async fn done(mut self) -> io::Result<Written> {
        self.out.flush().await?;
        Ok(Written { path: self.path, size: self.size, sha256: hex(self.digest) })
    }
}

/// A digest in hexadecimal digits.
pub(crate) fn hex(digest: Sha256) -> String {
    SpoolId::of_digest(digest.finalize().into()).into()
}
