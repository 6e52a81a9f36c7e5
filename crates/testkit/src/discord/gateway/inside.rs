//! The inside of a fake gateway, shared by its connections and the test that holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tieline_core::secret::Secret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::payload::{Payload, Read};
use super::script::GatewayScript;
use super::server::ReadyData;
use super::state::State;

type Ready = dyn Fn(&str) -> Option<ReadyData> + Send + Sync;

pub(crate) struct Inside {
    pub(crate) script: Arc<GatewayScript>,
    /// Ends every connection.
    pub(crate) ended: CancellationToken,
    state: Mutex<State>,
    ready: Mutex<Option<Arc<Ready>>>,
    changes: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking test left behind is still the state of the gateway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inside {
    pub(crate) fn new(script: GatewayScript) -> Self {
        let script = Arc::new(script);
        Self {
            ended: CancellationToken::new(),
            state: Mutex::new(State::new(Arc::clone(&script))),
            script,
            ready: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.script.clock.now()
    }

    /// Looks at the state.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&lock(&self.state))
    }

    /// Changes the state, and wakes whoever waits for that.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut lock(&self.state));
        self.changes.send_modify(|count| *count += 1);
        changed
    }

    /// Changes the state so that nobody needs to know.
    pub(crate) fn quietly<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut lock(&self.state))
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn set_ready(&self, ready: Arc<Ready>) {
        *lock(&self.ready) = Some(ready);
    }

    /// Something came over a connection.
    pub(crate) fn hear(&self, number: u64, read: Read) {
        let ready = match &read.payload {
            Ok(Payload::Identify(identification)) => self.ready(&identification.token),
            Ok(Payload::Resume(resumption)) => self.ready(&resumption.token),
            _ => None,
        };
        let now = self.now();
        self.change(|state| state.hear(number, read, ready, now));
    }

    /// What is known of the bot with this token. No lock of the gateway is held while somebody else answers.
    fn ready(&self, token: &Secret) -> Option<ReadyData> {
        let ready = lock(&self.ready).clone();
        ready.and_then(|ready| ready(token.reveal()))
    }

    /// Looks again whenever something changes, until there is something or patience ends.
    pub(crate) async fn until<T>(&self, patience: Duration, look: impl Fn(&State) -> Option<T>) -> Option<T> {
        let mut changes = self.watch();
        let found = async {
            loop {
                if let Some(found) = self.look(&look) {
                    return Some(found);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }
}
