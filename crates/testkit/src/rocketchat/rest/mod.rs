//! The REST calls: who calls, whether they may, and what comes back.

mod chat;
mod history;
mod login;
mod rooms;
mod sync;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Map, Value, json};

use super::ddp;
use super::faults::Fault;
use super::inside::Inside;
use super::limits::Allowance;
use super::refusal::Refusal;
use super::route::Route;
use super::shape::text;
use super::state::{Account, Permission};
use crate::port::{Answer, Hangup, Serve, bytes_body};

/// The longest body that is not an upload.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// What came in the body.
enum Received {
    /// Read whole.
    Whole(Bytes),
    /// An upload, still on the wire.
    Stream(Incoming),
}

#[async_trait]
impl Serve for Inside {
    async fn serve(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Result<Answer, Hangup> {
        if request.uri().path() == ddp::PATH {
            return Ok(ddp::answer(&self, request));
        }
        let (head, body) = request.into_parts();
        let route = Route::of(&head.method, head.uri.path());
        let number = self.record(route, &head);
        let fault = self.faults.take(route);
        match &fault {
            Some(Fault::DropBefore) => return Err(Hangup),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Delay(delay)) => tokio::time::sleep(*delay).await,
            _ => {}
        }
        let scripted = self.scripted(fault.as_ref());
        let received = match (route, &scripted) {
            (Route::Media | Route::Upload, None) => Received::Stream(body),
            (Route::Media | Route::Upload, Some(_)) => {
                drain(body).await?;
                Received::Whole(Bytes::new())
            }
            _ => {
                let bytes = Limited::new(body, BODY_LIMIT).collect().await.map_err(|_| Hangup)?.to_bytes();
                self.record_body(number, &bytes);
                Received::Whole(bytes)
            }
        };
        let mut limits = HeaderMap::new();
        let outcome = match scripted {
            Some((refusal, allowance)) => {
                if let Some(allowance) = allowance {
                    allowance.put(&mut limits);
                }
                Err(refusal)
            }
            None => self.dispatch(route, &head, received, peer.ip(), &mut limits).await,
        };
        let mut answer = outcome.unwrap_or_else(|refusal| refused(&refusal));
        answer.headers_mut().extend(limits);
        match fault {
            Some(Fault::DropAfter) => return Err(Hangup),
            Some(Fault::HangAfter) => std::future::pending().await,
            Some(Fault::Status500After) => answer = refused(&server_error()),
            Some(Fault::AnswerAfter { status, body }) => answer = refused(&other(status, &body)),
            Some(Fault::Drip(every)) => answer = dripping(answer, every).await?,
            _ => {}
        }
        self.record_status(number, answer.status().as_u16());
        Ok(answer)
    }
}

impl Inside {
    /// The refusal that a fault stands for, with what it says of a limit.
    fn scripted(&self, fault: Option<&Fault>) -> Option<(Refusal, Option<Allowance>)> {
        match fault? {
            Fault::Status500 => Some((server_error(), None)),
            Fault::Unauthorized => Some((Refusal::unauthorized(), None)),
            Fault::TooManyRequests { reset_ms } => {
                let allowance = Allowance::exhausted(*reset_ms);
                Some((allowance.refusal(self.now().as_millisecond()), Some(allowance)))
            }
            Fault::Answer { status, body } => Some((other(*status, body), None)),
            _ => None,
        }
    }

    async fn dispatch(
        self: &Arc<Self>,
        route: Route,
        head: &Parts,
        received: Received,
        client: IpAddr,
        limits: &mut HeaderMap,
    ) -> Result<Answer, Refusal> {
        let exists = match route {
            Route::Unknown => false,
            Route::Upload => !self.script.is_at_least(8, 0),
            Route::Media | Route::MediaConfirm => self.script.is_at_least(6, 10),
            _ => true,
        };
        if !exists {
            if let Received::Stream(body) = received {
                // Node takes a body off the wire whether or not a handler reads it, so the sender sees the answer.
                drain(body).await.map_err(|_| Refusal::unknown_route())?;
            }
            return Err(Refusal::unknown_route());
        }
        match route {
            Route::Download => return self.download(head).await,
            Route::Avatar => return Ok(avatar()),
            Route::Hook => {
                let Received::Whole(body) = &received else { return Err(Refusal::unknown_route()) };
                let path = head.uri.path();
                match self.hook_allowance(path, client) {
                    Ok(Some(allowance)) => allowance.put(limits),
                    Ok(None) => {}
                    Err((refusal, allowance)) => {
                        allowance.put(limits);
                        return Err(refusal);
                    }
                }
                return self.hook(path, &head.headers, body).map(|body| json_answer(StatusCode::OK, &body));
            }
            Route::Info => {
                // Who may not see statistics gets major and minor only.
                let short: Vec<&str> = self.script.version.split('.').take(2).collect();
                let info = json!({ "version": short.join("."), "success": true });
                return Ok(json_answer(StatusCode::OK, &info));
            }
            _ => {}
        }
        let caller = self.caller(&head.headers);
        self.limit(route, head, client, caller.as_ref(), limits)?;
        let body = match received {
            Received::Stream(body) => {
                let caller = caller.ok_or_else(Refusal::unauthorized)?;
                let value = match route {
                    Route::Upload => self.upload(&caller, head, body).await?,
                    _ => self.media(&caller, head, body).await?,
                };
                return Ok(json_answer(StatusCode::OK, &value));
            }
            Received::Whole(body) => body,
        };
        let value = if route.needs_login() {
            let caller = caller.ok_or_else(Refusal::unauthorized)?;
            self.answer(route, &caller, head, &body)?
        } else {
            self.login(&parse(&body)?)?
        };
        Ok(json_answer(StatusCode::OK, &value))
    }

    fn answer(self: &Arc<Self>, route: Route, caller: &Account, head: &Parts, body: &Bytes) -> Result<Value, Refusal> {
        let query = Query::of(head);
        match route {
            Route::SendMessage => self.chat_send_message(caller, &parse(body)?),
            Route::PostMessage => self.chat_post_message(caller, &parse(body)?),
            Route::Update => self.chat_update(caller, &parse(body)?),
            Route::Delete => self.chat_delete(caller, &parse(body)?),
            Route::React => self.chat_react(caller, &parse(body)?),
            Route::MediaConfirm => self.media_confirm(caller, head, &parse(body)?),
            Route::ChannelsJoin => self.channels_join(caller, &parse(body)?),
            Route::GetMessage => self.chat_get_message(caller, &query),
            Route::SyncMessages => self.chat_sync_messages(caller, &query),
            Route::GetThreadMessages => self.chat_get_thread_messages(caller, &query),
            Route::ChannelsHistory | Route::GroupsHistory | Route::ImHistory => self.history(route, caller, &query),
            Route::ChannelsMembers | Route::GroupsMembers | Route::ImMembers => self.members(route, caller, &query),
            Route::RoomsGet => Ok(self.rooms_get(caller, &query)),
            Route::RoomsInfo => self.rooms_info(caller, &query),
            Route::ChannelsInfo | Route::GroupsInfo => self.typed_info(route, caller, &query),
            Route::ImList => Ok(self.im_list(caller)),
            Route::UsersInfo => self.users_info(&query),
            Route::Me => {
                let mut me = caller.to_json();
                me["success"] = json!(true);
                Ok(me)
            }
            _ => Err(Refusal::unknown_route()),
        }
    }

    fn caller(&self, headers: &HeaderMap) -> Option<Account> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        self.state().caller(header("x-user-id")?, header("x-auth-token")?).cloned()
    }

    /// Counts the call, unless the caller may bypass the limit; then there are no headers either.
    fn limit(
        &self,
        route: Route,
        head: &Parts,
        client: IpAddr,
        caller: Option<&Account>,
        limits: &mut HeaderMap,
    ) -> Result<(), Refusal> {
        let Some(limit) = self.script.rest_limit.filter(|_| route.is_limited()) else { return Ok(()) };
        if caller.is_some_and(|account| account.may(Permission::BypassRateLimit)) {
            return Ok(());
        }
        let call = head.uri.path().trim_start_matches("/api/v1/").split('/').next().unwrap_or_default();
        let now = self.now().as_millisecond();
        let allowance = self.count(client, call, limit, now);
        allowance.put(limits);
        if allowance.allowed { Ok(()) } else { Err(allowance.refusal(now)) }
    }
}

/// `alias` and `avatar` need the permission `message-impersonate`; `emoji` alone does not.
pub(crate) fn check_impersonation(caller: &Account, fields: &Map<String, Value>) -> Result<(), Refusal> {
    let wanted = fields.contains_key("alias") || fields.contains_key("avatar");
    if wanted && !caller.may(Permission::Impersonate) {
        return Err(Refusal::plain("Not enough permission"));
    }
    match text(fields, "avatar") {
        Some(avatar) if avatar.trim_start().to_ascii_lowercase().starts_with("javascript:") => {
            Err(Refusal::plain("Invalid href value provided"))
        }
        _ => Ok(()),
    }
}

/// Reads a body to its end and keeps nothing, so that the client reads our answer instead of a reset.
async fn drain(mut body: Incoming) -> Result<(), Hangup> {
    while let Some(frame) = body.frame().await {
        frame.map_err(|_| Hangup)?;
    }
    Ok(())
}

/// The parameters of a GET call.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    fn of(head: &Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        Self(url::form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, key: &str, default: usize) -> usize {
        self.get(key).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    /// Refuses parameters that the call does not know.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let unknown = self.0.iter().any(|(key, _)| !known.contains(&key.as_str()));
        if unknown { Err(Refusal::schema(&["must NOT have additional properties".to_owned()])) } else { Ok(()) }
    }

    /// A parameter that must be there.
    pub(crate) fn need(&self, key: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::schema(&[format!("must have required property '{key}'")]);
        self.get(key).filter(|value| !value.is_empty()).ok_or_else(missing)
    }
}

fn parse(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|_| Refusal::plain("Invalid JSON"))
}

fn server_error() -> Refusal {
    let body = json!({ "success": false, "error": "Internal server error" });
    Refusal::json(StatusCode::INTERNAL_SERVER_ERROR, body)
}

/// An answer that a script names.
fn other(status: u16, body: &str) -> Refusal {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::json(status, serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned())))
}

/// The same answer, byte by byte.
async fn dripping(answer: Answer, every: Duration) -> Result<Answer, Hangup> {
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    let drops = stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        Some((Ok(Frame::data(left.split_to(1))), left))
    });
    Ok(Response::from_parts(head, StreamBody::new(drops).boxed_unsync()))
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(bytes_body(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The answer that a refusal is.
pub(crate) fn refused(refusal: &Refusal) -> Answer {
    if let Some(body) = &refusal.body {
        return json_answer(refusal.status, body);
    }
    let mut answer = Response::new(bytes_body(Bytes::new()));
    *answer.status_mut() = refusal.status;
    answer
}

/// Letter avatars are SVG.
fn avatar() -> Answer {
    let svg: Cow<'static, str> = Cow::Borrowed("<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    let mut answer = Response::new(bytes_body(svg.into_owned()));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    answer
}
