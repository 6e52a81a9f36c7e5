//! Rate limits: who is held back, what the headers say, and who came too early.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use tieline_core::spool::SpoolId;

use super::fault::Scope;
use super::refusal::{any_answer, json_answer};
use super::route::{Route, Target};
use crate::port::Answer;

/// So many calls in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many calls are taken in a window.
    pub calls: u32,
    /// The length of a window; it begins with its first call.
    pub window: Duration,
}

/// The limits of the fake. Those of webhooks and the global one are Discord's (discord-api-docs #367); Discord says no
/// numbers for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Executing one webhook: 5 in 2 s.
    pub webhook: Limit,
    /// Executing all webhooks of one channel: 30 in 60 s. No header tells it; its 429 has the scope `shared`.
    pub webhook_channel: Limit,
    /// Writing into one channel as a bot.
    pub message: Limit,
    /// Any other call, for each channel, guild or webhook.
    pub other: Limit,
    /// All calls with one token: 50 in 1 s. Calls without a token are counted together.
    pub global: Limit,
}

impl Limit {
    const fn new(calls: u32, window: Duration) -> Self {
        Self { calls, window }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            webhook: Limit::new(5, 2 * second),
            webhook_channel: Limit::new(30, 60 * second),
            message: Limit::new(5, 5 * second),
            other: Limit::new(50, second),
            global: Limit::new(50, second),
        }
    }
}

impl Limits {
    /// Limits that no test reaches.
    pub fn wide() -> Self {
        let wide = Limit::new(1_000_000, Duration::from_secs(1));
        Self { webhook: wide, webhook_channel: wide, message: wide, other: wide, global: wide }
    }

    fn of(&self, route: Route) -> Limit {
        match route {
            Route::ExecuteWebhook => self.webhook,
            Route::CreateMessage => self.message,
            _ => self.other,
        }
    }
}

/// A call that came before a wait was over that its caller had been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyCall {
    /// Which call it is.
    pub route: Route,
    /// The id of the channel, guild or webhook that it is about; empty where there is none.
    pub resource: String,
    /// How much too early it came.
    pub by: Duration,
}

/// Who calls: a bot by its token, or an address without one.
pub(crate) type Caller = String;

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    windows: HashMap<String, Window>,
    told: HashMap<String, Told>,
    pub(crate) early: Vec<EarlyCall>,
    pub(crate) invalid: usize,
}

/// A wait that callers were told of. Times are milliseconds since 1970.
#[derive(Debug, Default)]
struct Told {
    since_ms: i64,
    until_ms: i64,
    /// The connections over which it was told.
    over: Vec<SocketAddr>,
}

impl Told {
    /// Whether a call comes although its caller knows better.
    fn is_known_to(&self, call: &Counted<'_>) -> bool {
        let running = call.now_ms < self.until_ms;
        running && (self.over.contains(&call.connection) || call.now_ms >= self.since_ms + ON_ITS_WAY_MS)
    }
}

#[derive(Debug, Clone, Copy)]
struct Window {
    ends_ms: i64,
    used: u32,
}

/// What the headers of an answer say about its bucket.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    bucket: String,
    limit: u32,
    remaining: u32,
    reset_ms: i64,
}

/// One call, as its limits see it.
pub(crate) struct Counted<'a> {
    pub(crate) target: &'a Target,
    pub(crate) caller: &'a Caller,
    /// Where the other end of the connection is.
    pub(crate) connection: SocketAddr,
    /// The channel of the webhook that is executed.
    pub(crate) webhook_channel: Option<String>,
    pub(crate) now_ms: i64,
}

impl Counted<'_> {
    /// The bucket and its top-level resource.
    fn bucket(&self) -> String {
        format!("{}:{}:{}", bucket_hash(self.target.route), self.target.resource(), self.caller_of_bucket())
    }

    /// A webhook's bucket is everybody's who has its token.
    fn caller_of_bucket(&self) -> &str {
        if self.target.route.is_by_webhook_token() { "" } else { self.caller }
    }

    fn global(&self) -> String {
        format!("global:{}", self.caller)
    }
}

const CLOUDFLARE: &str = "cloudflare";

/// A call that comes this soon after a wait was told over another connection may have been on its way already.
const ON_ITS_WAY_MS: i64 = 100;

impl Ledger {
    /// Notes whether a call comes too early.
    pub(crate) fn arrive(&mut self, call: &Counted<'_>) {
        let keys = [call.bucket(), call.global(), CLOUDFLARE.to_owned()];
        let known = keys.iter().filter_map(|key| self.told.get(key)).filter(|told| told.is_known_to(call));
        if let Some(until_ms) = known.map(|told| told.until_ms).max() {
            let by = Duration::from_millis((until_ms - call.now_ms).unsigned_abs());
            // Not the resource of the bucket: a webhook's token is part of that.
            let resource = call.target.parameter(0).to_owned();
            self.early.push(EarlyCall { route: call.target.route, resource, by });
        }
    }

    /// Counts a call. `Err`: it is too much.
    pub(crate) fn count(&mut self, limits: &Limits, call: &Counted<'_>) -> Result<Allowance, Box<Answer>> {
        let (key, now_ms) = (call.bucket(), call.now_ms);
        let hidden = call.webhook_channel.as_ref().map(|channel| format!("hidden:{channel}"));
        let allowance = self.used(&key, limits.of(call.target.route), call);
        let full = self.full(&call.global(), limits.global, now_ms).map(|ends_ms| (ends_ms, Scope::Global));
        let full = full.or_else(|| Some((self.full(&key, limits.of(call.target.route), now_ms)?, Scope::User)));
        let full = full.or_else(|| Some((self.full(hidden.as_ref()?, limits.webhook_channel, now_ms)?, Scope::Shared)));
        if let Some((ends_ms, scope)) = full {
            let wait = Duration::from_millis((ends_ms - now_ms).unsigned_abs());
            return Err(Box::new(self.refuse(call, wait, scope, &allowance)));
        }
        self.take(call.global(), limits.global, now_ms);
        if let Some(hidden) = hidden {
            self.take(hidden, limits.webhook_channel, now_ms);
        }
        self.take(key.clone(), limits.of(call.target.route), now_ms);
        let allowance = self.used(&key, limits.of(call.target.route), call);
        if allowance.remaining == 0 {
            self.tell(key, call, allowance.reset_ms);
        }
        Ok(allowance)
    }

    /// What the headers say when nothing is counted.
    pub(crate) fn peek(&self, limits: &Limits, call: &Counted<'_>) -> Allowance {
        self.used(&call.bucket(), limits.of(call.target.route), call)
    }

    /// 429 in the form of its scope; the caller is told to wait.
    pub(crate) fn refuse(
        &mut self,
        call: &Counted<'_>,
        retry_after: Duration,
        scope: Scope,
        allowance: &Allowance,
    ) -> Answer {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        let retry_ms = retry_after.as_millis() as i64;
        let (key, told_ms) = match scope {
            Scope::User | Scope::Shared => (call.bucket(), retry_ms),
            Scope::Global => (call.global(), retry_ms),
            Scope::Cloudflare => (CLOUDFLARE.to_owned(), seconds as i64 * 1000),
        };
        self.tell(key, call, call.now_ms + told_ms);
        let mut answer = if scope == Scope::Cloudflare {
            any_answer(429, "<!DOCTYPE html><html><head><title>Access denied | Error 1015</title></head></html>")
        } else {
            let body = json!({
                "message": "You are being rate limited.", "retry_after": retry_ms as f64 / 1000.0,
                "global": scope == Scope::Global,
            });
            json_answer(StatusCode::TOO_MANY_REQUESTS, &body)
        };
        let headers = answer.headers_mut();
        headers.insert("retry-after", HeaderValue::from(seconds));
        let name = match scope {
            Scope::User => "user",
            Scope::Shared => "shared",
            Scope::Global => "global",
            Scope::Cloudflare => return answer,
        };
        headers.insert("x-ratelimit-scope", HeaderValue::from_static(name));
        if scope == Scope::Global {
            headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
            return answer;
        }
        // The hidden limit is in no header: what they say of the bucket stays as it is.
        if scope == Scope::Shared {
            allowance.put(headers, call.now_ms);
        } else {
            let reset_ms = call.now_ms + retry_ms;
            Allowance { remaining: 0, reset_ms, ..allowance.clone() }.put(headers, call.now_ms);
        }
        answer
    }

    /// Notes that a caller is told to wait. A wait that is told again has begun when it was first told.
    fn tell(&mut self, key: String, call: &Counted<'_>, until_ms: i64) {
        let told = self.told.entry(key).or_default();
        if told.until_ms <= call.now_ms {
            *told = Told { since_ms: call.now_ms, ..Told::default() };
        }
        told.until_ms = told.until_ms.max(until_ms);
        told.over.push(call.connection);
    }

    /// Counts an answer that may end in a ban.
    pub(crate) fn note_answer(&mut self, answer: &Answer) {
        let shared = answer.headers().get("x-ratelimit-scope").is_some_and(|scope| scope == "shared");
        if matches!(answer.status().as_u16(), 401 | 403 | 429) && !shared {
            self.invalid += 1;
        }
    }

    /// Until when nothing more is taken, if that is so.
    fn full(&self, key: &str, limit: Limit, now_ms: i64) -> Option<i64> {
        let window = self.windows.get(key).filter(|window| window.ends_ms > now_ms)?;
        (window.used >= limit.calls).then_some(window.ends_ms)
    }

    fn take(&mut self, key: String, limit: Limit, now_ms: i64) {
        let fresh = Window { ends_ms: now_ms + limit.window.as_millis() as i64, used: 0 };
        let window = self.windows.entry(key).or_insert(fresh);
        if window.ends_ms <= now_ms {
            *window = fresh;
        }
        window.used += 1;
    }

    fn used(&self, key: &str, limit: Limit, call: &Counted<'_>) -> Allowance {
        let fresh = Window { ends_ms: call.now_ms + limit.window.as_millis() as i64, used: 0 };
        let window = self.windows.get(key).filter(|window| window.ends_ms > call.now_ms).copied().unwrap_or(fresh);
        Allowance {
            bucket: bucket_hash(call.target.route),
            limit: limit.calls,
            remaining: limit.calls.saturating_sub(window.used),
            reset_ms: window.ends_ms,
        }
    }
}

impl Allowance {
    /// `X-RateLimit-*` of the bucket.
    pub(crate) fn put(&self, headers: &mut HeaderMap, now_ms: i64) {
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        let texts = [
            ("x-ratelimit-reset", seconds(self.reset_ms)),
            ("x-ratelimit-reset-after", seconds((self.reset_ms - now_ms).max(0))),
            ("x-ratelimit-bucket", self.bucket.clone()),
        ];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// The name of a route's bucket: the same for every channel, guild or webhook.
fn bucket_hash(route: Route) -> String {
    let digest = SpoolId::of_digest(Sha256::digest(format!("{route:?}")).into());
    digest.as_str().chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_on_its_way_is_not_early_and_one_that_knows_better_is() {
        let target = Target { route: Route::Me, parameters: Vec::new() };
        let caller = "token".to_owned();
        let call = |port: u16, now_ms| Counted {
            target: &target,
            caller: &caller,
            connection: SocketAddr::from(([127, 0, 0, 1], port)),
            webhook_channel: None,
            now_ms,
        };
        let mut ledger = Ledger::default();
        let mut told = |port, now_ms, early: usize| {
            ledger.arrive(&call(port, now_ms));
            assert_eq!(ledger.early.len(), early, "over {port} at {now_ms}");
            let allowance = ledger.peek(&Limits::default(), &call(port, now_ms));
            ledger.refuse(&call(port, now_ms), Duration::from_secs(1), Scope::User, &allowance);
        };
        told(1, 0, 0);
        told(2, 99, 0);
        told(2, 99, 1);
        // Told again, the wait has still begun at 0.
        told(3, 100, 2);
        told(4, 1099, 3);
        told(5, 2099, 3);
    }
}
