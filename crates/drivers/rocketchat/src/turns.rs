//! How much of an instance's events is completed side by side: lookups and downloads each have turns of their own, so
//! that a text waits for no file.

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many messages are looked up at once; one takes milliseconds, and a silent server is given up soon.
const LOOKUPS: usize = 8;
/// How many files are fetched at once; one may take minutes.
const DOWNLOADS: usize = 8;

/// The turns of one instance.
#[derive(Debug)]
pub(crate) struct Turns {
    lookups: Semaphore,
    downloads: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self { lookups: Semaphore::new(LOOKUPS), downloads: Semaphore::new(DOWNLOADS) }
    }
}

impl Turns {
    /// Waits for a turn to look a message up. `None` never comes: nobody closes the turns.
    pub(crate) async fn lookup(&self) -> Option<SemaphorePermit<'_>> {
        self.lookups.acquire().await.ok()
    }

    /// Waits for a turn to fetch a file. `None` never comes either.
    pub(crate) async fn download(&self) -> Option<SemaphorePermit<'_>> {
        self.downloads.acquire().await.ok()
    }
}
