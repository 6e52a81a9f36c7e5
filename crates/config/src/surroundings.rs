//! Where environment variables and files are read from.

use std::io;
use std::path::Path;

/// What a configuration may read beside itself. Tests bring their own, so no test sets the process' environment.
pub trait Surroundings {
    /// The value of an environment variable; `None` if it is not set or not UTF-8.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file. A relative path counts from the working directory.
    fn read(&self, path: &Path) -> io::Result<String>;
}

/// The process' own environment and file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessSurroundings;

impl Surroundings for ProcessSurroundings {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}
