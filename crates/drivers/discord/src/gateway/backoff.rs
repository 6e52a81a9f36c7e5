//! How long to wait before the next dial.

use std::time::Duration;

use tieline_core::backoff::Backoff;

/// After a connection that ended, or that could not be had.
pub(crate) const LOST: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// While Discord refuses the bot: nothing changes before a person has done something.
pub(crate) const REFUSED: Backoff = Backoff::new(Duration::from_secs(10), Duration::from_mins(5));
