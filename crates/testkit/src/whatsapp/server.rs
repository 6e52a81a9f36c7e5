//! The addon as a test or the demo holds it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::account::FakeAccount;
use super::calls::{Command, RecordedRequest, Sent, Violation, WebhookCall};
use super::fault::Faults;
use super::inside::{Inside, lock, session_id};
use super::media::{FakeMedia, mime_of};
use super::message::Message;
use super::person::Person;
use super::route::Route;
use super::script::{AccountScript, Echo, WebhookScript, WhatsAppScript};
use crate::port::{Http, Port};

/// How long a `wait_for…` waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A fake WhatsApp addon on a port of loopback. It ends when it is dropped.
pub struct FakeWhatsApp {
    inside: Arc<Inside>,
    port: Port,
    first: String,
}

impl Drop for FakeWhatsApp {
    fn drop(&mut self) {
        self.inside.ended.cancel();
    }
}

impl FakeWhatsApp {
    /// Starts an addon; panics where no port can be had. See [`try_start`](Self::try_start).
    pub async fn start(script: WhatsAppScript) -> Self {
        Self::try_start(script).await.expect("a port of loopback and a temporary folder can be had")
    }

    /// Starts an addon.
    pub async fn try_start(script: WhatsAppScript) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let first = session_id(script.accounts.first().map(|account| account.session.as_str()).unwrap_or_default());
        let inside = Arc::new(Inside::new(script, url, tempfile::tempdir()?));
        let port = Port::bind_at(listener, Arc::new(Http(Arc::clone(&inside))))?;
        Ok(Self { inside, port, first })
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.inside.url
    }

    /// Its API token.
    pub fn token(&self) -> String {
        lock(&self.inside.settings).token.clone()
    }

    /// From now on only this token is right.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut lock(&self.inside.settings).token);
    }

    /// From now on webhooks go there, or nowhere.
    pub fn set_webhook(&self, webhook: Option<WebhookScript>) {
        lock(&self.inside.settings).webhook = webhook;
    }

    /// From now on echoes of own sends are told so.
    pub fn set_echo(&self, echo: Echo) {
        lock(&self.inside.settings).echo = echo;
    }

    /// Refuses connections from now on, and cuts off those that are open.
    pub async fn close_port(&self) {
        self.port.close().await;
    }

    /// Listens at the same port again.
    pub async fn open_port(&self) -> io::Result<()> {
        self.port.open().await
    }

    /// The process was started again: what it knew of messages it had seen and the queue of `/events` are gone. The
    /// port is not touched.
    pub fn forget(&self) {
        for session in &mut self.inside.state().sessions {
            session.forget();
        }
        self.inside.changed();
    }

    /// The faults that wait for requests.
    pub fn faults(&self) -> &Faults {
        &self.inside.faults
    }

    // === accounts ===

    /// The first account of the script.
    pub fn account(&self) -> FakeAccount {
        FakeAccount::new(Arc::clone(&self.inside), self.first.clone())
    }

    /// The account of a session; one that nobody has heard of is there, unpaired and not connected.
    pub fn account_of(&self, session: &str) -> FakeAccount {
        FakeAccount::new(Arc::clone(&self.inside), session_id(session))
    }

    /// Pairs one more account.
    pub fn add_account(&self, account: AccountScript) -> FakeAccount {
        let id = session_id(&account.session);
        let now = self.inside.now().as_second();
        let mut state = self.inside.state();
        let session = state.session(&id);
        session.connection = account.connection;
        session.connected_at = now;
        session.account = Some(account);
        drop(state);
        self.account_of(&id)
    }

    /// A person writes a text to the first account. Returns the message's id.
    pub fn text(&self, chat: &str, person: &Person, text: &str) -> String {
        self.account().text(chat, person, text)
    }

    /// A person writes to the first account. Returns the message's id; panics where a file cannot be written.
    pub fn say(&self, chat: &str, person: &Person, message: Message) -> String {
        self.account().say(chat, person, message)
    }

    /// The owner of the first account writes on the phone. Returns the message's id.
    pub fn own(&self, chat: &str, message: Message) -> String {
        self.account().own(chat, message)
    }

    // === webhooks and files ===

    /// Tells this payload as it is, by webhook and in `/events` of the session that it names; a message in it can be
    /// quoted and asked for.
    pub fn emit_raw(&self, payload: Value) {
        let id = session_id(payload["session_id"].as_str().unwrap_or_default());
        self.inside.fire(&payload);
        let mut state = self.inside.state();
        let session = state.session(&id);
        if payload["raw"]["key"]["id"].is_string() {
            let remote = payload["raw"]["key"]["remoteJid"].as_str().unwrap_or_default().to_owned();
            session.spoke(&remote, payload["raw"]["pushName"].as_str());
            session.keep(payload["raw"].clone());
        }
        session.events.push(payload);
        drop(state);
        self.inside.changed();
    }

    /// Serves bytes at a path under `/media/`; the content type follows from the extension. Panics where they cannot be
    /// written.
    pub fn serve_media(&self, path: &str, bytes: &[u8]) {
        let name = path.trim_start_matches('/').trim_start_matches("media/").to_owned();
        let mime = mime_of(&name).unwrap_or("application/octet-stream");
        let file = FakeMedia::keep(self.inside.new_path(), mime, bytes);
        let file = file.expect("the fake's temporary folder can be written");
        self.inside.state().media.insert(name, file);
    }

    /// A file is gone, as after its retention or an update of the addon.
    pub fn delete_media(&self, path: &str) {
        let name = path.trim_start_matches('/').trim_start_matches("media/");
        self.inside.state().media.remove(name);
    }

    /// Lets the webhook of a [held](Message::held) message go.
    pub fn release(&self, message: &str) {
        self.inside.state().held.remove(message);
        self.inside.changed();
    }

    /// Lets the echoes go that wait because of [`Echo::ByHand`].
    pub fn release_echoes(&self) {
        self.inside.state().held_echoes.clear();
        self.inside.changed();
    }

    /// The webhooks that were called, in the order in which they were begun.
    pub fn webhooks(&self) -> Vec<WebhookCall> {
        lock(&self.inside.records.calls).clone()
    }

    /// How many sockets of webhooks are open: each stays so until the other side closes it.
    pub fn open_webhook_sockets(&self) -> usize {
        lock(&self.inside.records.calls).iter().filter(|call| call.open).count()
    }

    // === what happened ===

    /// What calls asked WhatsApp for, in order: messages, edits, deletions, reactions, presence, receipts.
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.inside.records.sent).clone()
    }

    /// Every request that arrived, in order.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.inside.requests()
    }

    /// The requests of one call, in order.
    pub fn requests_to(&self, route: Route) -> Vec<RecordedRequest> {
        self.inside.requests().into_iter().filter(|request| request.route == route).collect()
    }

    /// What was wrong with calls that the addon took all the same: unknown keys, wrong types.
    pub fn violations(&self) -> Vec<Violation> {
        lock(&self.inside.records.violations).clone()
    }

    /// The texts that the addon took for commands.
    pub fn commands(&self) -> Vec<Command> {
        lock(&self.inside.records.commands).clone()
    }

    /// Tells whenever anything changes. For a loop that shows what there is.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inside.watch()
    }

    /// Waits until calls asked WhatsApp for so many things. Panics after 20 s, and says what there is.
    pub async fn wait_for_sent(&self, count: usize) -> Vec<Sent> {
        let found = self.until(|fake| Some(fake.sent()).filter(|sent| sent.len() >= count)).await;
        found.unwrap_or_else(|| panic!("{count} things were not sent; these were: {:#?}", self.sent()))
    }

    /// Waits for something that was sent. Panics after 20 s, and says what there is.
    pub async fn wait_for(&self, wanted: impl Fn(&Sent) -> bool) -> Sent {
        let found = self.until(|fake| fake.sent().into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| panic!("nothing like it was sent; these were: {:#?}", self.sent()))
    }

    /// Waits for a request. Panics after 20 s, and says which came.
    pub async fn wait_for_request(&self, wanted: impl Fn(&RecordedRequest) -> bool) -> RecordedRequest {
        let found = self.until(|fake| fake.requests().into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| {
            let came: Vec<_> = self.requests().into_iter().map(|request| (request.route, request.status)).collect();
            panic!("no such request came; these did: {came:?}")
        })
    }

    /// Waits for a webhook; give a condition on its status to wait for its answer. Panics after 20 s, and says which
    /// were called.
    pub async fn wait_for_webhook(&self, wanted: impl Fn(&WebhookCall) -> bool) -> WebhookCall {
        let found = self.until(|fake| fake.webhooks().into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| panic!("no such webhook was called; these were: {:#?}", self.webhooks()))
    }

    /// Waits until so many webhooks were answered. Panics after 20 s, and says which were called.
    pub async fn wait_for_answered_webhooks(&self, count: usize) -> Vec<WebhookCall> {
        let answered = |fake: &Self| {
            let calls = fake.webhooks();
            let answered: Vec<_> = calls.into_iter().filter(|call| call.status.is_some()).collect();
            (answered.len() >= count).then_some(answered)
        };
        let found = self.until(answered).await;
        found.unwrap_or_else(|| panic!("{count} webhooks were not answered; these were: {:#?}", self.webhooks()))
    }

    /// Waits until something holds. Panics after 20 s.
    pub async fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        let found = self.until(|fake| holds(fake).then_some(())).await;
        assert!(found.is_some(), "it did not come to hold within {} s", PATIENCE.as_secs());
    }

    /// Looks again whenever something changes, until there is something or patience ends.
    async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> Option<T> {
        self.inside.until(PATIENCE, |_| look(self)).await
    }
}
