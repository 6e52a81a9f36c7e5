//! The addon's HTTP calls: token, session, and answers read with their limits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Map, Value};
use tieline_core::clock::Clock;
use tieline_core::driver::BuildError;
use tieline_net::client::upload_time;
use tieline_net::{ClientSettings, Transport, client, describe, outcome};
use url::form_urlencoded::Serializer;

use crate::body::FileBody;
use crate::instance::Instance;
use crate::refusal::{Failure, Refusal};

/// The longest answer that is read: the contacts of a large account, or messages with their previews.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// How long the addon may take for a send: it waits for a connection for 3 s, and for WhatsApp's answers 90 s.
const SEND_TIME: Duration = Duration::from_mins(2);
/// How long the addon may take to show its sessions before a send.
const LOOK_TIME: Duration = Duration::from_secs(10);
/// The session that every addon has.
const FIRST_SESSION: &str = "default";

/// The addon, as this instance may call it.
pub(crate) struct Api {
    instance: Arc<Instance>,
    clock: Arc<dyn Clock>,
    /// For what is answered soon.
    http: Client,
    /// For sends, which are answered when WhatsApp has them.
    sends: Client,
    /// Whether the addon was seen to have the session.
    has_session: AtomicBool,
}

impl Api {
    pub(crate) fn new(instance: Arc<Instance>, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let settings = ClientSettings::through(instance.proxy.clone());
        let built = |settings: &ClientSettings| client(settings).map_err(|error| BuildError(error.to_string()));
        let has_session = AtomicBool::new(instance.session == FIRST_SESSION);
        Ok(Self { http: built(&settings)?, sends: built(&settings.for_uploads())?, has_session, instance, clock })
    }

    /// The addon's base URL, for people.
    pub(crate) fn base(&self) -> &str {
        self.instance.addon.as_str().trim_end_matches('/')
    }

    /// `GET {call}` of this session, answered within a time.
    pub(crate) async fn get(&self, call: &str, query: &[(&str, &str)], within: Duration) -> Result<Value, Failure> {
        self.find_session(within).await?;
        self.ask(self.http.get(self.in_session(call, query)).timeout(within)).await
    }

    /// `POST {call}` of this session, answered within a time.
    pub(crate) async fn post(&self, call: &str, body: &Value, within: Duration) -> Result<Value, Failure> {
        self.find_session(within).await?;
        self.ask(self.http.post(self.in_session(call, &[])).json(body).timeout(within)).await
    }

    /// Sends what stands in a JSON body.
    pub(crate) async fn send(&self, call: &str, body: &Value) -> Result<Value, Failure> {
        self.find_session(LOOK_TIME).await?;
        self.ask(self.sends.post(self.in_session(call, &[])).json(body).timeout(SEND_TIME)).await
    }

    /// Sends what stands in a JSON body, with a file in it that is streamed from disk.
    pub(crate) async fn send_file(
        &self,
        call: &str,
        file: &Path,
        mime: &str,
        fields: &Map<String, Value>,
    ) -> Result<Value, Failure> {
        self.find_session(LOOK_TIME).await?;
        let gone = |error: std::io::Error| Failure::Disk(format!("the file cannot be read from the spool: {error}"));
        let body = FileBody::new(file, mime, fields).await.map_err(gone)?;
        let (length, size) = (body.length(), body.size());
        let request = self
            .sends
            .post(self.in_session(call, &[]))
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, length)
            .body(body.into_body().await.map_err(gone)?)
            .timeout(file_time(size));
        self.ask(request).await
    }

    /// Sends what stands in a JSON body, where the addon must fetch a file of so many bytes first.
    pub(crate) async fn send_offer(&self, call: &str, body: &Value, size: u64) -> Result<Value, Failure> {
        self.find_session(LOOK_TIME).await?;
        self.ask(self.sends.post(self.in_session(call, &[])).json(body).timeout(file_time(size))).await
    }

    /// A file that the addon received. Nobody needs a token for it, so it gets none.
    pub(crate) async fn open(&self, path: &str) -> Result<Response, Failure> {
        self.http.get(format!("{}{path}", self.base())).send().await.map_err(|error| lost(&error))
    }

    /// What the addon shows of itself to everybody: its sessions, and where its webhooks go.
    pub(crate) async fn dashboard(&self, within: Duration) -> Result<Value, Failure> {
        // Without a session in it, the call is about the first one, so that none is made.
        self.ask(self.http.get(format!("{}/api/dashboard", self.base())).timeout(within)).await
    }

    /// Whether the addon has the session is asked once, before any call names it: a call with a session that it does not
    /// know makes it, and is answered as if that one were not connected.
    pub(crate) async fn find_session(&self, within: Duration) -> Result<(), Failure> {
        if self.has_session.load(Relaxed) {
            return Ok(());
        }
        let dashboard = match self.dashboard(within).await {
            Ok(dashboard) => dashboard,
            // Whatever the call was, it was not made.
            Err(Failure::Lost { why, .. }) => return Err(Failure::Lost { outcome: Transport::NotSent, why }),
            // Who cannot tell is not asked; the call itself will say what is wrong.
            Err(_) => return Ok(()),
        };
        let Some(known) = sessions(&dashboard) else { return Ok(()) };
        if !known.contains(&self.instance.session) {
            return Err(Failure::NoSession { wanted: self.instance.session.clone(), known });
        }
        self.has_session.store(true, Relaxed);
        Ok(())
    }

    /// Looks for the session again before the next call.
    pub(crate) fn forget_session(&self) {
        self.has_session.store(self.instance.session == FIRST_SESSION, Relaxed);
    }

    fn in_session(&self, call: &str, query: &[(&str, &str)]) -> String {
        let query = Serializer::new(String::new())
            .append_pair("session_id", &self.instance.session)
            .extend_pairs(query)
            .finish();
        format!("{}{call}?{query}", self.base())
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let request = request.header("X-Auth-Token", self.instance.api_token.reveal());
        let mut response = request.send().await.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if response.content_length().is_some_and(|length| length > ANSWER_LIMIT as u64) {
            return Err(Failure::TooLong(ANSWER_LIMIT));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if bytes.len() + chunk.len() > ANSWER_LIMIT {
                return Err(Failure::TooLong(ANSWER_LIMIT));
            }
            bytes.extend_from_slice(&chunk);
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if !status.is_success() {
            return Err(Failure::Refused(Refusal::read(status, &headers, &body, self.clock.now())));
        }
        if body.is_null() {
            let base = self.base();
            return Err(Failure::Unusable(format!(
                "what answers at `addon_url` ({base}) is no WhatsApp addon: its answer is no JSON"
            )));
        }
        Ok(body)
    }
}

/// The names of the addon's sessions; `None` if the dashboard does not tell them.
pub(crate) fn sessions(dashboard: &Value) -> Option<Vec<String>> {
    let list = dashboard.get("sessionList")?.as_array()?;
    Some(list.iter().filter_map(|session| session.get("id")?.as_str()).map(str::to_owned).collect())
}

/// How long a send with a file may take: to the addon, and from there to WhatsApp.
fn file_time(size: u64) -> Duration {
    upload_time(size) * 2 + SEND_TIME
}

fn lost(error: &reqwest::Error) -> Failure {
    Failure::Lost { outcome: outcome(error), why: describe(error) }
}

/// An answer that broke off: the call was made for certain.
fn broken(error: &reqwest::Error) -> Failure {
    Failure::Lost { outcome: Transport::Unknown, why: describe(error) }
}
