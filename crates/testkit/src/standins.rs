//! Small stand-ins for what a driver is given.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tieline_core::driver::{CursorError, Cursors, HealthReport, KnownMessages, Sources};
use tieline_core::id::{Channel, ChannelKey, MessageId};
use tokio::sync::watch;

/// How long [`RecordingHealth::wait_until_ready`] waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// No message is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingKnown;

#[async_trait]
impl KnownMessages for NothingKnown {
    async fn is_known(&self, _: &str, _: &MessageId) -> bool {
        false
    }
}

/// The messages that a test names are known, in every realm.
#[derive(Debug, Default)]
pub struct KnownIds(Mutex<HashSet<MessageId>>);

impl KnownIds {
    /// From now on this message is known.
    pub fn add(&self, message: MessageId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(message);
    }
}

#[async_trait]
impl KnownMessages for KnownIds {
    async fn is_known(&self, _: &str, message: &MessageId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(message)
    }

    /// All of them, since nobody says which channel they are in.
    async fn latest(&self, _: &Channel, most: usize) -> Vec<MessageId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().take(most).cloned().collect()
    }
}

/// Keeps cursors in memory.
#[derive(Debug)]
pub struct RecordingCursors(watch::Sender<HashMap<String, String>>);

impl Default for RecordingCursors {
    fn default() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }
}

impl RecordingCursors {
    /// Where a cursor stands.
    pub fn at(&self, name: &str) -> Option<String> {
        self.0.borrow().get(name).cloned()
    }

    /// Waits until a cursor stands where it is wanted. Panics after 20 s, and says where it stands.
    pub async fn wait_for(&self, name: &str, wanted: impl Fn(&str) -> bool) {
        let mut moved = self.0.subscribe();
        let there = moved.wait_for(|cursors| cursors.get(name).is_some_and(|value| wanted(value)));
        let found = tokio::time::timeout(PATIENCE, there).await.is_ok();
        assert!(found, "the cursor `{name}` is not there; it stands at {:?}", self.at(name));
    }
}

#[async_trait]
impl Cursors for RecordingCursors {
    async fn get(&self, name: &str) -> Result<Option<String>, CursorError> {
        Ok(self.at(name))
    }

    async fn set(&self, name: &str, value: &str) -> Result<(), CursorError> {
        self.0.send_modify(|cursors| {
            cursors.insert(name.to_owned(), value.to_owned());
        });
        Ok(())
    }
}

/// The rules listen to every channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct EverySource;

impl Sources for EverySource {
    fn listens_to(&self, _: &ChannelKey, _: Option<&ChannelKey>) -> bool {
        true
    }
}

/// Remembers what a driver said about itself.
#[derive(Debug)]
pub struct RecordingHealth(watch::Sender<Vec<Health>>);

/// One thing that a driver said about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is ready.
    Ready,
    /// Something is wrong.
    Failing(String),
}

impl Default for RecordingHealth {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

impl RecordingHealth {
    /// All that was said, in order.
    pub fn said(&self) -> Vec<Health> {
        self.0.borrow().clone()
    }

    /// Waits until the driver says that it is ready. Panics after 20 s, and says what it said.
    pub async fn wait_until_ready(&self) {
        self.wait_for(|health| *health == Health::Ready).await;
    }

    /// Waits until the driver says something. Panics after 20 s, and says what it said.
    pub async fn wait_for(&self, wanted: impl Fn(&Health) -> bool) {
        let mut said = self.0.subscribe();
        let found = tokio::time::timeout(PATIENCE, said.wait_for(|said| said.iter().any(&wanted))).await.is_ok();
        assert!(found, "the driver did not say so; it said {:?}", self.said());
    }
}

impl HealthReport for RecordingHealth {
    fn ready(&self) {
        self.0.send_modify(|said| said.push(Health::Ready));
    }

    fn failing(&self, why: &str) {
        self.0.send_modify(|said| said.push(Health::Failing(why.to_owned())));
    }
}
