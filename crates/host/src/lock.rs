//! One process at a time uses a data folder.
//!
//! The folder itself is locked: nothing in it that a person could remove decides who may use it. The outbox' own file
//! would do as well, but `SQLite` locks that by other means, which a closed handle of ours would take away from it. The
//! file `lock` only says who holds the lock.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;

use crate::data_dir::DataDir;

/// Who `run` says it is.
pub(crate) const RUN: &str = "run";

/// The lock on a data folder. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct DataLock {
    _folder: File,
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
    #[error("{} cannot be locked; it must be a folder on a local disk", .dir.display())]
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
        let folder = File::open(dir.path()).map_err(refused)?;
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // Nobody needs the note: without it, it is only not known who it is.
                let by = fs::read_to_string(dir.lock()).ok().and_then(|text| Holder::parse(&text));
                return Err(LockError::Held { dir: dir.path().to_owned(), by });
            }
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        fs::write(dir.lock(), format!("{} {command}\n", std::process::id())).map_err(refused)?;
        Ok(Self { _folder: folder })
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
        for note in [None, Some(""), Some("nonsense")] {
            match note {
                None => fs::remove_file(dir.lock()).unwrap(),
                Some(text) => fs::write(dir.lock(), text).unwrap(),
            }
            let refusal = DataLock::take(&dir, RUN).expect_err("whatever happens to the note");
            assert!(matches!(refusal, LockError::Held { by: None, .. }), "{refusal}");
        }
        drop(first);
        DataLock::take(&dir, "dead").unwrap();
    }
}
