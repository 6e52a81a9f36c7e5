//! Rate limits: so many calls in a window, for each client address and route.

use std::collections::HashMap;
use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use super::refusal::Refusal;

/// So many calls in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many calls are taken in a window.
    pub calls: u32,
    /// The length of the window in milliseconds; it begins with its first call.
    pub window_ms: i64,
}

impl Default for Limit {
    /// What Rocket.Chat comes with: 10 calls a minute.
    fn default() -> Self {
        Self { calls: 10, window_ms: 60_000 }
    }
}

/// The windows that are open.
#[derive(Debug, Default)]
pub(crate) struct Windows(HashMap<(IpAddr, String), Window>);

#[derive(Debug, Clone, Copy)]
struct Window {
    ends_ms: i64,
    used: u32,
}

/// What a limit says about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_ms: i64,
    pub(crate) allowed: bool,
}

impl Windows {
    /// Counts a call.
    pub(crate) fn count(&mut self, client: IpAddr, route: &str, limit: Limit, now_ms: i64) -> Allowance {
        let window = self
            .0
            .entry((client, route.to_owned()))
            .and_modify(|window| {
                if window.ends_ms <= now_ms {
                    *window = Window { ends_ms: now_ms + limit.window_ms, used: 0 };
                }
            })
            .or_insert(Window { ends_ms: now_ms + limit.window_ms, used: 0 });
        let allowed = window.used < limit.calls;
        if allowed {
            window.used += 1;
        }
        let remaining = limit.calls.saturating_sub(window.used);
        Allowance { limit: limit.calls, remaining, reset_ms: window.ends_ms, allowed }
    }
}

impl Allowance {
    /// What a limit says that is used up until `reset_ms`.
    pub(crate) fn exhausted(reset_ms: i64) -> Self {
        Self { limit: Limit::default().calls, remaining: 0, reset_ms, allowed: false }
    }

    /// `X-RateLimit-*`; there is no `Retry-After`.
    pub(crate) fn put(self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.reset_ms));
    }

    /// The refusal of a call over the limit.
    pub(crate) fn refusal(self, now_ms: i64) -> Refusal {
        let seconds = (self.reset_ms - now_ms).max(0).unsigned_abs().div_ceil(1000);
        let error = format!(
            "Error, too many requests. Please slow down. You must wait {seconds} seconds before trying this endpoint \
             again. [error-too-many-requests]"
        );
        Refusal::json(StatusCode::TOO_MANY_REQUESTS, json!({ "success": false, "error": error }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_refuses_what_is_too_much_and_opens_again() {
        let mut windows = Windows::default();
        let client = IpAddr::from([127, 0, 0, 1]);
        let limit = Limit { calls: 2, window_ms: 1000 };
        let calls: Vec<_> = [0, 10, 20, 1000].map(|now| windows.count(client, "r", limit, now)).into();
        assert_eq!(calls.iter().map(|call| call.allowed).collect::<Vec<_>>(), [true, true, false, true]);
        assert_eq!(calls[2].reset_ms, 1000);
        assert!(windows.count(client, "other", limit, 20).allowed);
    }
}
