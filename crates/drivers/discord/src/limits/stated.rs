//! What an answer says about limits: in its headers, and in the body of a refusal.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::Whose;
use super::bucket::Stated;
use crate::code;

/// The wait where a refusal names none that can be read.
const UNSTATED: Duration = Duration::from_mins(1);
/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// What one answer says.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The bucket that the route is counted in.
    pub(crate) bucket: Option<String>,
    /// What is left in it.
    pub(crate) stated: Option<Stated>,
    /// For a 429: how long to wait, and whose limit it is.
    pub(crate) refused: Option<(Duration, Whose)>,
    /// Whether that limit is the resource's, whoever calls.
    pub(crate) is_shared: bool,
    /// Whether Discord counts the answer towards a ban.
    pub(crate) is_invalid: bool,
}

impl Heard {
    /// Reads an answer. `body` is null where it is no JSON.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &Value) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let number = |name: &str| text(name)?.parse::<u32>().ok();
        let stated = || {
            Some(Stated {
                limit: number("x-ratelimit-limit")?,
                remaining: number("x-ratelimit-remaining")?,
                resets_after: seconds(text("x-ratelimit-reset-after")?.parse().ok()?)?,
            })
        };
        let is_shared = text("x-ratelimit-scope") == Some("shared");
        let is_limit = status == StatusCode::TOO_MANY_REQUESTS;
        // A channel's slow mode, and its limit for writing, are waits whatever status they come with.
        let code = body.get("code").and_then(Value::as_u64);
        let is_slow = matches!(code, Some(code::SLOW_MODE | code::WRITE_LIMIT)) && status.is_client_error();
        let refused = (is_limit || is_slow).then(|| {
            let exact = body.get("retry_after").and_then(Value::as_f64).and_then(seconds);
            let whole = text("retry-after").and_then(|text| text.parse().ok()).and_then(seconds);
            let is_global = body.get("global") == Some(&Value::Bool(true))
                || text("x-ratelimit-scope") == Some("global")
                || text("x-ratelimit-global") == Some("true");
            let whose = match body {
                _ if is_global => Whose::Caller,
                Value::Object(_) => Whose::Resource,
                // Not Discord answers, but Cloudflare before it.
                _ => Whose::Address,
            };
            (exact.or(whole).unwrap_or(UNSTATED), whose)
        });
        let counts = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || (is_limit && !is_shared);
        Self {
            bucket: text("x-ratelimit-bucket").map(str::to_owned),
            stated: stated(),
            refused,
            is_shared,
            is_invalid: counts,
        }
    }
}

/// A wait in seconds with decimals.
fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok().map(|wait| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Heard {
        let pairs = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
        Heard::read(StatusCode::from_u16(status).expect("a status"), &pairs.collect(), body)
    }

    #[test]
    fn headers_tell_the_bucket() {
        let headers = [
            ("x-ratelimit-limit", "5"),
            ("x-ratelimit-remaining", "1"),
            ("x-ratelimit-reset-after", "1.250"),
            ("x-ratelimit-bucket", "abc"),
        ];
        let heard = read(200, &headers, &json!({}));
        let resets_after = Duration::from_millis(1250);
        assert_eq!(heard.stated, Some(Stated { limit: 5, remaining: 1, resets_after }));
        assert_eq!((heard.bucket.as_deref(), heard.refused, heard.is_invalid), (Some("abc"), None, false));
        assert_eq!(read(200, &headers[..2], &json!({})).stated, None);
    }

    #[test]
    fn a_refusal_tells_whose_limit_it_is_and_how_long() {
        let short = json!({ "retry_after": 0.65, "global": false });
        let heard = read(429, &[("retry-after", "1"), ("x-ratelimit-scope", "user")], &short);
        assert_eq!(heard.refused, Some((Duration::from_millis(650), Whose::Resource)));
        assert!(heard.is_invalid && !heard.is_shared);
        let heard = read(429, &[("x-ratelimit-scope", "shared")], &short);
        assert!(!heard.is_invalid && heard.is_shared);
        let heard = read(429, &[("retry-after", "65")], &json!({ "retry_after": 64.57, "global": true }));
        assert_eq!(heard.refused, Some((Duration::from_millis(64_570), Whose::Caller)));
        assert_eq!(
            read(429, &[("retry-after", "65")], &Value::Null).refused,
            Some((Duration::from_secs(65), Whose::Address))
        );
        assert_eq!(read(429, &[], &json!({ "retry_after": "soon" })).refused, Some((UNSTATED, Whose::Resource)));
        assert_eq!(read(429, &[], &json!({ "retry_after": 1e300 })).refused, Some((UNSTATED, Whose::Resource)));
        let heard = read(403, &[], &json!({ "code": 20016, "retry_after": 5.5 }));
        assert_eq!(heard.refused, Some((Duration::from_millis(5500), Whose::Resource)), "slow mode");
        for status in [401, 403] {
            assert!(read(status, &[], &Value::Null).is_invalid);
        }
        assert!(!read(404, &[], &Value::Null).is_invalid);
    }
}
