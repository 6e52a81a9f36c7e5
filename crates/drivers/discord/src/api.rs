//! Discord's REST calls: credentials, limits, and answers read with their limits.
//!
//! Every call obeys the limits by itself. One that only asks waits for a while; one that sends does not, and ends as
//! [`Failure::Limited`], so that its lane waits and says so.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tieline_core::clock::Clock;
use tieline_core::driver::BuildError;
use tieline_core::throttle::Throttle;
use tieline_net::client::upload_time;
use tieline_net::spool::file_body;
use tieline_net::{ClientSettings, Transport, client, describe, outcome};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::instance::Instance;
use crate::limits::{Caller, Counted, Heard, Left, Limits, Refused, RefusedRoutes, Route, Until, Wait, Whose};
use crate::refusal::{Failure, Refusal};
use crate::snowflake::Snowflake;

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
}

/// What a call says.
pub(crate) enum Payload<'p> {
    Nothing,
    Json(&'p Value),
    /// A message with files.
    Files(&'p Value, &'p [Upload]),
}

/// A file on its way to Discord.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Where its bytes are.
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    /// Its MIME type, or empty.
    pub(crate) mime: String,
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
        Ok(self.call(&Call { method, path, payload, caller, into: None, waits: true }).await?.body)
    }

    /// Makes a call when the limits allow it.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let request = self.request(call).await?;
        let counted = Counted { route: Route::of(&call.method, call.path), caller: call.caller, into: call.into };
        let has_files = matches!(call.payload, Payload::Files(..));
        let under_way = self.admit(&counted, has_files, call.waits).await?;
        let response = request.send().await.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        // The headers count, also if the rest of the answer is lost.
        let body = read(response).await;
        let json = body.as_deref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
        let heard = Heard::read(status, &headers, &json);
        let limited = heard.refused;
        let spent = under_way.answered(&heard);
        if let Some((wait, whose)) = limited {
            return Err(Failure::Limited { until: self.time_in(wait), whose });
        }
        if status.is_success() {
            return match body {
                Ok(_) if !json.is_null() || status == StatusCode::NO_CONTENT => {
                    self.note_success(&counted, has_files);
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
        self.note_refusal(&counted, has_files, &refusal);
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
    async fn admit(&self, call: &Counted, has_files: bool, waits: bool) -> Result<UnderWay<'_>, Failure> {
        let deadline = Instant::now() + if waits { PATIENCE } else { SEND_PATIENCE };
        loop {
            // Whoever listens before it looks misses no ring.
            let mut over = pin!(self.over.notified());
            over.as_mut().enable();
            let now = Instant::now();
            let Wait { until, whose } = {
                let mut state = self.state();
                let refused = [refused_token(call), Some(refused_route(call, has_files))];
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

    fn note_success(&self, call: &Counted, has_files: bool) {
        let mut state = self.state();
        state.refused.clear(&refused_route(call, has_files));
        if let Some(token) = refused_token(call) {
            state.refused.clear(&token);
        }
    }

    /// Keeps what would be refused again, and tells it once.
    fn note_refusal(&self, call: &Counted, has_files: bool, refusal: &Refusal) {
        let Some(keep) = refusal.left_alone() else { return };
        let refused = match refused_token(call) {
            Some(token) if refusal.refuses_credentials() => token,
            _ => refused_route(call, has_files),
        };
        if self.state().refused.note(refused, refusal, keep, Instant::now()) {
            tracing::warn!(
                instance = %self.instance.id,
                at = call.route.resource,
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

fn refused_token(call: &Counted) -> Option<Refused> {
    (call.caller == Caller::Bot).then_some(Refused::Token)
}

fn refused_route(call: &Counted, has_files: bool) -> Refused {
    Refused::Route(call.route.clone(), has_files)
}

/// Reads an answer whole, if it is not too long.
async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let too_long = || Failure::Unusable(format!("Discord's answer is larger than {ANSWER_LIMIT} bytes"));
    if response.content_length().is_some_and(|length| length > ANSWER_LIMIT as u64) {
        return Err(too_long());
    }
    let broken = |error: reqwest::Error| Failure::Lost { outcome: Transport::Unknown, why: describe(&error) };
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > ANSWER_LIMIT {
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn lost(error: &reqwest::Error) -> Failure {
    Failure::Lost { outcome: outcome(error), why: describe(error) }
}

/// The form with the files, streamed from disk with their lengths, and the size of all together.
async fn form(message: &Value, files: &[Upload]) -> Result<(Form, u64), Failure> {
    let gone = |error: std::io::Error| Failure::Disk(format!("a file cannot be read from the spool: {error}"));
    let json = Part::text(message.to_string()).mime_str("application/json").map_err(|error| lost(&error))?;
    let mut form = Form::new().part("payload_json", json);
    let mut all = 0;
    for (index, file) in files.iter().enumerate() {
        let (body, size) = file_body(&file.path).await.map_err(gone)?;
        let part = Part::stream_with_length(body, size).file_name(file.name.clone());
        // A type that cannot be one is left to Discord, which looks at the bytes.
        let mime = if file.mime.parse::<reqwest::header::HeaderValue>().is_ok() { file.mime.as_str() } else { "" };
        let mime = if mime.contains('/') { mime } else { "application/octet-stream" };
        form = form.part(format!("files[{index}]"), part.mime_str(mime).map_err(|error| lost(&error))?);
        all += size;
    }
    Ok((form, all))
}
