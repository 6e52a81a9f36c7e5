//! How a call can fail, as the server says it.

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tieline_net::Transport;

/// Why a call had no success.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The server answered, and said no.
    Refused(Refusal),
    /// There is no whole answer.
    Transport {
        /// Whether the server may have acted on the call.
        outcome: Transport,
        /// What happened, for people.
        why: String,
    },
    /// There is an answer, but it is none to what was asked: too large, or about something else.
    Unusable {
        /// What is wrong with it, for people.
        why: String,
    },
}

/// What the server said instead of yes.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The error's code: `errorType`, or what stands in brackets at the end of the text. May be empty.
    pub(crate) code: String,
    /// The error's text. May be empty.
    pub(crate) text: String,
    /// When the limit ends, if it is one.
    pub(crate) until: Option<Timestamp>,
}

impl Refusal {
    /// Reads an answer that is no success. `now` is needed where the server only says how long to wait.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &Value, now: Timestamp) -> Self {
        // A hook that is asked for an answer for each channel says there what went wrong, and nowhere else.
        let text = ["/error", "/message", "/responses/0/error"];
        let text = text.into_iter().find_map(|at| body.pointer(at)?.as_str()).unwrap_or_default();
        let bracketed = || text.trim_end().strip_suffix(']')?.rsplit_once('[').map(|(_, code)| code);
        let named = body.get("errorType").and_then(Value::as_str).filter(|code| !code.is_empty());
        let code = named.or_else(bracketed).unwrap_or(text).to_owned();
        let limited = status == StatusCode::TOO_MANY_REQUESTS || code.contains("too-many-requests");
        let until = limited.then(|| {
            let seconds =
                |text: &str| text.trim().parse().ok().map(|seconds| later(now, SignedDuration::from_secs(seconds)));
            let named = text.split_once("wait ").and_then(|(_, rest)| seconds(rest.split(' ').next()?));
            let header = headers.get("retry-after").and_then(|value| seconds(value.to_str().ok()?));
            let coming = |until: &Timestamp| *until > now;
            let stated = [reset(headers), header].into_iter().flatten().filter(coming).max();
            // The text rounds to seconds, so it counts only where the headers are silent.
            let stated = stated.or(named.filter(coming));
            // A wait of nothing would be asked about without a pause.
            let stated = stated.unwrap_or_else(|| later(now, SignedDuration::from_mins(1)));
            stated.max(later(now, SignedDuration::from_secs(1)))
        });
        Self { status, code, text: text.to_owned(), until }
    }

    /// Whether the credentials are refused.
    pub(crate) fn is_login(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// Whether the code, or the text, is this one.
    pub(crate) fn says(&self, what: &str) -> bool {
        self.code == what || self.text.contains(what)
    }

    /// Whether the bot may not show another name or picture than its own.
    pub(crate) fn is_impersonation(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.says("Not enough permission")
    }

    /// Whether the bot may not write in the room.
    pub(crate) fn is_no_access(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
            || ["error-not-allowed", "error-invalid-room", "error-unauthorized", "error-forbidden"]
                .contains(&self.code.as_str())
    }
}

/// `X-RateLimit-Reset`: milliseconds since 1970.
///
/// What stands before the server may count in another unit. Read as milliseconds, seconds of today lie in January 1970 and
/// microseconds of today after the year 5138, where no limit ends; such a number is taken in its own unit. Nothing else is
/// changed: we never wait less than was said.
pub(crate) fn reset(headers: &HeaderMap) -> Option<Timestamp> {
    let value: i64 = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
    match value {
        1_000_000_000..100_000_000_000 => Timestamp::from_second(value).ok(),
        100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_microsecond(value).ok(),
        _ => Timestamp::from_millisecond(value).ok(),
    }
}

/// A time after another, as late as there is one.
pub(crate) fn later(time: Timestamp, wait: SignedDuration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transport { why, .. } | Self::Unusable { why } => f.write_str(why),
            Self::Refused(refusal) if refusal.text.is_empty() => write!(f, "Rocket.Chat answered {}", refusal.status),
            Self::Refused(refusal) => write!(f, "Rocket.Chat answered {}: {}", refusal.status, short(&refusal.text)),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        Timestamp::from_second(1_000).unwrap()
    }

    #[test]
    fn a_limit_ends_where_the_server_says() {
        let mut headers = HeaderMap::new();
        let body = json!({ "success": false, "error": "Error, too many requests. Please slow down. You must wait 42 seconds before trying this endpoint again. [error-too-many-requests]" });
        let status = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(Refusal::read(status, &headers, &body, now()).until, Timestamp::from_second(1_042).ok());
        assert_eq!(Refusal::read(status, &headers, &Value::Null, now()).until, Timestamp::from_second(1_060).ok());
        headers.insert("x-ratelimit-reset", "1500123".parse().unwrap());
        assert_eq!(Refusal::read(status, &headers, &body, now()).until, Timestamp::from_millisecond(1_500_123).ok());
    }

    #[test]
    fn the_longest_stated_wait_counts_and_none_is_shorter_than_a_second() {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "120".parse().unwrap());
        assert_eq!(Refusal::read(status, &headers, &Value::Null, now()).until, Timestamp::from_second(1_120).ok());
        headers.insert("x-ratelimit-reset", "1000001".parse().unwrap());
        assert_eq!(Refusal::read(status, &headers, &Value::Null, now()).until, Timestamp::from_second(1_120).ok());
        headers.remove("retry-after");
        assert_eq!(Refusal::read(status, &headers, &Value::Null, now()).until, Timestamp::from_second(1_001).ok());
    }

    #[test]
    fn a_reset_in_another_unit_is_understood() {
        let reset = |written: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-reset", written.parse().unwrap());
            reset(&headers)
        };
        let noon = "2026-03-01T12:00:00Z".parse().ok();
        for written in ["1772366400000", " 1772366400 ", "1772366400000000"] {
            assert_eq!(reset(written), noon, "{written}");
        }
        // Far away, but a time all the same: it is believed.
        assert_eq!(reset("4102444800000"), "2100-01-01T00:00:00Z".parse().ok());
        assert_eq!(reset("1500123"), Timestamp::from_millisecond(1_500_123).ok());
        assert_eq!(reset("soon"), None);
    }

    #[test]
    fn a_code_is_found_wherever_it_stands() {
        let read = |body: Value| Refusal::read(StatusCode::BAD_REQUEST, &HeaderMap::new(), &body, now());
        let both =
            json!({ "error": "Not allowed [error-action-not-allowed]", "errorType": "error-action-not-allowed" });
        assert_eq!(read(both).code, "error-action-not-allowed");
        assert_eq!(read(json!({ "error": "Not allowed [error-not-allowed]" })).code, "error-not-allowed");
        assert!(read(json!({ "error": "Not enough permission" })).is_impersonation());
    }
}
