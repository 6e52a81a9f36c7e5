//! How often something may happen.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::script::GatewayScript;

/// Over how long the payloads of a client are counted.
const PAYLOADS_OVER: Duration = Duration::from_mins(1);
/// Over how long the identifies of a bot are counted.
const DAY: Duration = Duration::from_hours(24);

/// What happened lately.
#[derive(Debug, Default)]
struct Window(VecDeque<Timestamp>);

impl Window {
    /// Forgets what is longer ago than `over`. Returns how much is left.
    fn count(&mut self, now: Timestamp, over: Duration) -> usize {
        let over = SignedDuration::try_from(over).unwrap_or(SignedDuration::MAX);
        self.0.retain(|time| now.duration_since(*time) < over);
        self.0.len()
    }

    /// Counts one more, unless there were `limit` already.
    fn take(&mut self, now: Timestamp, over: Duration, limit: usize) -> bool {
        let free = self.count(now, over) < limit;
        if free {
            self.0.push_back(now);
        }
        free
    }
}

/// The payloads of one connection.
#[derive(Debug, Default)]
pub(crate) struct Payloads(Window);

impl Payloads {
    /// Counts one more; `false` if it is one too many.
    pub(crate) fn take(&mut self, now: Timestamp, script: &GatewayScript) -> bool {
        self.0.take(now, PAYLOADS_OVER, script.payloads_per_minute)
    }
}

/// The identifies of one bot.
#[derive(Debug, Default)]
pub(crate) struct Identifies {
    started: Window,
    today: Window,
    /// Whether there were too many, so that the token is none any more.
    pub(crate) token_reset: bool,
}

/// Whether a bot may identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayIdentify {
    /// It may.
    Yes,
    /// Not so soon after the last time.
    TooSoon,
    /// Never again: its token was reset.
    NeverAgain,
}

impl Identifies {
    /// Counts one more.
    pub(crate) fn take(&mut self, now: Timestamp, script: &GatewayScript) -> MayIdentify {
        if self.token_reset || !self.today.take(now, DAY, script.identifies_per_day as usize) {
            self.token_reset = true;
            return MayIdentify::NeverAgain;
        }
        let soon = !self.started.take(now, script.identify_window, script.max_concurrency as usize);
        if soon { MayIdentify::TooSoon } else { MayIdentify::Yes }
    }

    /// `session_start_limit` of `GET /gateway/bot`.
    pub(crate) fn limit(&mut self, now: Timestamp, script: &GatewayScript) -> Value {
        let remaining = (script.identifies_per_day as usize).saturating_sub(self.today.count(now, DAY));
        let oldest = self.today.0.front().map_or(DAY, |first| {
            DAY.saturating_sub(Duration::try_from(now.duration_since(*first)).unwrap_or_default())
        });
        json!({
            "total": script.identifies_per_day,
            "remaining": remaining,
            "reset_after": oldest.as_millis() as u64,
            "max_concurrency": script.max_concurrency,
        })
    }
}
