//! The inside of a fake server, shared by its connections, its calls to webhooks, and the test that holds it.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::ddp::Ddp;
use super::faults::Faults;
use super::limits::{Allowance, Limit, Windows};
use super::outgoing::HookCall;
use super::route::Route;
use super::script::RocketChatScript;
use super::state::State;

/// A request that reached a fake.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Which call it is.
    pub route: Route,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query, without `?`.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; empty for uploads, whose bytes go to disk.
    pub body: Bytes,
    /// When it arrived, by the fake's clock.
    pub time: Timestamp,
    /// The status of its answer; `None` while there is none.
    pub status: Option<u16>,
}

pub(crate) struct Inside {
    pub(crate) script: RocketChatScript,
    pub(crate) faults: Faults,
    /// The realtime API.
    pub(crate) ddp: Ddp,
    /// Where uploaded bytes lie.
    pub(crate) files: TempDir,
    /// Where files are redirected to, if they lie in an object storage.
    pub(crate) storage: Option<String>,
    /// Ends the calls to webhooks.
    pub(crate) ended: CancellationToken,
    url: String,
    state: Mutex<State>,
    windows: Mutex<Windows>,
    changes: watch::Sender<u64>,
    requests: Mutex<Vec<RecordedRequest>>,
    calls: Mutex<Vec<HookCall>>,
    retries: Semaphore,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking test left behind is still the state of the server.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inside {
    pub(crate) fn new(script: RocketChatScript, url: String, files: TempDir, storage: Option<String>) -> Self {
        Self {
            script,
            faults: Faults::default(),
            ddp: Ddp::default(),
            files,
            storage,
            ended: CancellationToken::new(),
            url,
            state: Mutex::default(),
            windows: Mutex::default(),
            changes: watch::Sender::new(0),
            requests: Mutex::default(),
            calls: Mutex::default(),
            retries: Semaphore::new(0),
        }
    }

    /// `Site_Url`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Wakes whoever waits for something to change.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn count(&self, client: IpAddr, route: &str, limit: Limit, now_ms: i64) -> Allowance {
        lock(&self.windows).count(client, route, limit, now_ms)
    }

    /// Notes a request as soon as its head is there. Returns its number.
    pub(crate) fn record(&self, route: Route, head: &Parts) -> usize {
        let request = RecordedRequest {
            route,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            body: Bytes::new(),
            time: self.script.clock.now(),
            status: None,
        };
        let mut requests = lock(&self.requests);
        requests.push(request);
        let number = requests.len() - 1;
        drop(requests);
        self.changed();
        number
    }

    pub(crate) fn record_body(&self, number: usize, body: &Bytes) {
        if let Some(request) = lock(&self.requests).get_mut(number) {
            request.body = body.clone();
        }
        self.changed();
    }

    pub(crate) fn record_status(&self, number: usize, status: u16) {
        if let Some(request) = lock(&self.requests).get_mut(number) {
            request.status = Some(status);
        }
        self.changed();
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.requests).clone()
    }

    pub(crate) fn called(&self, call: HookCall) {
        lock(&self.calls).push(call);
        self.changed();
    }

    pub(crate) fn calls(&self) -> Vec<HookCall> {
        lock(&self.calls).clone()
    }

    /// Waits until a retry is allowed by hand.
    pub(crate) async fn retry_permit(&self) {
        match self.retries.acquire().await {
            Ok(permit) => permit.forget(),
            // It is never closed; a call that may not go on ends with the server.
            Err(_) => self.ended.cancelled().await,
        }
    }

    pub(crate) fn allow_retry(&self) {
        self.retries.add_permits(1);
    }

    /// Runs a call to a webhook until it is done or the server ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = ended.cancelled() => {}
                () = task => {}
            }
        });
    }
}
