//! What lies where in `global.data_dir`.

use std::fmt;
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

    /// The file in which whoever uses the folder says who it is.
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

    /// Whether there is an outbox that holds anything: a missing and an empty file hold nothing.
    pub(crate) fn has_outbox(&self) -> io::Result<bool> {
        Ok(size(&self.outbox())? > 0)
    }

    /// Looks for what only an outbox that held messages leaves behind, if there is no such outbox.
    pub(crate) fn lost_outbox(&self) -> io::Result<Option<LostOutbox>> {
        if self.has_outbox()? {
            return Ok(None);
        }
        let files = match fs::read_dir(self.spool()) {
            Ok(entries) => entries.filter(|entry| !entry.as_ref().is_ok_and(is_folder)).count(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        let journal = self.0.join("outbox.sqlite-wal");
        let journal = (size(&journal)? > 0).then_some(journal);
        let lost = LostOutbox { outbox: self.outbox(), spool: self.spool(), files, journal };
        Ok((lost.files > 0 || lost.journal.is_some()).then_some(lost))
    }
}

fn is_folder(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// The size of a file; 0 if it is not there.
fn size(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// An outbox that is missing or empty, though something says that it held messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostOutbox {
    outbox: PathBuf,
    spool: PathBuf,
    /// How many files of messages are left.
    files: usize,
    /// The part of it that was not merged into the file yet, if it is left.
    journal: Option<PathBuf>,
}

impl fmt::Display for LostOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outbox, spool, files, journal } = self;
        write!(f, "The outbox {} is missing or empty, but it held messages:", outbox.display())?;
        let mut found = Vec::new();
        if *files > 0 {
            found.push(format!(" {files} of their files lie in {}", spool.display()));
        }
        found.extend(journal.iter().map(|journal| format!(" {} is left", journal.display())));
        write!(f, "{}. If it was lost by mistake, stop tieline and restore it from a backup", found.join(" and"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outbox_is_lost_if_it_holds_nothing_and_something_of_it_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path().join("data"));
        assert_eq!(dir.lost_outbox().unwrap(), None, "nothing was ever here");
        dir.create().unwrap();
        fs::write(dir.outbox(), "").unwrap();
        fs::create_dir_all(dir.spool().join("part-x")).unwrap();
        assert_eq!(dir.lost_outbox().unwrap(), None, "nothing but folders");
        fs::write(dir.spool().join("a"), "one").unwrap();
        let told = dir.lost_outbox().unwrap().expect("a file of it is left").to_string();
        assert!(told.contains("outbox.sqlite is missing or empty") && told.contains("1 of their files"), "{told}");
        fs::remove_file(dir.outbox()).unwrap();
        fs::remove_file(dir.spool().join("a")).unwrap();
        fs::write(dir.path().join("outbox.sqlite-wal"), "frames").unwrap();
        let told = dir.lost_outbox().unwrap().expect("its journal is left").to_string();
        assert!(told.contains("outbox.sqlite-wal is left") && !told.contains("files"), "{told}");
        fs::write(dir.outbox(), "an outbox").unwrap();
        assert_eq!(dir.lost_outbox().unwrap(), None);
    }
}
