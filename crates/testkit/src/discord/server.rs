//! Discord as a test or the demo holds it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::calls::{RecordedRequest, Violation};
use super::fault::Faults;
use super::gateway::Gateway;
use super::inside::{Inside, lock};
use super::limits::{EarlyCall, Limits};
use super::message::FakeMessage;
use super::route::Route;
use super::script::DiscordScript;
use super::snowflake::Snowflake;
use crate::port::{Http, Port};

/// How long a `wait_for…` waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A fake Discord on a port of loopback. It ends when it is dropped.
pub struct FakeDiscord {
    pub(super) inside: Arc<Inside>,
    port: Port,
}

impl FakeDiscord {
    /// Starts a server; panics where no port can be had. See [`try_start`](Self::try_start).
    pub async fn start(script: DiscordScript) -> Self {
        Self::try_start(script).await.expect("a port of loopback and a temporary folder can be had")
    }

    /// Starts a server. Nobody is there.
    pub async fn try_start(script: DiscordScript) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let inside = Arc::new(Inside::new(script, origin, tempfile::tempdir()?));
        let known = Arc::downgrade(&inside);
        inside.gateway.set_ready(move |token| known.upgrade()?.ready(token));
        let port = Port::bind_at(listener, Arc::new(Http(Arc::clone(&inside))))?;
        Ok(Self { inside, port })
    }

    /// The base URL of its REST API, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}/api/v10", self.inside.links.origin)
    }

    /// The base URL of its CDN, without a slash at the end.
    pub fn cdn_url(&self) -> &str {
        &self.inside.links.origin
    }

    /// The URL of its gateway, as `GET /gateway` tells it.
    pub fn gateway_url(&self) -> String {
        self.inside.gateway_url()
    }

    /// Its gateway.
    pub fn gateway(&self) -> &Gateway {
        &self.inside.gateway
    }

    /// Refuses connections from now on, and cuts off those that are open, to the gateway as well.
    pub async fn close_port(&self) {
        self.port.close().await;
        self.inside.gateway.cut();
    }

    /// Listens at the same port again.
    pub async fn open_port(&self) -> io::Result<()> {
        self.port.open().await
    }

    /// The faults that wait for requests.
    pub fn faults(&self) -> &Faults {
        &self.inside.faults
    }

    /// From now on these limits hold. What was counted so far still counts.
    pub fn set_limits(&self, limits: Limits) {
        *lock(&self.inside.limits) = limits;
    }

    // === what there is ===

    /// The messages of a channel or thread, in the order in which they were posted.
    pub fn messages(&self, channel: Snowflake) -> Vec<FakeMessage> {
        self.inside.state().messages.iter().filter(|message| message.channel == channel).cloned().collect()
    }

    /// A message.
    pub fn message(&self, id: Snowflake) -> Option<FakeMessage> {
        self.inside.state().message(id).cloned()
    }

    /// Every request that arrived, in order; those to the gateway are [its own](Gateway::dials).
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.inside.requests()
    }

    /// The requests of one call, in order.
    pub fn requests_to(&self, route: Route) -> Vec<RecordedRequest> {
        self.inside.requests().into_iter().filter(|request| request.route == route).collect()
    }

    /// What was wrong with calls that were taken all the same.
    pub fn violations(&self) -> Vec<Violation> {
        lock(&self.inside.violations).clone()
    }

    /// The calls that came before a wait was over that their caller had been told, by a 429 or by headers that said
    /// that nothing remains. What comes over another connection within 100 ms may have been on its way, and is not one.
    pub fn early(&self) -> Vec<EarlyCall> {
        lock(&self.inside.ledger).early.clone()
    }

    /// How many answers were 401, 403 or 429 (but `shared`): 10,000 of them in 10 minutes bring a ban.
    pub fn invalid(&self) -> usize {
        lock(&self.inside.ledger).invalid
    }

    /// Tells whenever anything changes: a message, a request. For a loop that shows what there is.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inside.watch()
    }

    /// Waits for a message. Panics after 20 s, and says what was there.
    pub async fn wait_for(&self, channel: Snowflake, wanted: impl Fn(&FakeMessage) -> bool) -> FakeMessage {
        let found = self.inside.until(PATIENCE, || self.messages(channel).into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| panic!("no such message came into {channel}; there is {:#?}", self.messages(channel)))
    }

    /// Waits until a channel or thread holds so many messages. Panics after 20 s, and says what was there.
    pub async fn wait_for_count(&self, channel: Snowflake, count: usize) -> Vec<FakeMessage> {
        let there = || Some(self.messages(channel)).filter(|all| all.len() >= count);
        let found = self.inside.until(PATIENCE, there).await;
        found.unwrap_or_else(|| panic!("{channel} does not hold {count} messages but {:#?}", self.messages(channel)))
    }

    /// Waits for a request that has arrived; give a condition on its status to wait for its answer. Panics after 20 s,
    /// and says which came.
    pub async fn wait_for_request(&self, wanted: impl Fn(&RecordedRequest) -> bool) -> RecordedRequest {
        let found = self.inside.until(PATIENCE, || self.requests().into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| {
            let came: Vec<_> = self.requests().into_iter().map(|request| (request.route, request.status)).collect();
            panic!("no such request came; these did: {came:?}")
        })
    }

    /// Waits until something holds. Panics after 20 s.
    pub async fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        let found = self.inside.until(PATIENCE, || holds(self).then_some(())).await;
        assert!(found.is_some(), "it did not come to hold within {} s", PATIENCE.as_secs());
    }
}
