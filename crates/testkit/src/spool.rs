//! A spool in a temporary folder.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tieline_core::event::{Attachment, AttachmentKind, Content};
use tieline_core::spool::{MediaSpool, SpoolError, SpoolId, SpoolWriter, SpooledFile};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

/// A spool that lies in a temporary folder and goes with it. It knows no file types.
#[derive(Debug)]
pub struct TempSpool {
    folder: TempDir,
    begun: AtomicU64,
}

struct TempWriter {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    digest: Sha256,
    size: u64,
    limit: u64,
}

impl TempSpool {
    /// An empty spool.
    pub fn new() -> io::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, begun: AtomicU64::new(0) })
    }

    /// Puts bytes into the spool.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<SpooledFile, SpoolError> {
        let mut writer = self.begin(u64::MAX).await?;
        writer.write(bytes.into()).await?;
        writer.finish().await
    }

    /// A file of a message, whose bytes are in the spool.
    pub async fn attachment(
        &self,
        kind: AttachmentKind,
        name: &str,
        mime: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Attachment, SpoolError> {
        let SpooledFile { id, size, .. } = self.put(bytes).await?;
        let (name, mime) = (name.to_owned(), mime.to_owned());
        Ok(Attachment { name, kind, mime, size: Some(size), link: None, content: Content::Spooled(id) })
    }
}

#[async_trait]
impl MediaSpool for TempSpool {
    async fn begin(&self, limit: u64) -> Result<Box<dyn SpoolWriter>, SpoolError> {
        let folder = self.folder.path().to_owned();
        let path = folder.join(format!("begun-{}", self.begun.fetch_add(1, Ordering::Relaxed)));
        let file = File::create(&path).await?;
        Ok(Box::new(TempWriter { folder, path, file, digest: Sha256::new(), size: 0, limit }))
    }

    async fn open(&self, id: &SpoolId) -> io::Result<PathBuf> {
        let path = self.folder.path().join(id.as_str());
        tokio::fs::metadata(&path).await?;
        Ok(path)
    }

    async fn remove(&self, ids: &[SpoolId]) {
        for id in ids {
            if let Err(error) = tokio::fs::remove_file(self.folder.path().join(id.as_str())).await {
                tracing::debug!(%error, "A file of the temporary spool was gone already");
            }
        }
    }
}

#[async_trait]
impl SpoolWriter for TempWriter {
    async fn write(&mut self, chunk: Bytes) -> Result<(), SpoolError> {
        self.size += chunk.len() as u64;
        if self.size > self.limit {
            return Err(SpoolError::TooLarge { limit: self.limit });
        }
        self.digest.update(&chunk);
        self.file.write_all(&chunk).await?;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<SpooledFile, SpoolError> {
        self.file.flush().await?;
        let id = SpoolId::of_digest(self.digest.finalize().into());
        tokio::fs::rename(&self.path, self.folder.join(id.as_str())).await?;
        Ok(SpooledFile { id, size: self.size, sniffed: None })
    }
}
