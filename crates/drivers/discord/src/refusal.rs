//! How a call can fail, and what that means for a send: by status *and* error code.

mod words;

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use tieline_core::send::{Pause, Scope, SendError, Trouble};
use tieline_net::Transport;

use crate::code;
use crate::limits::{Route, Whose};
use crate::refusal::words::{shown, wrong_fields};
use crate::remedy::{self, VIEW, needs};
use crate::resolve::WHERE_FROM;

/// How many wrong fields are shown.
const FIELDS: usize = 5;
/// How long a channel is left alone where a permission is missing, and a webhook that is gone.
const LEFT_ALONE: Duration = Duration::from_mins(5);
/// How long a token that was refused is not shown again; the relay's first try comes after 10 s.
const TOKEN_LEFT_ALONE: Duration = Duration::from_secs(9);

/// Why a call had no success. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is an answer, and it says no.
    Refused(Refusal),
    /// A limit does not allow the call, by an answer to it or to an earlier one. Nothing was done.
    Limited {
        /// When it may be made.
        until: Timestamp,
        /// Whose limit it is.
        whose: Whose,
    },
    /// There is no whole answer.
    Lost {
        /// Whether Discord may have acted on the call.
        outcome: Transport,
        /// What happened, for people.
        why: String,
    },
    /// There is an answer, but not to what was asked.
    Unusable(String),
    /// Only a bot may ask this, and the instance has none.
    NoToken,
    /// A file could not be read from the spool.
    Disk(String),
}

/// What Discord, or something before it, said instead of yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// Discord's error code; `None` if the answer is not Discord's JSON.
    pub(crate) code: Option<u64>,
    /// Discord's own words.
    message: String,
    /// Of a form that is wrong: each wrong field with its error's code.
    fields: Vec<(String, String)>,
    /// The permissions that the call needs, for people.
    needs: &'static str,
    /// Nobody was asked: it was refused a moment ago, and that is believed for this long.
    pub(crate) again_in: Option<Duration>,
}

impl Refusal {
    /// Reads an answer that is no success. `body` is null where it is no JSON.
    pub(crate) fn read(route: &Route, status: StatusCode, body: &Value) -> Self {
        let mut fields = Vec::new();
        if let Some(errors) = body.get("errors") {
            wrong_fields(errors, &mut String::new(), &mut fields);
        }
        Self {
            status,
            code: body.get("code").and_then(Value::as_u64),
            message: shown(body.get("message").and_then(Value::as_str).unwrap_or_default()),
            fields,
            needs: needs(&route.pattern),
            again_in: None,
        }
    }

    /// The same without a secret of the call, should it be among Discord's words.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        let said = self.fields.iter_mut().flat_map(|(field, code)| [field, code]).chain([&mut self.message]);
        said.for_each(|words| *words = words.replace(secret, "…"));
        self
    }

    /// The same, without anybody having been asked.
    pub(crate) fn believed_for(self, again_in: Duration) -> Self {
        Self { again_in: Some(again_in), ..self }
    }

    /// Whether Discord does not know the bot's token.
    pub(crate) fn refuses_credentials(&self) -> bool {
        match self.code {
            Some(code::INVALID_WEBHOOK_TOKEN) => false,
            Some(code::UNAUTHORIZED | code::INVALID_TOKEN) => true,
            _ => self.status == StatusCode::UNAUTHORIZED,
        }
    }

    /// Whether a permission is missing.
    pub(crate) fn is_permission(&self) -> bool {
        matches!(self.code, Some(code::MISSING_ACCESS | code::MISSING_PERMISSIONS))
    }

    /// Whether the webhook is gone, or its token is not good any more.
    pub(crate) fn is_dead_webhook(&self) -> bool {
        matches!(self.code, Some(code::UNKNOWN_WEBHOOK | code::INVALID_WEBHOOK_TOKEN))
    }

    /// Whether the files are too large, or the request with them.
    pub(crate) fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE
            || matches!(self.code, Some(code::REQUEST_TOO_LARGE | code::FILE_TOO_LARGE))
    }

    /// Whether a field of the form is wrong.
    pub(crate) fn is_field(&self, name: &str) -> bool {
        self.code == Some(code::INVALID_FORM) && self.fields.iter().any(|(field, _)| field == name)
    }

    /// How long the same call is not made again.
    pub(crate) fn left_alone(&self) -> Option<Duration> {
        if self.refuses_credentials() {
            return Some(TOKEN_LEFT_ALONE);
        }
        let lasts = self.is_permission() || self.is_dead_webhook() || self.code == Some(code::TOO_MANY_WEBHOOKS);
        lasts.then_some(LEFT_ALONE)
    }

    /// What a person can do about it, where that is known.
    fn remedy(&self) -> Option<String> {
        match self.code? {
            code::MISSING_ACCESS if self.needs != VIEW => {
                Some(format!("give the bot {VIEW} in this channel, and {}", self.needs))
            }
            code::MISSING_ACCESS | code::MISSING_PERMISSIONS => {
                Some(format!("give the bot {} in this channel", self.needs))
            }
            code::INVALID_FORM if !self.fields.is_empty() => {
                let fields = self.fields.iter().take(FIELDS).map(|(name, code)| format!("`{name}` ({code})"));
                let fields: Vec<String> = fields.collect();
                Some(format!("it does not take {}", fields.join(", ")))
            }
            _ if self.is_too_large() => {
                Some("the files are larger than this server takes: lower `max_file_size`".to_owned())
            }
            code => remedy::of(code).map(str::to_owned),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.refuses_credentials() {
            return write!(f, "Discord refuses the bot's token: check `bot_token`; {WHERE_FROM}");
        }
        write!(f, "Discord answered {}", self.status.as_u16())?;
        match self.code.filter(|code| *code > 0) {
            Some(code) if self.message.is_empty() => write!(f, " (code {code})")?,
            Some(code) => write!(f, " \"{}\" (code {code})", self.message)?,
            None if !self.message.is_empty() => write!(f, " \"{}\"", self.message)?,
            None => {}
        }
        match self.remedy() {
            Some(remedy) => write!(f, ": {remedy}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Limited { until, whose: Whose::Refusals } => write!(
                f,
                "Discord refused so many calls that all stop until {until}, before it bans this address; the log says what \
                was refused"
            ),
            Self::Limited { until, .. } => write!(f, "Discord asks to wait until {until}"),
            Self::Lost { outcome: Transport::NotSent, why } => write!(f, "Discord cannot be reached: {why}"),
            Self::Lost { outcome: Transport::Unknown, why } => write!(f, "no answer from Discord: {why}"),
            Self::Unusable(why) | Self::Disk(why) => f.write_str(why),
            Self::NoToken => write!(f, "only a bot may ask this, and `bot_token` is missing; {WHERE_FROM}"),
        }
    }
}

impl Failure {
    /// The status of a refusal.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// Discord's code of a refusal.
    pub(crate) fn code(&self) -> Option<u64> {
        self.refusal().and_then(|refusal| refusal.code)
    }

    /// The refusal, if it is one.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) = self { Some(refusal) } else { None }
    }

    /// Whether the bot's token is refused.
    pub(crate) fn refuses_credentials(&self) -> bool {
        self.refusal().is_some_and(Refusal::refuses_credentials)
    }

    /// Until when Discord asks to wait.
    pub(crate) fn pause(&self) -> Option<Timestamp> {
        if let Self::Limited { until, .. } = self { Some(*until) } else { None }
    }

    /// Classes a send that failed so. `scope`: what must wait with it.
    pub(crate) fn of_send(&self, scope: &Scope) -> SendError {
        let retryable = |trouble: Trouble, after: Option<Duration>| SendError::Retryable {
            reason: self.to_string(),
            trouble,
            after,
        };
        let ambiguous = || SendError::Ambiguous { reason: self.to_string() };
        let permanent = || SendError::Permanent { reason: self.to_string() };
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::Limited { until, whose } => {
                let scope = if *whose == Whose::Resource { scope.clone() } else { Scope::Instance };
                return SendError::RateLimited(Pause { scope, until: *until });
            }
            Self::Lost { outcome: Transport::NotSent, .. } => return retryable(Trouble::Unreachable, None),
            Self::Lost { outcome: Transport::Unknown, .. } | Self::Unusable(_) => return ambiguous(),
            Self::NoToken => return permanent(),
            Self::Disk(_) => return retryable(Trouble::Other, None),
        };
        let somebody_elses = || SendError::Retryable {
            reason: format!(
                "something in front of Discord answers {} in its place; is `api_url` right?",
                refusal.status.as_u16()
            ),
            trouble: Trouble::Unreachable,
            after: Some(Duration::from_secs(30)),
        };
        match (refusal.status, refusal.code) {
            _ if refusal.refuses_credentials() => retryable(Trouble::Credentials, None),
            _ if refusal.is_permission() || refusal.code == Some(code::TOO_MANY_WEBHOOKS) => {
                retryable(Trouble::Other, refusal.again_in.or_else(|| refusal.left_alone()))
            }
            // A bot's repeat is harmless for a while, but the same question decides it as for a webhook's.
            (status, _) if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => ambiguous(),
            (StatusCode::PAYLOAD_TOO_LARGE, _) => permanent(),
            (_, None) | (StatusCode::NOT_FOUND, Some(0)) => somebody_elses(),
            _ => permanent(),
        }
    }

    /// Classes a send that was not made because what had to be asked before it failed so.
    pub(crate) fn before_send(&self, scope: &Scope) -> SendError {
        match self.of_send(scope) {
            SendError::Ambiguous { reason } => {
                SendError::Retryable { reason, trouble: Trouble::Unreachable, after: None }
            }
            error => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use serde_json::json;

    fn scope() -> Scope {
        Scope::Named("channel:1".to_owned())
    }

    fn refused(status: u16, body: &Value) -> Failure {
        let route = Route::of(&Method::POST, "channels/1/messages");
        Failure::Refused(Refusal::read(&route, StatusCode::from_u16(status).expect("a status"), body))
    }

    fn class(status: u16, body: &Value) -> SendError {
        refused(status, body).of_send(&scope())
    }

    fn coded(status: u16, code: u64) -> SendError {
        class(status, &json!({ "code": code, "message": "Discord's words" }))
    }

    #[test]
    fn a_bad_token_holds_the_instance_and_a_webhooks_does_not() {
        for failure in
            [refused(401, &json!({ "code": 0 })), refused(401, &Value::Null), refused(403, &json!({ "code": 40001 }))]
        {
            assert!(failure.refuses_credentials());
            let SendError::Retryable { reason, trouble: Trouble::Credentials, .. } = failure.of_send(&scope()) else {
                panic!("{failure:?}");
            };
            assert!(reason.contains("`bot_token`"), "{reason}");
        }
        let SendError::Permanent { reason } = coded(401, 50027) else { panic!("it is the webhook's") };
        assert!(reason.contains("`webhook_url`"), "{reason}");
    }

    #[test]
    fn what_a_person_must_put_right_waits_and_names_the_remedy() {
        for (code, remedy) in [(50013, "`Send Messages`"), (50001, "`View Channel`"), (30007, "delete a webhook")] {
            let SendError::Retryable { reason, trouble: Trouble::Other, after: Some(after) } = coded(403, code) else {
                panic!("{code} is no end of the message");
            };
            assert!(reason.contains(remedy) && after >= Duration::from_mins(1), "{reason}");
        }
    }

    #[test]
    fn what_can_never_arrive_is_permanent_and_says_why() {
        for (status, code, remedy) in [
            (400, 200_000, "AutoMod"),
            (400, 50006, "nothing in the message"),
            (400, 50083, "reopen the thread"),
            (403, 160_005, "locked"),
            (404, 10003, "`channel_id`, or the URL"),
            (404, 10015, "`webhook_url`"),
            (400, 220_001, "forum"),
            (413, 40005, "max_file_size"),
            (400, 12345, "Discord's words"),
        ] {
            let SendError::Permanent { reason } = coded(status, code) else { panic!("{code} may arrive later") };
            assert!(reason.contains(remedy), "{reason}");
        }
    }

    #[test]
    fn wrong_fields_are_named() {
        let errors = json!({ "username": { "_errors": [{ "code": "USERNAME_INVALID_CONTAINS", "message": "x" }] },
            "embeds": { "0": { "url": { "_errors": [{ "code": "URL_TYPE_INVALID_URL" }] } } } });
        let failure = refused(400, &json!({ "code": 50035, "message": "Invalid Form Body", "errors": errors }));
        let refusal = failure.refusal().expect("one");
        assert!(refusal.is_field("username") && !refusal.is_field("avatar_url"));
        assert!(failure.to_string().contains("`embeds.0.url` (URL_TYPE_INVALID_URL)"), "{failure}");
    }

    #[test]
    fn without_an_answer_of_discords_it_counts_whether_the_message_can_have_arrived() {
        for unsure in [class(502, &Value::Null), class(500, &json!({ "code": 0 })), class(408, &Value::Null)] {
            assert!(matches!(unsure, SendError::Ambiguous { .. }), "{unsure:?}");
        }
        for unsent in [class(404, &Value::Null), class(302, &Value::Null), class(403, &Value::Null)] {
            assert!(matches!(unsent, SendError::Retryable { trouble: Trouble::Unreachable, .. }), "{unsent:?}");
        }
        let lost = |outcome| Failure::Lost { outcome, why: "x".to_owned() };
        assert!(matches!(lost(Transport::NotSent).of_send(&scope()), SendError::Retryable { .. }));
        assert!(matches!(lost(Transport::Unknown).of_send(&scope()), SendError::Ambiguous { .. }));
        assert!(matches!(lost(Transport::Unknown).before_send(&scope()), SendError::Retryable { .. }));
    }

    #[test]
    fn a_limit_waits_in_its_scope() {
        let until = Timestamp::from_second(1_795_000_000).expect("a time");
        let limited = |whose| Failure::Limited { until, whose }.of_send(&scope());
        assert_eq!(limited(Whose::Resource), SendError::RateLimited(Pause { scope: scope(), until }));
        assert_eq!(limited(Whose::Caller), SendError::RateLimited(Pause { scope: Scope::Instance, until }));
    }
}
