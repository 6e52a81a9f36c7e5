//! Discord's REST calls: credentials, limits, and answers read with their limits.
//!
//! Every call obeys the limits by itself. One that only asks waits for a while; one that sends does not, and ends as
//! [`Failure::Limited`], so that its lane waits and says so.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tieline_core::clock::Clock;
use tieline_core::driver::BuildError;
use tieline_core::throttle::Throttle;
use tieline_net::client::upload_time;
use tieline_net::{ClientSettings, Unanswered, client, describe, outcome, read_whole};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::instance::Instance;
use crate::limits::{About, Caller, Counted, Heard, Left, Limits, Refused, RefusedRoutes, Route, Until, Wait, Whose};
use crate::refusal::{Failure, Refusal};
use crate::snowflake::Snowflake;
use crate::upload::{Upload, form};

/// What we call ourselves: Discord demands this form (D/reference).
pub(crate) const USER_AGENT: &str =
    concat!("DiscordBot (https://github.com/tieline/tieline, ", env!("CARGO_PKG_VERSION"), ")");
/// The longest answer that is read: a hundred messages with their embeds.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// How long a call may take to the last byte of its answer, files apart.
const ANSWER_TIME: Duration = Duration::from_mins(1);
/// How long a question waits for limits.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a send waits for others to be answered, or for the pace of all calls.
const SEND_PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait for the pace of all calls that a send takes upon itself.
const SHORT: Duration = Duration::from_secs(1);
/// When a call is tried again that waited too long for the answer to another.
const SOON: Duration = Duration::from_secs(1);

/// Discord, as this instance may call it.
pub(crate) struct Api {
    instance: Arc<Instance>,
    clock: Arc<dyn Clock>,
    http: Client,
    uploads: Client,
    state: Mutex<State>,
    /// Rings when a call is over.
    over: Notify,
    stopped: Throttle,
}

#[derive(Default)]
struct State {
    limits: Limits,
    refused: RefusedRoutes,
}

/// A call.
pub(crate) struct Call<'c> {
    pub(crate) method: Method,
    /// The path below the API's URL, without a slash in front, with its query.
    pub(crate) path: &'c str,
    pub(crate) payload: Payload<'c>,
    pub(crate) caller: Caller,
    /// The channel into which a webhook says something.
    pub(crate) into: Option<Snowflake>,
    /// Whether it waits for limits.
    pub(crate) waits: bool,
    /// Whether it is about what somebody else wrote, for which another permission is needed.
    pub(crate) of_others: bool,
}

/// What a call says.
pub(crate) enum Payload<'p> {
    Nothing,
    Json(&'p Value),
    /// A message with files.
    Files(&'p Value, &'p [Upload]),
}

/// A success.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The body; null if there is none.
    pub(crate) body: Value,
    /// Until when this call must not be made again, if this one was the last that the limit allowed.
    pub(crate) spent_until: Option<Timestamp>,
}

impl Api {
    pub(crate) fn new(instance: Arc<Instance>, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let settings =
            ClientSettings { user_agent: USER_AGENT.to_owned(), ..ClientSettings::through(instance.proxy.clone()) };
        let built = |settings: &ClientSettings| client(settings).map_err(|error| BuildError(error.to_string()));
        Ok(Self {
            http: built(&settings)?,
            uploads: built(&settings.clone().for_uploads())?,
            instance,
            clock,
            state: Mutex::default(),
            over: Notify::new(),
            stopped: Throttle::default(),
        })
    }

    /// Asks, as the bot. `path` is below the API's URL, without a slash in front; it may have a query.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, Payload::Nothing, Caller::Bot).await
    }

    /// Makes a call that is no message, as the bot.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::POST, path, Payload::Json(body), Caller::Bot).await
    }

    /// Asks by a webhook's token, which is in the path.
    pub(crate) async fn get_by_webhook(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, Payload::Nothing, Caller::Webhook).await
    }

    async fn ask(&self, method: Method, path: &str, payload: Payload<'_>, caller: Caller) -> Result<Value, Failure> {
        Ok(self.call(&Call { method, path, payload, caller, into: None, waits: true, of_others: false }).await?.body)
    }

    /// Makes a call when the limits allow it.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let request = self.request(call).await?;
        let uploads = matches!(call.payload, Payload::Files(..));
        let counted =
            Counted { route: Route::of(&call.method, call.path), caller: call.caller, into: call.into, uploads };
        let about = match uploads {
            true => About::Files,
            false if call.of_others => About::Others,
            false => About::Own,
        };
        let under_way = self.admit(&counted, about, call.waits).await?;
        let response = request.send().await.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        // The headers count, also if the rest of the answer is lost.
        let body = read_whole(response, ANSWER_LIMIT).await.map_err(unread);
        let json =
            body.as_ref().ok().and_then(|answered| serde_json::from_slice(&answered.body).ok()).unwrap_or(Value::Null);
        let heard = Heard::read(status, &headers, &json);
        let limited = heard.refused;
        let spent = under_way.answered(&heard);
        if let Some((wait, whose)) = limited {
            return Err(Failure::Limited { until: self.time_in(wait), whose });
        }
        if status.is_success() {
            return match body {
                Ok(_) if !json.is_null() || status == StatusCode::NO_CONTENT => {
                    self.note_success(&counted, about);
                    Ok(Answer { body: json, spent_until: spent.map(|until| self.time_of(until)) })
                }
                Ok(_) => Err(Failure::Unusable(format!(
                    "what answers at `api_url` ({}) is not Discord: its answer is no JSON",
                    self.instance.api
                ))),
                Err(failure) => Err(failure),
            };
        }
        let refusal = Refusal::read(&counted.route, status, &json);
        // Nobody else knows the token of a webhook that we made, so nobody else can mask it.
        let refusal = token_of_webhook(call.path).into_iter().fold(refusal, Refusal::without);
        self.note_refusal(&counted, about, &refusal);
        Err(Failure::Refused(refusal))
    }

    async fn request(&self, call: &Call<'_>) -> Result<RequestBuilder, Failure> {
        let url = format!("{}/{}", self.instance.api.as_str().trim_end_matches('/'), call.path);
        let request = match &call.payload {
            Payload::Nothing => self.http.request(call.method.clone(), url).timeout(ANSWER_TIME),
            Payload::Json(body) => self.http.request(call.method.clone(), url).json(body).timeout(ANSWER_TIME),
            Payload::Files(body, files) => {
                let (form, size) = form(body, files).await?;
                self.uploads.request(call.method.clone(), url).multipart(form).timeout(upload_time(size))
            }
        };
        match (call.caller, &self.instance.bot_token) {
            (Caller::Webhook, _) => Ok(request),
            (Caller::Bot, Some(token)) => Ok(request.header(AUTHORIZATION, format!("Bot {}", token.reveal()))),
            (Caller::Bot, None) => Err(Failure::NoToken),
        }
    }

    /// Waits until a call may leave, if it is one that waits.
    async fn admit(&self, call: &Counted, about: About, waits: bool) -> Result<UnderWay<'_>, Failure> {
        let deadline = Instant::now() + if waits { PATIENCE } else { SEND_PATIENCE };
        loop {
            // Whoever listens before it looks misses no ring.
            let mut over = pin!(self.over.notified());
            over.as_mut().enable();
            let now = Instant::now();
            let Wait { until, whose } = {
                let mut state = self.state();
                let refused = [refused_token(call), Some(refused_route(call, about))];
                if let Some(refusal) = refused.iter().flatten().find_map(|call| state.refused.get(call, now)) {
                    return Err(Failure::Refused(refusal));
                }
                match state.limits.leave(call, now) {
                    Ok(left) => return Ok(UnderWay { api: self, left: Some(left) }),
                    Err(wait) => wait,
                }
            };
            match until {
                Until::Answer => {
                    if timeout_at(deadline, over).await.is_err() {
                        return Err(Failure::Limited { until: self.time_in(SOON), whose });
                    }
                }
                Until::Time(time) => {
                    let short = whose == Whose::Caller && time <= now + SHORT;
                    if time > deadline || !(waits || short) {
                        if whose == Whose::Refusals {
                            self.tell_stopped(self.time_of(time));
                        }
                        return Err(Failure::Limited { until: self.time_of(time), whose });
                    }
                    sleep_until(time).await;
                }
            }
        }
    }

    fn note_success(&self, call: &Counted, about: About) {
        let mut state = self.state();
        state.refused.clear(&refused_route(call, about));
        if let Some(token) = refused_token(call) {
            state.refused.clear(&token);
        }
    }

    /// Keeps what would be refused again, and tells it once.
    fn note_refusal(&self, call: &Counted, about: About, refusal: &Refusal) {
        let Some(keep) = refusal.left_alone() else { return };
        let refused = match refused_token(call) {
            Some(token) if refusal.refuses_credentials() => token,
            _ => refused_route(call, about),
        };
        if self.state().refused.note(refused, refusal, keep, Instant::now()) {
            tracing::warn!(
                instance = %self.instance.id,
                at = call.route.about(),
                %refusal,
                "Discord refuses a call, which is left alone for a while",
            );
        }
    }

    fn tell_stopped(&self, until: Timestamp) {
        if let Some(withheld) = self.stopped.admit(self.clock.now()) {
            tracing::warn!(
                instance = %self.instance.id,
                %until,
                withheld,
                "Discord refused so many calls that all stop for a while, before it bans this address",
            );
        }
    }

    /// A moment as the clock shows it, never too early.
    fn time_of(&self, moment: Instant) -> Timestamp {
        self.time_in(moment.saturating_duration_since(Instant::now()))
    }

    fn time_in(&self, wait: Duration) -> Timestamp {
        // What stores a time may cut it to milliseconds.
        let wait = SignedDuration::try_from(wait + Duration::from_millis(1)).unwrap_or(SignedDuration::MAX);
        self.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way. However it ends, it is counted as over.
struct UnderWay<'a> {
    api: &'a Api,
    left: Option<Left>,
}

impl UnderWay<'_> {
    /// Notes what the answer says of limits. Returns until when the next such call must wait, if it must.
    fn answered(mut self, heard: &Heard) -> Option<Instant> {
        let left = self.left.take()?;
        self.come_back(left, Some(heard))
    }

    fn come_back(&self, left: Left, heard: Option<&Heard>) -> Option<Instant> {
        let spent = self.api.state().limits.come_back(left, heard, Instant::now());
        self.api.over.notify_waiters();
        spent
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            self.come_back(left, None);
        }
    }
}

/// The token in the path of a webhook's call.
fn token_of_webhook(path: &str) -> Option<&str> {
    let path = path.strip_prefix("webhooks/")?.split('?').next()?;
    path.split('/').nth(1).filter(|token| !token.is_empty())
}

fn refused_token(call: &Counted) -> Option<Refused> {
    (call.caller == Caller::Bot).then_some(Refused::Token)
}

fn refused_route(call: &Counted, about: About) -> Refused {
    Refused::Route(call.route.clone(), about)
}

/// An answer that could not be read.
fn unread(unanswered: Unanswered) -> Failure {
    match unanswered {
        Unanswered::Lost { outcome, why } => Failure::Lost { outcome, why },
        Unanswered::TooLong => Failure::Unusable(format!("Discord's answer is larger than {ANSWER_LIMIT} bytes")),
    }
}

pub(crate) fn lost(error: &reqwest::Error) -> Failure {
    Failure::Lost { outcome: outcome(error), why: describe(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{resolve, settings};
    use serde_json::json;
    use tieline_core::driver::Defaults;
    use tieline_core::id::InstanceId;
    use tieline_testkit::{RecordingLog, SystemClock};

    fn api() -> Api {
        let written = json!({ "bot_token": "t0k", "api_url": "http://127.0.0.1:9/api/v10" });
        let (settings, mut problems) = settings::read(&written);
        let id = InstanceId::new("dc").expect("an id");
        let instance = resolve::resolve(&id, &settings.expect("sound"), &Defaults::default(), &mut problems);
        Api::new(Arc::new(instance.expect("sound")), Arc::new(SystemClock)).expect("a client")
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_calls_stop_it_is_said() {
        let log = RecordingLog::start();
        let api = api();
        let mut stopped = 0;
        for n in 0..2000 {
            let call = asked(&format!("channels/{n}"));
            match api.admit(&call, About::Own, true).await {
                Ok(under_way) => {
                    under_way.answered(&Heard { is_invalid: true, ..Heard::default() });
                }
                Err(failure) => {
                    assert!(matches!(failure, Failure::Limited { whose: Whose::Refusals, .. }), "{failure:?}");
                    assert!(failure.to_string().contains("bans this address"), "{failure}");
                    stopped += 1;
                }
            }
        }
        assert!(stopped >= 1000, "{stopped}");
        assert_eq!(log.warnings().len(), 1, "{:?}", log.warnings());
    }

    fn asked(path: &str) -> Counted {
        Counted { route: Route::of(&Method::GET, path), caller: Caller::Bot, into: None, uploads: false }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_anothers_answer_gets_it_or_is_told_to_come_again() {
        let api = api();
        let call = asked("channels/1");
        let first = api.admit(&call, About::Own, false).await.expect("nobody is there");
        let second = api.admit(&call, About::Own, false).await.map(|_| ());
        assert!(matches!(second, Err(Failure::Limited { whose: Whose::Resource, .. })), "{second:?}");
        let third = api.admit(&call, About::Own, false);
        let answered = async { first.answered(&Heard::default()) };
        let (third, _) = tokio::join!(third, answered);
        third.map(|_| ()).expect("the first is answered");
    }
}
