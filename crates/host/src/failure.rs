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

    /// What remains to be said; `None` if nothing does.
    pub(crate) fn sentence(&self) -> Option<String> {
        self.error().map(sentence)
    }

    fn error(&self) -> Option<&anyhow::Error> {
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

/// An error with its causes, each once: some errors say their cause themselves.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.contains(&cause) {
            sentence.push_str(": ");
            sentence.push_str(&cause);
        }
    }
    sentence
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

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow!("disk full").context("a.json cannot be read: disk full").context("nothing to do");
        assert_eq!(sentence(&error), "nothing to do: a.json cannot be read: disk full");
    }

    #[test]
    fn a_reader_who_left_is_no_failure() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(Failure::from(gone()).is_broken_pipe());
        assert!(Failure::Usage(anyhow::Error::from(gone()).context("while telling")).is_broken_pipe());
        assert!(!Failure::Told.is_broken_pipe());
    }
}
