//! Whom drivers know by name, remembered for a while.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use dashmap::DashMap;
use futures_util::FutureExt;
use tieline_core::address::Address;
use tieline_core::id::{ChannelKey, InstanceId};
use tokio::time::Instant;

use crate::instances::Running;

/// How long a driver may look for a name. A message waits for it.
const LOOK: Duration = Duration::from_secs(2);

/// How long who was found is remembered, and for how long that nobody was.
const FOUND: Duration = Duration::from_mins(5);
const NOT_FOUND: Duration = Duration::from_mins(1);

/// How many names are remembered; above it all are forgotten and asked for again.
const REMEMBERED: usize = 1000;

/// A name in a channel of an instance.
type Name = (InstanceId, ChannelKey, String);

/// Names that were asked for not long ago.
#[derive(Default)]
pub(crate) struct Names {
    known: DashMap<Name, (Option<String>, Instant)>,
}

/// The driver did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slow;

impl Names {
    /// The account of whoever is called exactly so in a channel.
    pub(super) async fn find(
        &self,
        instance: &Running,
        (channel, address): (&ChannelKey, &Address),
        name: &str,
    ) -> Result<Option<String>, Slow> {
        let key = (instance.config.id().clone(), channel.clone(), name.to_owned());
        if let Some(known) = self.known.get(&key).filter(|known| known.1 > Instant::now()) {
            return Ok(known.0.clone());
        }
        // A driver that panics knows nobody; the message goes on without.
        let look = AssertUnwindSafe(instance.driver.account_named(address, name)).catch_unwind();
        let found = tokio::time::timeout(LOOK, look).await.map(Result::unwrap_or_default);
        let account = found.as_ref().map_or(None, Clone::clone);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let remembered = if account.is_some() { FOUND } else { NOT_FOUND };
        self.known.insert(key, (account, Instant::now() + remembered));
        found.map_err(|_| Slow)
    }
}
