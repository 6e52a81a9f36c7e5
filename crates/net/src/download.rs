//! Files out of an answer into the spool.

use reqwest::Response;
use tieline_core::spool::{MediaSpool, SpoolError, SpooledFile, too_large};

use crate::failure::describe;

/// Why the body of an answer is not in the spool.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is larger than was allowed, and will be.
    #[error("{}", too_large(*limit))]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The disk refused.
    #[error("{0}")]
    Disk(SpoolError),
    /// The connection ended within it. Why is told for people, without an address.
    #[error("the download broke off: {0}")]
    BrokeOff(String),
}

/// Writes an answer's body of at most `limit` bytes into the spool: whole, or not at all. The status of the answer is the
/// caller's to judge, before.
pub async fn store(mut response: Response, spool: &dyn MediaSpool, limit: u64) -> Result<SpooledFile, StoreError> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(StoreError::TooLarge { limit });
    }
    let refused = |error: SpoolError| match error {
        SpoolError::TooLarge { limit } => StoreError::TooLarge { limit },
        SpoolError::Disk(_) => StoreError::Disk(error),
    };
    let mut writer = spool.begin(limit).await.map_err(refused)?;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => writer.write(chunk).await.map_err(refused)?,
            Ok(None) => return writer.finish().await.map_err(refused),
            Err(error) => return Err(StoreError::BrokeOff(describe(&error))),
        }
    }
}
