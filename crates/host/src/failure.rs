//! How a command fails, and with which exit code.

use std::io;
use std::process::ExitCode;

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The input or the state is wrong.
    Wrong(anyhow::Error),
    /// Bad usage, or a file that cannot be read.
    Usage(anyhow::Error),
    /// What is wrong was the command's answer and has been said.
    Told,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Wrong(_) | Self::Told => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }

    /// The chain of causes; `None` if nothing remains to be said.
    pub(crate) fn error(&self) -> Option<&anyhow::Error> {
        match self {
            Self::Wrong(error) | Self::Usage(error) => Some(error),
            Self::Told => None,
        }
    }

    /// Whether whoever read the output went away (`tieline dead list | head`), which is nobody's fault.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.error().is_some_and(|error| {
            error
                .chain()
                .filter_map(|cause| cause.downcast_ref::<io::Error>())
                .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Wrong(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Wrong(error.into())
    }
}
