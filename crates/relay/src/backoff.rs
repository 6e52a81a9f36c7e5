//! How long to wait before the next try, of what.

use std::time::Duration;

use tieline_core::backoff::Backoff;

/// Between attempts at a delivery.
pub(crate) const ATTEMPTS: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_mins(1));

/// While an instance's credentials are refused (contract §4.7).
pub(crate) const CREDENTIALS: Backoff = Backoff::new(Duration::from_secs(10), Duration::from_mins(5));

/// Between runs of a driver that stopped.
pub(crate) const DRIVERS: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));

/// Between tries to complete an event: it has only a minute.
pub(crate) const COMPLETION: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));

/// Between tries to write to a disk that is full.
pub(crate) const DISK: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
