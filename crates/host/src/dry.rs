//! What a driver is built with where nothing is relayed: `explain`, `rooms`, `doctor`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tieline_core::driver::{KnownMessages, Services};
use tieline_core::id::MessageId;
use tieline_core::spool::{MediaSpool, SpoolError, SpoolId, SpoolWriter};

use crate::clock::SystemClock;

/// Services without a store: no file is kept, no message is known.
pub(crate) fn services() -> Services {
    Services { spool: Arc::new(NoSpool), links: Arc::new(NothingKnown), clock: Arc::new(SystemClock) }
}

struct NoSpool;

#[async_trait]
impl MediaSpool for NoSpool {
    async fn begin(&self, _limit: u64) -> Result<Box<dyn SpoolWriter>, SpoolError> {
        Err(SpoolError::Disk(io::Error::new(io::ErrorKind::Unsupported, "this command keeps no files")))
    }

    async fn open(&self, _id: &SpoolId) -> io::Result<PathBuf> {
        Err(io::ErrorKind::NotFound.into())
    }

    async fn remove(&self, _ids: &[SpoolId]) {}
}

struct NothingKnown;

#[async_trait]
impl KnownMessages for NothingKnown {
    async fn is_known(&self, _realm: &str, _message: &MessageId) -> bool {
        false
    }
}
