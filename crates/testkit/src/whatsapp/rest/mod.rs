//! The HTTP API: who calls, whether they may, and what comes back.

mod change;
mod lookup;
mod send;
mod system;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::Instant;

pub(crate) use change::{react, show_reaction};

use super::calls::Violation;
use super::fault::Fault;
use super::fields;
use super::form::{self, Form};
use super::inside::{Inside, lock, session_id};
use super::refusal::{Refusal, any_answer, json_answer};
use super::route::{Access, Route};
use crate::port::{Answer, Hangup, Serve, truncated};

#[async_trait]
impl Serve for Inside {
    async fn serve(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Result<Answer, Hangup> {
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
        let outcome = match form::read(&head, body).await? {
            Err(refusal) => Err(refusal),
            Ok((form, length)) => {
                self.record_body(number, form.body.as_ref().map(form::kept), length);
                let problems = fields::problems(route, &form);
                lock(&self.records.violations).extend(problems.into_iter().map(|problem| Violation { route, problem }));
                match fault.as_ref().and_then(scripted) {
                    Some(answer) => Ok(answer),
                    None => self.dispatch(route, &head, &form, peer).await,
                }
            }
        };
        let mut answer = outcome.unwrap_or_else(|refusal| refusal.answer());
        match fault {
            Some(Fault::DropAfter) => return Err(Hangup),
            Some(Fault::HangAfter) => std::future::pending().await,
            Some(Fault::Status500After) => answer = Refusal::thrown("Timed Out").answer(),
            Some(Fault::Truncated) => answer = truncated(answer).await?,
            _ => {}
        }
        self.record_status(number, answer.status().as_u16());
        Ok(answer)
    }
}

/// The answer that a fault stands for, if nothing is processed.
fn scripted(fault: &Fault) -> Option<Answer> {
    match fault {
        Fault::Status500 => Some(Refusal::thrown("Connection Closed").answer()),
        Fault::NotConnected => Some(Refusal::not_connected().answer()),
        Fault::NotConnectedUntil(end) if Instant::now() < *end => Some(Refusal::not_connected().answer()),
        Fault::Unauthorized => Some(Refusal::unauthorized(true).answer()),
        Fault::TooManyRequests { reset_s } => Some(Refusal::Limited(*reset_s).answer()),
        Fault::Answer { status, body } => {
            Some(any_answer(StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body))
        }
        _ => None,
    }
}

impl Inside {
    async fn dispatch(
        self: &Arc<Self>,
        route: Route,
        head: &Parts,
        form: &Form,
        peer: SocketAddr,
    ) -> Result<Answer, Refusal> {
        self.authorize(route, head, form, peer)?;
        let path = head.uri.path();
        let header = head.headers.get("x-session-id").and_then(|value| value.to_str().ok());
        let said = form.query("session_id").filter(|id| !id.is_empty()).map(str::to_owned);
        let said = said.or_else(|| form.string("session_id")).or_else(|| header.map(str::to_owned));
        let session = session_id(said.as_deref().unwrap_or_default());
        let value = match route {
            Route::Media => return self.media(&head.method, path).await,
            Route::Unknown => return Err(Refusal::no_route(&head.method, path)),
            Route::Health => self.health(),
            Route::Dashboard => self.dashboard(&session),
            Route::Status => self.state().session(&session).status(),
            Route::Events => Value::Array(std::mem::take(&mut self.state().session(&session).events)),
            Route::SettingsWebhook => self.settings_webhook(form)?,
            Route::Chats => self.chats(&session).await?,
            Route::ChatMessages => self.chat_messages(&session, form)?,
            Route::Contacts => self.contacts(&session),
            Route::ContactsCheck => self.contacts_check(&session, form).await?,
            Route::ProfilePicture => self.profile_picture(&session, form).await?,
            Route::ContactsAbout => self.contacts_about(&session, form).await?,
            Route::Groups => self.groups(&session).await?,
            Route::GroupInfo => self.group_info(&session, form).await?,
            Route::Avatar => self.avatar(&session, form).await?,
            Route::SendReaction => self.send_reaction(&session, form).await?,
            Route::EditMessage => self.edit_message(&session, form).await?,
            Route::RevokeMessage => self.revoke_message(&session, form).await?,
            Route::ForwardMessage => self.forward_message(&session, form).await?,
            Route::SetPresence => self.set_presence(&session, form).await?,
            Route::MarkAsRead => self.mark_as_read(&session, form).await?,
            send => self.send(send, &session, form).await?,
        };
        Ok(json_answer(StatusCode::OK, &value))
    }

    fn authorize(&self, route: Route, head: &Parts, form: &Form, peer: SocketAddr) -> Result<(), Refusal> {
        let access = route.access();
        if access == Access::Open {
            return Ok(());
        }
        let header = head.headers.get("x-auth-token").and_then(|value| value.to_str().ok());
        let given = header.filter(|token| !token.is_empty()).or_else(|| form.query("token"));
        if let Some(given) = given.filter(|token| !token.is_empty()) {
            let right = given == lock(&self.settings).token;
            return if right { Ok(()) } else { Err(Refusal::unauthorized(true)) };
        }
        if access == Access::Token {
            return Err(Refusal::unauthorized(false));
        }
        if !self.script.ui_password && is_private(client(&head.headers, peer)) {
            return Ok(());
        }
        let api = head.uri.path().starts_with("/api/");
        Err(if api { Refusal::unauthorized(false) } else { Refusal::Login })
    }

    /// Refuses unless the account is connected.
    async fn connected(&self, session: &str) -> Result<(), Refusal> {
        if self.ensure_connected(session).await { Ok(()) } else { Err(Refusal::not_connected()) }
    }
}

/// Who calls: the proxy's word is believed (`trust proxy`).
fn client(headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    let said = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let first = said.and_then(|said| said.split(',').next()?.trim().parse().ok());
    first.unwrap_or(peer.ip())
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.octets() == [127, 0, 0, 1],
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// The fields of a call that takes its body apart at once: without a body that throws.
fn need_body(form: &Form) -> Result<(), Refusal> {
    if form.body.is_some() {
        return Ok(());
    }
    Err(Refusal::thrown("Cannot destructure property 'number' of 'req.body' as it is undefined."))
}
