//! The server's REST calls: credentials, one renewal of a login that expired, and answers read with their limits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tieline_core::clock::Clock;
use tieline_core::driver::BuildError;
use tieline_core::secret::Secret;
use tieline_net::client::upload_time;
use tieline_net::spool::file_body;
use tieline_net::{Answered, ClientSettings, Endpoint, Transport, Unanswered, client, describe, outcome, read_whole};

use crate::instance::Instance;
use crate::login::{Login, Session};
use crate::refusal::{Failure, Refusal, reset};

/// The longest answer that is read; a page of history with large messages stays far below it.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// The longest answer that holds one message: 5,000 characters in several forms, previews of files, names of who reacted.
const MESSAGE_LIMIT: usize = 2 * 1024 * 1024;
/// How long a call may take to the last byte of its answer, files apart: a server that drips must not hold a lane.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// The server, as this instance may call it.
pub(crate) struct Api {
    instance: Arc<Instance>,
    clock: Arc<dyn Clock>,
    http: Client,
    uploads: Client,
    hook: Option<Endpoint>,
    pub(crate) login: Login,
}

/// What a call says.
pub(crate) enum Payload<'p> {
    /// A query.
    Get(&'p [(&'p str, &'p str)]),
    /// A query whose answer is one message.
    Message(&'p [(&'p str, &'p str)]),
    /// A JSON body.
    Post(&'p Value),
    /// A file with further fields.
    File(&'p Upload<'p>),
}

/// A file on its way to the server.
pub(crate) struct Upload<'p> {
    /// Where its bytes are.
    pub(crate) path: &'p Path,
    /// Its name.
    pub(crate) name: &'p str,
    /// Its MIME type, or empty.
    pub(crate) mime: &'p str,
    /// Fields beside it.
    pub(crate) fields: &'p [(&'p str, &'p str)],
}

/// A success.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The body.
    pub(crate) body: Value,
    /// Until when this call must not be made again, if this one was the last that the limit allowed.
    pub(crate) spent_until: Option<Timestamp>,
}

impl Api {
    pub(crate) fn new(instance: Arc<Instance>, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let settings = ClientSettings::through(instance.proxy.clone());
        let built = |settings: &ClientSettings| client(settings).map_err(|error| BuildError(error.to_string()));
        let posting = ClientSettings { total_timeout: Some(ANSWER_TIME), ..settings.clone() };
        let hook = instance.hook().map(|hook| Endpoint::new(&hook.url, &posting)).transpose();
        Ok(Self {
            hook: hook.map_err(|error| BuildError(error.to_string()))?,
            http: built(&settings)?,
            uploads: built(&settings.clone().for_uploads())?,
            login: Login::new(instance.credentials.clone()),
            instance,
            clock,
        })
    }

    /// `GET /api/v1/{call}`.
    pub(crate) async fn get(&self, call: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.call(call, Payload::Get(query)).await
    }

    /// A message by its id, within a time: the login that may be needed first counts too.
    pub(crate) async fn message(&self, id: &str, within: Duration) -> Result<Answer, Failure> {
        let query = [("msgId", id)];
        let asked = self.call("chat.getMessage", Payload::Message(&query));
        tokio::time::timeout(within, asked).await.unwrap_or_else(|_| Err(no_answer(within)))
    }

    /// `POST /api/v1/{call}`.
    pub(crate) async fn post(&self, call: &str, body: &Value) -> Result<Answer, Failure> {
        self.call(call, Payload::Post(body)).await
    }

    /// Posts a JSON text to the Incoming Webhook.
    pub(crate) async fn hook(&self, json: Vec<u8>) -> Result<Answer, Failure> {
        let Some(hook) = &self.hook else {
            return Err(Failure::Unusable { why: "no Incoming Webhook is configured".to_owned() });
        };
        self.judged(hook.post_json(json, ANSWER_LIMIT).await, ANSWER_LIMIT)
    }

    /// Makes a call as the bot. A login that the server does not know any more is renewed once.
    pub(crate) async fn call(&self, call: &str, payload: Payload<'_>) -> Result<Answer, Failure> {
        let session = self.session().await?;
        match self.call_as(&session, call, &payload).await {
            Err(Failure::Refused(refusal)) if refusal.is_login() && self.login.password().is_some() => {
                let session = self.renewed(&session).await?;
                self.call_as(&session, call, &payload).await
            }
            outcome => outcome,
        }
    }

    async fn call_as(&self, session: &Session, call: &str, payload: &Payload<'_>) -> Result<Answer, Failure> {
        let url = self.instance.on_server(&format!("/api/v1/{call}"));
        let limit = if let Payload::Message(_) = payload { MESSAGE_LIMIT } else { ANSWER_LIMIT };
        let request = match payload {
            Payload::Get(query) | Payload::Message(query) => {
                let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(*query).finish();
                let mark = if query.is_empty() { "" } else { "?" };
                self.http.get(format!("{url}{mark}{query}")).timeout(ANSWER_TIME)
            }
            Payload::Post(body) => self.http.post(url).json(body).timeout(ANSWER_TIME),
            Payload::File(upload) => {
                let (form, size) = form(upload).await?;
                self.uploads.post(url).multipart(form).timeout(upload_time(size))
            }
        };
        let sent = authorised(request, session).send().await;
        self.answer(sent.map_err(|error| lost(&error))?, limit).await
    }

    /// A `GET` of an address on the server or where it redirects to; the bot's credentials go along only if asked.
    pub(crate) async fn open(&self, url: &str, session: Option<&Session>) -> Result<Response, Failure> {
        let request = self.http.get(url);
        let request = match session {
            Some(session) => authorised(request, session),
            None => request,
        };
        request.send().await.map_err(|error| lost(&error))
    }

    /// The session, logging in if there is none yet.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut current = self.login.session.lock().await;
        if let Some(session) = &*current {
            return Ok(Arc::clone(session));
        }
        let session = self.log_in().await?;
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// A session that is not `stale`. Whoever comes while another one renews it gets what that one got.
    pub(crate) async fn renewed(&self, stale: &Session) -> Result<Arc<Session>, Failure> {
        let mut current = self.login.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| ***session != *stale) {
            return Ok(Arc::clone(session));
        }
        *current = None;
        let session = self.log_in().await?;
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    async fn log_in(&self) -> Result<Arc<Session>, Failure> {
        let Some((username, password)) = self.login.password() else {
            return Err(unauthorised("no credentials are configured"));
        };
        let body = json!({ "user": username, "password": password.reveal() });
        let sent =
            self.http.post(self.instance.on_server("/api/v1/login")).json(&body).timeout(ANSWER_TIME).send().await;
        let answer = self.answer(sent.map_err(|error| lost(&error))?, ANSWER_LIMIT).await?.body;
        let text = |key: &str| answer.get("data")?.get(key)?.as_str();
        let (Some(user_id), Some(token)) = (text("userId"), text("authToken")) else {
            return Err(unauthorised("the answer to the login holds no token"));
        };
        self.login.learn(user_id);
        Ok(Arc::new(Session { user_id: user_id.to_owned(), token: Secret::new(token) }))
    }

    /// Reads an answer whole, if it is not larger than so many bytes.
    async fn answer(&self, response: Response, limit: usize) -> Result<Answer, Failure> {
        self.judged(read_whole(response, limit).await, limit)
    }

    /// What an answer says, if it came.
    fn judged(&self, answered: Result<Answered, Unanswered>, limit: usize) -> Result<Answer, Failure> {
        let Answered { status, headers, body } = answered.map_err(|unanswered| match unanswered {
            Unanswered::Lost { outcome, why } => Failure::Transport { outcome, why },
            Unanswered::TooLong => {
                Failure::Unusable { why: format!("Rocket.Chat's answer is larger than {limit} bytes") }
            }
        })?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() && body.get("success") != Some(&Value::Bool(false)) {
            if !body.is_object() {
                let why = "what answers there is no Rocket.Chat (its answer is no JSON); is the URL right?".to_owned();
                return Err(Failure::Transport { outcome: Transport::Unknown, why });
            }
            return Ok(Answer { body, spent_until: spent(&headers) });
        }
        if is_somebody_elses(status, &body) {
            let why = format!(
                "something in front of Rocket.Chat answers {status} in its place; is the server up, and the URL right?"
            );
            return Err(Failure::Transport { outcome: Transport::NotSent, why });
        }
        Err(Failure::Refused(Refusal::read(status, &headers, &body, self.clock.now())))
    }
}

/// Whether a refusal is not Rocket.Chat's: a proxy's page while the server restarts, a redirect to a login page.
/// Rocket.Chat says what is wrong in an object. A limit, refused credentials and too large a body may come from anybody.
fn is_somebody_elses(status: StatusCode, body: &Value) -> bool {
    let refused = status.is_redirection() || status.is_client_error();
    let may_be_anybodys =
        [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS, StatusCode::PAYLOAD_TOO_LARGE].contains(&status);
    let signed = ["success", "status", "error", "message"].iter().any(|key| body.get(key).is_some());
    refused && !may_be_anybodys && !signed
}

fn authorised(request: RequestBuilder, session: &Session) -> RequestBuilder {
    request.header("X-User-Id", &session.user_id).header("X-Auth-Token", session.token.reveal())
}

fn spent(headers: &HeaderMap) -> Option<Timestamp> {
    let left: u64 = headers.get("x-ratelimit-remaining")?.to_str().ok()?.trim().parse().ok()?;
    if left == 0 { reset(headers) } else { None }
}

/// The failure of a call that had no answer in its time.
pub(crate) fn no_answer(within: Duration) -> Failure {
    let why = format!("Rocket.Chat did not answer within {} s", within.as_secs());
    Failure::Transport { outcome: Transport::Unknown, why }
}

fn lost(error: &reqwest::Error) -> Failure {
    Failure::Transport { outcome: outcome(error), why: describe(error) }
}

fn unauthorised(why: &str) -> Failure {
    Failure::Refused(Refusal {
        status: StatusCode::UNAUTHORIZED,
        code: String::new(),
        text: why.to_owned(),
        until: None,
    })
}

/// The form with the file, streamed from disk with its length.
async fn form(upload: &Upload<'_>) -> Result<(Form, u64), Failure> {
    let gone = |error: std::io::Error| Failure::Transport {
        outcome: Transport::NotSent,
        why: format!("the file could not be read from the spool: {error}"),
    };
    let (body, size) = file_body(upload.path).await.map_err(gone)?;
    let part = Part::stream_with_length(body, size).file_name(upload.name.to_owned());
    let mime = if upload.mime.is_empty() { "application/octet-stream" } else { upload.mime };
    let part = part.mime_str(mime).map_err(|error| lost(&error))?;
    let fields = upload.fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let form = fields.fold(Form::new(), |form, (key, value)| form.text(key, value));
    Ok((form.part("file", part), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_page_is_told_from_a_refusal_of_the_server() {
        let refused = |status: StatusCode, body: &Value| is_somebody_elses(status, body);
        assert!(refused(StatusCode::NOT_FOUND, &Value::Null), "a page is no JSON");
        assert!(refused(StatusCode::FOUND, &Value::Null));
        assert!(!refused(StatusCode::BAD_REQUEST, &json!({ "success": false })));
        assert!(!refused(StatusCode::NOT_FOUND, &json!({ "status": "error", "message": "no such endpoint" })));
        for anybodys in [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS, StatusCode::PAYLOAD_TOO_LARGE] {
            assert!(!refused(anybodys, &Value::Null), "{anybodys}");
        }
        assert!(!refused(StatusCode::BAD_GATEWAY, &Value::Null), "a server error has its own class");
    }
}
