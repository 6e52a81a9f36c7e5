//! What lies where in `global.data_dir`.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder that holds everything the relay must not forget.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the folder if it is not there, for its owner alone: it holds what people wrote to each other.
    pub(crate) fn create(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file that is locked by whoever uses the folder.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The socket through which a running relay is asked.
    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// The outbox.
    pub(crate) fn outbox(&self) -> PathBuf {
        self.0.join("outbox.sqlite")
    }

    /// Files that wait for their targets.
    pub(crate) fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }
}
