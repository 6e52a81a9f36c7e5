//! The inside of a fake addon, shared by its connections, its webhooks, and the test that holds it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tieline_core::spool::SpoolId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::calls::{Command, RecordedRequest, Sent, Violation, WebhookCall};
use super::fault::Faults;
use super::route::Route;
use super::script::{Echo, WebhookScript, WhatsAppScript};
use super::state::{Connection, State};

pub(crate) struct Inside {
    pub(crate) script: WhatsAppScript,
    pub(crate) faults: Faults,
    /// Where files lie.
    pub(crate) files: TempDir,
    /// Ends the webhooks.
    pub(crate) ended: CancellationToken,
    pub(crate) url: String,
    started: Timestamp,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    pub(crate) records: Records,
    pub(crate) settings: Mutex<Settings>,
}

/// What a test may change while the fake runs.
pub(crate) struct Settings {
    pub(crate) token: String,
    pub(crate) webhook: Option<WebhookScript>,
    pub(crate) echo: Echo,
}

/// What happened.
#[derive(Default)]
pub(crate) struct Records {
    requests: Mutex<Vec<RecordedRequest>>,
    pub(crate) sent: Mutex<Vec<Sent>>,
    pub(crate) violations: Mutex<Vec<Violation>>,
    pub(crate) commands: Mutex<Vec<Command>>,
    pub(crate) calls: Mutex<Vec<WebhookCall>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking test left behind is still the state of the fake.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inside {
    pub(crate) fn new(script: WhatsAppScript, url: String, files: TempDir) -> Self {
        let settings = Settings { token: script.token.clone(), webhook: script.webhook.clone(), echo: script.echo };
        let mut state = State::default();
        let started = script.clock.now();
        for account in &script.accounts {
            let session = state.session(&session_id(&account.session));
            session.connection = account.connection;
            session.connected_at = started.as_second();
            session.account = Some(account.clone());
        }
        Self {
            faults: Faults::default(),
            files,
            ended: CancellationToken::new(),
            url,
            started,
            state: Mutex::new(state),
            changes: watch::Sender::new(0),
            records: Records::default(),
            settings: Mutex::new(settings),
            script,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.script.clock.now()
    }

    /// How long the addon runs, in seconds.
    pub(crate) fn uptime(&self) -> i64 {
        self.now().as_second() - self.started.as_second()
    }

    /// Wakes whoever waits for something to change.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks again whenever something changes, until there is something or patience ends.
    pub(crate) async fn until<T>(&self, patience: Duration, look: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let mut changes = self.watch();
        let found = async {
            loop {
                if let Some(found) = look(self) {
                    return Some(found);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }

    /// A new message id: `3EB0` and 18 hexadecimal digits, as WhatsApp Web makes them.
    pub(crate) fn new_id(&self) -> String {
        format!("3EB0{}", self.random(18).to_ascii_uppercase())
    }

    /// So many hexadecimal digits (up to 64) that no other fake has.
    pub(crate) fn random(&self, digits: usize) -> String {
        let number = self.state().next();
        let seed = format!("{} {} {number}", self.url, self.started.as_nanosecond());
        let digest = SpoolId::of_digest(Sha256::digest(seed).into());
        digest.as_str().chars().take(digits).collect()
    }

    /// A place for a file.
    pub(crate) fn new_path(&self) -> PathBuf {
        self.files.path().join(self.random(16))
    }

    /// Whether an account is connected; waits a little while it is connecting.
    pub(crate) async fn ensure_connected(&self, session: &str) -> bool {
        let connection = |inside: &Self| inside.state().session(session).connection;
        if connection(self) == Connection::Connecting {
            let decided = |inside: &Self| (connection(inside) == Connection::Open).then_some(());
            return self.until(self.script.connect_wait, decided).await.is_some();
        }
        connection(self) == Connection::Open
    }

    /// Notes a request as soon as its head is there. Returns its number.
    pub(crate) fn record(&self, route: Route, head: &Parts) -> usize {
        let request = RecordedRequest {
            route,
            method: Method::clone(&head.method),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            body: None,
            length: 0,
            time: self.now(),
            status: None,
        };
        let mut requests = lock(&self.records.requests);
        requests.push(request);
        let number = requests.len() - 1;
        drop(requests);
        self.changed();
        number
    }

    pub(crate) fn record_body(&self, number: usize, body: Option<Value>, length: u64) {
        if let Some(request) = lock(&self.records.requests).get_mut(number) {
            request.body = body;
            request.length = length;
        }
        self.changed();
    }

    pub(crate) fn record_status(&self, number: usize, status: u16) {
        if let Some(request) = lock(&self.records.requests).get_mut(number) {
            request.status = Some(status);
        }
        self.changed();
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.records.requests).clone()
    }

    pub(crate) fn note_sent(&self, sent: Sent) {
        lock(&self.records.sent).push(sent);
        self.changed();
    }
}

/// A session's id as the addon makes it: `basename`, known characters only, lower case.
pub(crate) fn session_id(said: &str) -> String {
    let base = said.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let kept: String = base.chars().filter(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c)).collect();
    if kept.is_empty() || kept == ".." { "default".to_owned() } else { kept.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::session_id;

    #[test]
    fn a_session_is_named_as_the_addon_names_it() {
        let names =
            [("Work", "work"), ("WORK", "work"), ("../a/B", "b"), ("ä", "default"), ("..", "default"), ("", "default")];
        for (said, id) in names {
            assert_eq!(session_id(said), id, "{said}");
        }
    }
}
