//! Opening the file: what it is, which format it has, and how it is brought to the newest one.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{Failure, OpenError, opening};

/// The migrations in order; the format of a file is how many of them it has seen.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_outbox.sql"),
    include_str!("../migrations/0002_used.sql"),
    include_str!("../migrations/0003_changes.sql"),
    include_str!("../migrations/0004_bindings.sql"),
];

/// Marks a file as ours: `tieL`, in ASCII.
const APPLICATION_ID: i64 = 0x7469_654c;

/// How long to wait for another process that holds the file.
const BUSY: Duration = Duration::from_secs(2);

/// Opens the file for writing, makes it if it is not there, and brings it to the newest format.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    make_private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| opening(path, error.into()))?;
    check(&connection, path)?;
    prepare(&connection).map_err(|failure| opening(path, failure))?;
    Ok(connection)
}

/// Lets nobody but the owner read what people wrote to each other. What SQLite lays beside the file takes its mode.
///
/// If it cannot be done, opening the file says why, or it belongs to somebody who chose its mode.
fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let private = std::fs::Permissions::from_mode(0o600);
        let opened = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        if let Err(error) = opened.and_then(|file| file.set_permissions(private)) {
            tracing::debug!(path = %path.display(), %error, "The outbox could not be made private");
        }
    }
}

/// Opens the file for reading beside the writer.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, Failure> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -512)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Refuses what is not ours before a byte of it is changed.
fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let read = || -> Result<_, Failure> {
        connection.busy_timeout(BUSY)?;
        Ok((
            number("PRAGMA application_id")?,
            number("PRAGMA user_version")?,
            number("SELECT count(*) FROM sqlite_schema")?,
        ))
    };
    let (application, version, tables) = read().map_err(|failure| opening(path, failure))?;
    let known = MIGRATIONS.len() as i64;
    match (application, version) {
        (APPLICATION_ID, found) if found > known => Err(OpenError::Newer { path: path.to_owned(), found, known }),
        (APPLICATION_ID, 0..) => Ok(()),
        (0, 0) if tables == 0 => Ok(()),
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn prepare(connection: &Connection) -> Result<(), Failure> {
    // Only a file without pages takes a page size. Smaller pages write fewer bytes, but more frames, and each frame costs
    // two system calls; see docs/benchmarks.md.
    connection.pragma_update(None, "page_size", 4096)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.pragma_update(None, "wal_autocheckpoint", 3000)?;
    connection.pragma_update_and_check(None, "journal_size_limit", 32 * 1024 * 1024, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(64);
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(version as usize) {
        // One transaction each: a crash in between leaves the older format whole.
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {migration}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}; COMMIT;",
            index + 1
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(dir: &tempfile::TempDir) -> std::path::PathBuf {
        dir.path().join("outbox.sqlite")
    }

    #[test]
    fn a_file_is_made_and_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        drop(open_writer(&at(&dir)).unwrap());
        let again = open_writer(&at(&dir)).unwrap();
        let mode: String = again.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        assert_eq!(again.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0)).unwrap(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(at(&dir), "").unwrap();
        std::fs::set_permissions(at(&dir), std::fs::Permissions::from_mode(0o644)).unwrap();
        let writer = open_writer(&at(&dir)).unwrap();
        for name in ["outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm"] {
            let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        drop(writer);
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        open_writer(&at(&dir)).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = open_writer(&at(&dir)).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 99, known: 4, .. }), "{error}");
        assert!(error.to_string().contains("newer tieline"));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let other = Connection::open(at(&dir)).unwrap();
        other.execute_batch("CREATE TABLE t (a)").unwrap();
        assert!(matches!(open_writer(&at(&dir)), Err(OpenError::Foreign { .. })));
        drop(other);
        std::fs::write(at(&dir), "these are not the bytes of a database, but a letter to somebody").unwrap();
        assert!(matches!(open_writer(&at(&dir)), Err(OpenError::Foreign { .. })));
    }

    #[test]
    fn a_folder_that_is_missing_and_a_file_that_is_locked_are_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(open_writer(&dir.path().join("no/such")), Err(OpenError::Unwritable { .. })));
        let other = Connection::open(at(&dir)).unwrap();
        other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
        assert!(matches!(open_writer(&at(&dir)), Err(OpenError::Locked { .. })));
    }
}
