//! What can go wrong, in words for people.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use tieline_core::outbox::OutboxError;

/// Why an outbox cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A newer tieline wrote it.
    #[error(
        "{} was written by a newer tieline (its format is {found}, this one knows up to {known}); \
         start the newer tieline, or give this one another `data_dir`",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        found: i64,
        /// The newest format that is understood.
        known: i64,
    },
    /// It is something else.
    #[error(
        "{} is not an outbox of tieline; move it away, or give tieline another `data_dir`",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes it.
    #[error("{} is in use by another process; stop that one first", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{} cannot be opened: {reason}; see that its folder exists, may be written and has space", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What is stored makes no sense.
    #[error("{} is damaged: {reason}; restore it from a backup, or move it away to begin anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

/// Why a step inside the outbox failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// SQLite says so.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// A stored text cannot be understood.
    #[error("{0}")]
    Stored(String),
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Stored(error.to_string())
    }
}

impl From<tieline_core::id::IdError> for Failure {
    fn from(error: tieline_core::id::IdError) -> Self {
        Self::Stored(error.to_string())
    }
}

impl From<Failure> for OutboxError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(error) if is_damage(&error) => Self::Damaged(error.to_string()),
            Failure::Sql(error) => Self::Disk(error.to_string()),
            Failure::Stored(reason) => Self::Damaged(reason),
        }
    }
}

/// Whether the store, and not the disk below it, is at fault.
fn is_damage(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

/// Says for people why a file could not be opened.
pub(crate) fn opening(path: &std::path::Path, failure: Failure) -> OpenError {
    let path = path.to_owned();
    match failure {
        Failure::Sql(error) => match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenError::Foreign { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
            _ if is_damage(&error) => OpenError::Damaged { path, reason: error.to_string() },
            _ => OpenError::Unwritable { path, reason: error.to_string() },
        },
        Failure::Stored(reason) => OpenError::Damaged { path, reason },
    }
}
