//! How a fake Discord is set up.

use std::sync::Arc;
use std::time::Duration;

use tieline_core::clock::Clock;

use super::gateway::GatewayScript;
use super::limits::Limits;
use crate::clock::SystemClock;

/// How a fake Discord is set up. The default is Discord's, where Discord says a number.
#[derive(Clone)]
pub struct DiscordScript {
    /// The rate limits. See also [`set_limits`](super::FakeDiscord::set_limits).
    pub limits: Limits,
    /// The largest file in bytes. Discord's is 10 MiB, more in boosted guilds.
    pub max_file_size: u64,
    /// The longest request in bytes. Discord's is 25 MiB.
    pub max_request_size: u64,
    /// How many webhooks a channel takes. Discord's is 15.
    pub max_webhooks: usize,
    /// How long a link to a file is good. Discord's: about a day.
    pub link_lifetime: Duration,
    /// The gateway. Its clock is not used but [`clock`](Self::clock).
    pub gateway: GatewayScript,
    /// What time Discord has.
    pub clock: Arc<dyn Clock>,
}

impl Default for DiscordScript {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_file_size: 10 * 1024 * 1024,
            max_request_size: 25 * 1024 * 1024,
            max_webhooks: 15,
            link_lifetime: Duration::from_hours(24),
            gateway: GatewayScript::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl DiscordScript {
    /// The default with limits that no test reaches.
    pub fn unlimited() -> Self {
        Self { limits: Limits::wide(), ..Self::default() }
    }
}
