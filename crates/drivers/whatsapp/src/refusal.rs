//! How a call can fail, and what that means for a send: by status *and* body.

use std::fmt;

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tieline_core::send::{Pause, Scope, SendError, Trouble};
use tieline_net::Transport;

/// What to tell of a token that is refused.
pub(crate) const WRONG_TOKEN: &str = "the WhatsApp addon refuses the token: check `api_token`";

/// How much of what the addon says is shown, in characters.
const SHOWN: usize = 200;

/// A wait of more seconds than this is a time: seconds since 1970.
const EPOCH: i64 = 1_000_000_000;

/// Why a call had no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is an answer, and it says no.
    Refused(Refusal),
    /// There is no whole answer.
    Lost {
        /// Whether the addon may have acted on the call.
        outcome: Transport,
        /// What happened, for people.
        why: String,
    },
    /// There is an answer, but not to what was asked.
    Unusable(String),
    /// The answer has more than so many bytes.
    TooLong(usize),
    /// The addon has no session of this name. It was not asked, since asking would make one.
    NoSession {
        /// The one that is configured.
        wanted: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// A file could not be read from the spool.
    Disk(String),
}

/// What the addon, or something before it, said instead of yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The addon's own words; empty if the answer is not the addon's JSON.
    pub(crate) detail: String,
    /// When the limit ends, if it is one.
    pub(crate) until: Option<Timestamp>,
}

impl Refusal {
    /// Reads an answer that is no success. `now` is needed since the addon says how long to wait, not until when.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &Value, now: Timestamp) -> Self {
        let words = ["detail", "error"].into_iter().find_map(|key| body.get(key)?.as_str());
        let until = (status == StatusCode::TOO_MANY_REQUESTS).then(|| {
            let seconds = |name: &str| {
                let stated = headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok()?;
                // Nobody asks for thirty years: it is the time itself.
                Some(if stated > EPOCH { stated.saturating_sub(now.as_second()) } else { stated })
            };
            let stated = ["ratelimit-reset", "x-ratelimit-reset", "retry-after"].into_iter().filter_map(seconds).max();
            // A wait of nothing would be asked about without a pause; the addon's limit counts minutes.
            let wait = stated.filter(|seconds| *seconds > 0).unwrap_or(60);
            now.checked_add(SignedDuration::from_secs(wait)).unwrap_or(Timestamp::MAX)
        });
        Self { status, detail: words.map(shown).unwrap_or_default(), until }
    }

    /// Whether the addon had to fetch the file and could not: then nothing was sent (`getStream` and the upload of
    /// Baileys come before the message).
    fn is_failed_fetch(&self) -> bool {
        ["fetch failed", "Failed to fetch stream"].iter().any(|words| self.detail.contains(words))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        match self.detail.as_str() {
            "" => Ok(()),
            detail => write!(f, " ({detail})"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "the WhatsApp addon answered {refusal}"),
            Self::Lost { outcome: Transport::NotSent, why } => write!(f, "the WhatsApp addon cannot be reached: {why}"),
            Self::Lost { outcome: Transport::Unknown, why } => write!(f, "no answer from the WhatsApp addon: {why}"),
            Self::Unusable(why) | Self::Disk(why) => f.write_str(why),
            Self::TooLong(limit) => write!(f, "the WhatsApp addon's answer is larger than {limit} bytes"),
            Self::NoSession { wanted, known } => {
                write!(f, "the WhatsApp addon has no session `{wanted}`; ")?;
                match &known[..] {
                    [] => write!(f, "it has none at all")?,
                    known => write!(f, "it has `{}`", known.join("`, `"))?,
                }
                write!(f, ". Correct `session_id`, or add the session on the addon's page")
            }
        }
    }
}

impl Failure {
    /// Whether the token is refused.
    pub(crate) fn is_token(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Whether the same question will never be answered. A refused token may be corrected.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Unusable(_) | Self::TooLong(_) => true,
            Self::Refused(refusal) => {
                refusal.status.is_client_error()
                    && refusal.until.is_none()
                    && !matches!(refusal.status, StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT)
            }
            Self::Lost { .. } | Self::NoSession { .. } | Self::Disk(_) => false,
        }
    }

    /// When a limit ends, if it is one.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Refused(refusal) => refusal.until,
            _ => None,
        }
    }

    /// The status of a refusal.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether WhatsApp does not let a message be changed so, now or ever: too late, not there, not ours. The addon hands
    /// on what was thrown, in any words; what does not speak of the connection is about the message.
    pub(crate) fn refuses_change(&self) -> bool {
        const CONNECTION: [&str; 12] = [
            "connect",
            "timed out",
            "timeout",
            "socket",
            "stream",
            "network",
            "fetch",
            "econn",
            "enotfound",
            "eai_",
            "rate-",
            "restart",
        ];
        match self {
            Self::Refused(refusal) if refusal.status == StatusCode::INTERNAL_SERVER_ERROR => {
                let detail = refusal.detail.to_lowercase();
                !detail.is_empty() && !CONNECTION.iter().any(|word| detail.contains(word))
            }
            _ => false,
        }
    }

    /// What to tell of a question that failed so. `addon`: its base URL, which is no secret.
    pub(crate) fn of_question(&self, addon: &str) -> String {
        match self {
            failure if failure.is_token() => WRONG_TOKEN.to_owned(),
            Self::Lost { .. } => format!("{self} (`addon_url` is {addon})"),
            // The addon knows every call that it is asked, and says in words of its own what it does not like.
            Self::Refused(refusal)
                if matches!(refusal.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
                    || (refusal.status.is_client_error() && refusal.detail.is_empty() && refusal.until.is_none()) =>
            {
                format!("what answers at `addon_url` ({addon}) is no WhatsApp addon: it answered {refusal}")
            }
            Self::Refused(_) => format!("{self}; is `addon_url` ({addon}) the WhatsApp addon?"),
            Self::Unusable(_) | Self::TooLong(_) | Self::NoSession { .. } | Self::Disk(_) => self.to_string(),
        }
    }

    /// Classes a send that failed so. `addon`: its base URL, which is no secret.
    pub(crate) fn of_send(&self, addon: &str) -> SendError {
        let unreachable = |reason: String| SendError::Retryable { reason, trouble: Trouble::Unreachable, after: None };
        let other = |reason: String| SendError::Retryable { reason, trouble: Trouble::Other, after: None };
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::Lost { outcome: Transport::NotSent, .. } | Self::NoSession { .. } => {
                return unreachable(self.to_string());
            }
            Self::Lost { outcome: Transport::Unknown, .. } | Self::Unusable(_) | Self::TooLong(_) => {
                return SendError::Ambiguous { reason: self.to_string() };
            }
            Self::Disk(_) => return other(self.to_string()),
        };
        if let Some(until) = refusal.until {
            return SendError::RateLimited(Pause { scope: Scope::Instance, until });
        }
        let permanent = |more: &str| SendError::Permanent { reason: format!("{self}{more}") };
        match refusal.status {
            StatusCode::UNAUTHORIZED => {
                SendError::Retryable { reason: WRONG_TOKEN.to_owned(), trouble: Trouble::Credentials, after: None }
            }
            // It says so at once, before anything is sent.
            StatusCode::SERVICE_UNAVAILABLE => unreachable(format!("{self}: the account is not connected to WhatsApp")),
            status if status.is_redirection() => unreachable(format!(
                "something in front of the WhatsApp addon redirects ({}); does `addon_url` ({addon}) lead to the addon \
                itself?",
                status.as_u16()
            )),
            status if status.is_server_error() && refusal.is_failed_fetch() => other(format!(
                "{self}: it could not fetch the file. Does `media_url` lead to this relay from where it is?"
            )),
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                SendError::Ambiguous { reason: self.to_string() }
            }
            StatusCode::PAYLOAD_TOO_LARGE => permanent(": the message is larger than the addon takes"),
            _ if !refusal.detail.is_empty() => permanent(""),
            _ => permanent(&format!(
                ": what answers at `addon_url` ({addon}) does not know this call. Is that the WhatsApp addon, and is it up \
                to date?"
            )),
        }
    }
}

/// What the addon said, fit to be shown: a short line without addresses, since one of them may be a signed link of ours.
fn shown(words: &str) -> String {
    let word =
        |word: &str| if word.contains("://") || word.contains("data:") { "…".to_owned() } else { word.to_owned() };
    let line = words.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_000_000).expect("a time")
    }

    fn refused(status: u16, body: &Value) -> SendError {
        let status = StatusCode::from_u16(status).expect("a status");
        Failure::Refused(Refusal::read(status, &HeaderMap::new(), body, now())).of_send("http://addon:8066")
    }

    #[test]
    fn each_answer_has_its_class() {
        assert!(matches!(
            refused(401, &json!({ "error": "Unauthorized", "detail": "Invalid X-Auth-Token" })),
            SendError::Retryable { trouble: Trouble::Credentials, .. }
        ));
        for unsent in [(503, json!({ "detail": "Not connected" })), (503, Value::Null), (302, Value::Null)] {
            let class = refused(unsent.0, &unsent.1);
            assert!(matches!(class, SendError::Retryable { trouble: Trouble::Unreachable, .. }), "{class:?}");
        }
        for unsure in
            [(500, json!({ "detail": "Timed Out" })), (502, Value::Null), (504, Value::Null), (408, Value::Null)]
        {
            assert!(matches!(refused(unsure.0, &unsure.1), SendError::Ambiguous { .. }), "{unsure:?}");
        }
        let SendError::Permanent { reason } = refused(400, &json!({ "detail": "Missing number or url" })) else {
            panic!("what is missing stays missing");
        };
        assert!(reason.contains("Missing number or url"), "{reason}");
        let SendError::Permanent { reason } = refused(404, &Value::Null) else { panic!("no such call") };
        assert!(reason.contains("`addon_url` (http://addon:8066)"), "{reason}");
    }

    #[test]
    fn without_an_answer_it_counts_whether_the_call_left() {
        let class = |failure: &Failure| failure.of_send("http://addon");
        let lost = |outcome| Failure::Lost { outcome, why: "x".to_owned() };
        assert!(matches!(class(&lost(Transport::NotSent)), SendError::Retryable { trouble: Trouble::Unreachable, .. }));
        assert!(matches!(class(&lost(Transport::Unknown)), SendError::Ambiguous { .. }));
        assert!(matches!(class(&Failure::Unusable("x".to_owned())), SendError::Ambiguous { .. }));
        let nobody =
            Failure::NoSession { wanted: "wrok".to_owned(), known: vec!["default".to_owned(), "work".to_owned()] };
        let SendError::Retryable { reason, .. } = class(&nobody) else { panic!("it can be corrected") };
        assert!(reason.contains("`wrok`") && reason.contains("`default`, `work`"), "{reason}");
    }

    #[test]
    fn a_file_that_the_addon_could_not_fetch_was_not_sent_and_its_link_is_not_told() {
        let detail = "Failed to fetch stream from http://relay:8094/tieline-files/sig/1/x.mp4: 404";
        let class = refused(500, &json!({ "detail": detail }));
        let SendError::Retryable { reason, trouble: Trouble::Other, .. } = class else { panic!("{class:?}") };
        assert!(reason.contains("media_url") && !reason.contains("tieline-files"), "{reason}");
    }

    #[test]
    fn what_is_thrown_about_the_message_refuses_the_change() {
        let refuses = |status: u16, body: &Value| {
            let status = StatusCode::from_u16(status).expect("a status");
            Failure::Refused(Refusal::read(status, &HeaderMap::new(), body, now())).refuses_change()
        };
        for about in ["Edit window expired", "item-not-found", "not-allowed"] {
            assert!(refuses(500, &json!({ "detail": about })), "{about}");
            assert!(!refuses(503, &json!({ "detail": about })), "it is not connected");
        }
        for other in ["Timed Out", "Connection Closed", "Stream Errored (conflict)", "read ECONNRESET", ""] {
            assert!(!refuses(500, &json!({ "detail": other })), "{other}");
        }
        assert!(!refuses(500, &Value::Null) && !refuses(400, &json!({ "detail": "Missing number or messageId" })));
    }

    #[test]
    fn a_limit_ends_when_the_headers_say() {
        let until = |headers: &[(&'static str, &'static str)]| {
            let pairs = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
            let headers: HeaderMap = pairs.collect();
            let refusal = Refusal::read(StatusCode::TOO_MANY_REQUESTS, &headers, &Value::Null, now());
            refusal.until.expect("a limit").as_second() - now().as_second()
        };
        assert_eq!(until(&[("ratelimit-reset", "17"), ("ratelimit-remaining", "0")]), 17);
        assert_eq!(until(&[("ratelimit-reset", "17"), ("retry-after", "20")]), 20);
        assert_eq!(until(&[("retry-after", "soon")]), 60);
        assert_eq!(until(&[("ratelimit-reset", "0")]), 60);
        assert_eq!(until(&[("ratelimit-reset", "1795000042")]), 42, "seconds since 1970");
        assert_eq!(until(&[("x-ratelimit-reset", "1795000042")]), 42);
        assert_eq!(until(&[("x-ratelimit-reset", "30")]), 30);
        assert_eq!(until(&[("ratelimit-reset", "1794999999")]), 60, "it is over already");
    }
}
