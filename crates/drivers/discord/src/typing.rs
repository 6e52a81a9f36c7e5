//! That somebody types.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use tieline_core::address::Address;
use tokio::time::Instant;

use crate::api::{Call, Payload};
use crate::driver::DiscordDriver;
use crate::limits::Caller;
use crate::place::channel_of;
use crate::snowflake::Snowflake;

/// How often it is shown in a channel at most. Discord shows it for ten seconds.
const EVERY: Duration = Duration::from_secs(8);

/// Where it was shown lately.
#[derive(Debug, Default)]
pub(crate) struct Shown(Mutex<HashMap<Snowflake, Instant>>);

impl Shown {
    /// Whether to show it now; then it counts as shown.
    fn admit(&self, channel: Snowflake) -> bool {
        let (mut shown, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        shown.retain(|_, since| now - *since < EVERY);
        if shown.contains_key(&channel) {
            return false;
        }
        shown.insert(channel, now);
        true
    }
}

impl DiscordDriver {
    /// Lets the bot type. What comes of it is of no importance.
    pub(crate) async fn type_there(&self, target: &Address) {
        let Some(channel) = channel_of(target).filter(|_| self.instance.bot_token.is_some()) else { return };
        if !self.typing.admit(channel) {
            return;
        }
        let path = format!("channels/{channel}/typing");
        let (payload, caller) = (Payload::Nothing, Caller::Bot);
        let call =
            Call { method: Method::POST, path: &path, payload, caller, into: None, waits: false, of_others: false };
        if let Err(failure) = self.api.call(&call).await {
            tracing::debug!(instance = %self.instance.id, %channel, %failure, "That somebody types is not shown");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_shown_once_in_eight_seconds_in_each_channel() {
        let shown = Shown::default();
        assert!(shown.admit(Snowflake(1)) && !shown.admit(Snowflake(1)) && shown.admit(Snowflake(2)));
        tokio::time::advance(EVERY).await;
        assert!(shown.admit(Snowflake(1)));
        assert_eq!(shown.0.lock().expect("nobody panicked").len(), 1, "what is over is forgotten");
    }
}
