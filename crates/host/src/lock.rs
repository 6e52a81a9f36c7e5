//! One process at a time uses a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use crate::data_dir::DataDir;

/// Who `run` says it is.
pub(crate) const RUN: &str = "run";

/// The lock on a data folder. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

/// Why the folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process uses it.
    #[error("{} is in use by {}", .dir.display(), holder(.by.as_ref()))]
    Held {
        /// The folder.
        dir: PathBuf,
        /// Who uses it, if that can be told.
        by: Option<Holder>,
    },
    /// The system refused.
    #[error("{} cannot be locked", .dir.display())]
    Refused {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Who holds a lock, as it said itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its process id.
    pub(crate) pid: u32,
    /// The command it runs.
    pub(crate) command: String,
}

fn holder(by: Option<&Holder>) -> String {
    match by {
        Some(Holder { pid, command }) => format!("another tieline: process {pid}, `tieline {command}`"),
        None => "another tieline".to_owned(),
    }
}

impl DataLock {
    /// Takes the lock for a command, or says who has it.
    pub(crate) fn take(dir: &DataDir, command: &str) -> Result<Self, LockError> {
        let refused = |source| LockError::Refused { dir: dir.path().to_owned(), source };
        dir.create().map_err(refused)?;
        // Not truncated when it is opened: until the lock is ours, what stands there is somebody else's.
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.lock()).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(refused)?;
                return Err(LockError::Held { dir: dir.path().to_owned(), by: Holder::parse(&text) });
            }
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(refused)?;
        writeln!(file, "{} {command}", std::process::id()).map_err(refused)?;
        Ok(Self { _file: file })
    }
}

impl Holder {
    fn parse(text: &str) -> Option<Self> {
        let (pid, command) = text.trim_end().split_once(' ')?;
        Some(Self { pid: pid.parse().ok()?, command: command.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_was_first() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path().join("data"));
        let first = DataLock::take(&dir, RUN).unwrap();
        let refusal = DataLock::take(&dir, "dead").unwrap_err();
        let says = refusal.to_string();
        assert!(says.contains(&format!("process {}, `tieline run`", std::process::id())), "{says}");
        drop(first);
        DataLock::take(&dir, "dead").unwrap();
    }
}
