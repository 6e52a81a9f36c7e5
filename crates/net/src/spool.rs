//! The media spool: files on their way, on disk, each once.
//!
//! What must stay true:
//!
//! - A file under its name is whole and on disk, its bytes and the directory entry: writing goes to a nameless part file
//!   beside it, which is renamed last.
//! - The name is the SHA-256 of the content, so two writers of the same content meet in one file, whoever is first.
//! - A file is never held in memory: at most 256 KiB and one piece of it wait to be written.
//! - Writing, hashing and syncing happen on blocking threads; an async thread never waits for the disk.
//!
//! Who still needs a file is the outbox's knowledge, so whoever removes one must hold off while an event that was just
//! completed with the same content is not committed yet. What a crash left behind is removed by [`Spool::sweep`] at start.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tieline_core::spool::{MediaSpool, SpoolError, SpoolId, SpoolWriter, SpooledFile};
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

/// How many bytes are collected before they are written: few trips to a blocking thread, and little memory.
const BATCH: usize = 256 * 1024;
/// How many bytes of the beginning are looked at to tell what a file is. Office documents need the most.
const HEAD: usize = 8 * 1024;
/// What the names of unfinished files begin with.
const PART: &str = "part-";

/// A directory of files named by their content.
#[derive(Debug, Clone)]
pub struct Spool {
    dir: Arc<Path>,
}

impl Spool {
    /// Opens a spool, making the directory if need be, for our own user alone.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir: PathBuf = dir.into();
        let mut maker = fs::DirBuilder::new();
        maker.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        maker.create(&dir)?;
        Ok(Self { dir: Arc::from(dir) })
    }

    /// Removes what nobody needs: files that are not in `keep`, and what was never finished. To be called before the
    /// first [`begin`](MediaSpool::begin). Files with names that we would not give are left alone, and so are folders.
    ///
    /// Returns how many files were removed.
    pub async fn sweep(&self, keep: &HashSet<SpoolId>) -> io::Result<usize> {
        let (dir, keep) = (Arc::clone(&self.dir), keep.clone());
        blocking(move || {
            let mut removed = 0;
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let ours =
                    name.starts_with(PART) || SpoolId::try_from(name.clone()).is_ok_and(|id| !keep.contains(&id));
                if !ours {
                    continue;
                }
                // We make no directories here, so somebody else did, and may want what is in it.
                if entry.file_type()?.is_dir() {
                    let path = entry.path();
                    tracing::warn!(path = %path.display(), "A folder in the media spool is not ours and is left alone");
                    continue;
                }
                removed += usize::from(remove(&entry.path())?);
            }
            Ok(removed)
        })
        .await
    }

    fn path(&self, id: &SpoolId) -> PathBuf {
        self.dir.join(id.as_str())
    }
}

#[async_trait]
impl MediaSpool for Spool {
    async fn begin(&self, limit: u64) -> Result<Box<dyn SpoolWriter>, SpoolError> {
        let dir = Arc::clone(&self.dir);
        let part = blocking(move || {
            let file = tempfile::Builder::new().prefix(PART).tempfile_in(&dir)?;
            Ok(PartFile { dir, file, hash: Sha256::new() })
        })
        .await?;
        let (waiting, head) = (Vec::new(), Vec::new());
        Ok(Box::new(Writer { part: Some(part), limit, size: 0, waiting, waiting_size: 0, head }))
    }

    async fn open(&self, id: &SpoolId) -> io::Result<PathBuf> {
        let path = self.path(id);
        // A folder of this name is no file of ours.
        if tokio::fs::metadata(&path).await?.is_file() { Ok(path) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    async fn remove(&self, ids: &[SpoolId]) {
        let paths: Vec<PathBuf> = ids.iter().map(|id| self.path(id)).collect();
        let removed = blocking(move || {
            for path in paths {
                if let Err(error) = remove(&path) {
                    // It is tried again by the sweep at the next start.
                    tracing::warn!(%error, path = %path.display(), "A file in the media spool could not be removed");
                }
            }
            Ok(())
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "Files in the media spool were not removed");
        }
    }
}

/// A file that is being written; dropping it removes it.
struct PartFile {
    dir: Arc<Path>,
    file: NamedTempFile,
    hash: Sha256,
}

impl PartFile {
    fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            self.hash.update(piece);
            self.file.write_all(piece)?;
        }
        Ok(())
    }

    /// Puts the file in its place, on disk for certain.
    fn finish(self) -> io::Result<SpoolId> {
        self.file.as_file().sync_all()?;
        let id = SpoolId::of_digest(self.hash.finalize().into());
        // If the same content is there already it is replaced by itself, and whoever reads it reads on.
        self.file.persist(self.dir.join(id.as_str())).map_err(|error| error.error)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(id)
    }
}

struct Writer {
    /// `None` after an error, or if a write was abandoned in the middle.
    part: Option<PartFile>,
    limit: u64,
    size: u64,
    /// Pieces that are not written yet, as they came.
    waiting: Vec<Bytes>,
    waiting_size: usize,
    /// The beginning of the file.
    head: Vec<u8>,
}

impl Writer {
    async fn flush(&mut self) -> io::Result<()> {
        let mut part = self.part.take().ok_or_else(broken)?;
        let pieces = std::mem::take(&mut self.waiting);
        self.waiting_size = 0;
        let part = blocking(move || part.append(&pieces).map(|()| part)).await?;
        self.part = Some(part);
        Ok(())
    }
}

#[async_trait]
impl SpoolWriter for Writer {
    async fn write(&mut self, chunk: Bytes) -> Result<(), SpoolError> {
        self.size += chunk.len() as u64;
        if self.size > self.limit {
            self.part = None;
            return Err(SpoolError::TooLarge { limit: self.limit });
        }
        let missing = HEAD - self.head.len();
        self.head.extend_from_slice(&chunk[..chunk.len().min(missing)]);
        self.waiting_size += chunk.len();
        self.waiting.push(chunk);
        if self.waiting_size >= BATCH {
            self.flush().await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<SpooledFile, SpoolError> {
        let mut part = self.part.take().ok_or_else(broken)?;
        let pieces = std::mem::take(&mut self.waiting);
        let id = blocking(move || {
            part.append(&pieces)?;
            part.finish()
        })
        .await?;
        Ok(SpooledFile { id, size: self.size, sniffed: infer::get(&self.head).map(|kind| kind.mime_type()) })
    }
}

/// A request body that streams a file of the spool, and its length in bytes. Nothing but a small buffer is in memory.
pub async fn file_body(path: &Path) -> io::Result<(reqwest::Body, u64)> {
    let file = tokio::fs::File::open(path).await?;
    let length = file.metadata().await?.len();
    Ok((reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, BATCH)), length))
}

/// The same as one part of a form, with its length declared: many servers refuse an upload of unknown length.
pub async fn file_part(path: &Path) -> io::Result<reqwest::multipart::Part> {
    let (body, length) = file_body(path).await?;
    Ok(reqwest::multipart::Part::stream_with_length(body, length))
}

fn broken() -> io::Error {
    io::Error::other("the file was given up after an earlier error")
}

/// Removes a file; `false` if it was gone already.
fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
