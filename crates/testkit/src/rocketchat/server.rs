//! The server as a test or the demo holds it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::faults::Faults;
use super::files::Caption;
use super::incoming::{HookOptions, HookState, IncomingHook};
use super::inside::{Inside, RecordedRequest};
use super::message::FakeMessage;
use super::outgoing::{self, Happening, HookCall, HookCalls, OutgoingHook};
use super::posting::Draft;
use super::refusal::Refusal;
use super::route::Route;
use super::script::RocketChatScript;
use super::state::{Account, RoomKind, RoomState, User};
use super::storage::{Storage, StorageRequest};
use crate::port::{Http, Port};

/// How long [`FakeRocketChat::wait_for`] waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A fake Rocket.Chat server on a port of loopback. It ends when it is dropped.
pub struct FakeRocketChat {
    pub(super) inside: Arc<Inside>,
    port: Port,
    storage: Option<(Arc<Storage>, Port)>,
}

/// The server refused what a person did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fake Rocket.Chat refused it: {0}")]
pub struct Refused(pub String);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let body = refusal.body.map(|body| body.to_string()).unwrap_or_default();
        Self(format!("{} {body}", refusal.status))
    }
}

impl Drop for FakeRocketChat {
    fn drop(&mut self) {
        self.inside.ended.cancel();
    }
}

impl FakeRocketChat {
    /// Starts a server; panics where no port can be had. See [`try_start`](Self::try_start).
    pub async fn start(script: RocketChatScript) -> Self {
        Self::try_start(script).await.expect("a port of loopback and a temporary folder can be had")
    }

    /// Starts a server. It has the accounts that every server has: `rocket.cat`, with the role `bot`.
    pub async fn try_start(script: RocketChatScript) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let storage = if script.object_storage {
            let storage = Arc::new(Storage::default());
            let port = Port::bind(Arc::new(Http(Arc::clone(&storage)))).await?;
            Some((storage, port))
        } else {
            None
        };
        let storage_url = storage.as_ref().map(|(_, port)| format!("http://{}", port.local()));
        let inside = Arc::new(Inside::new(script, url, tempfile::tempdir()?, storage_url));
        if let Some((storage, _)) = &storage {
            // It was made three lines ago and is set nowhere else.
            storage.server.get_or_init(|| Arc::downgrade(&inside));
        }
        let port = Port::bind_at(listener, Arc::new(Http(Arc::clone(&inside))))?;
        let server = Self { inside, port, storage };
        server.add_account("rocket.cat", "rocket.cat", "Rocket.Cat", &["bot"], None);
        Ok(server)
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> &str {
        self.inside.url()
    }

    /// Refuses connections from now on, and cuts off those that are open.
    pub async fn close_port(&self) {
        self.port.close().await;
        self.realtime().cut();
    }

    /// Listens at the same port again.
    pub async fn open_port(&self) -> io::Result<()> {
        self.port.open().await
    }

    /// The faults that wait for requests.
    pub fn faults(&self) -> &Faults {
        &self.inside.faults
    }

    // === who and where ===

    /// Adds an account with a personal access token and the password `password of {username}`.
    pub fn add_user(&self, username: &str, name: &str, roles: &[&str]) -> User {
        let id = self.inside.state().new_id("u");
        let password = format!("password of {username}");
        self.add_account(&id, username, name, roles, Some(password))
    }

    fn add_account(&self, id: &str, username: &str, name: &str, roles: &[&str], password: Option<String>) -> User {
        let mut state = self.inside.state();
        let token = state.new_id("personal-access-token-");
        state.tokens.insert(token.clone(), id.to_owned());
        state.accounts.push(Account {
            id: id.to_owned(),
            username: username.to_owned(),
            name: name.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            password,
        });
        User { id: id.to_owned(), username: username.to_owned(), token }
    }

    /// Takes the roles of an account away and gives it these.
    pub fn set_roles(&self, user: &User, roles: &[&str]) {
        let mut state = self.inside.state();
        if let Some(account) = state.accounts.iter_mut().find(|account| account.id == user.id) {
            account.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        }
    }

    /// Every token of an account is refused from now on, as if it had expired.
    pub fn expire_tokens(&self, user: &User) {
        self.inside.state().tokens.retain(|_, owner| *owner != user.id);
    }

    /// Adds a room without members. Two rooms of one server never share an id.
    pub fn add_room(&self, kind: RoomKind, id: &str, name: &str) {
        let created = self.inside.now();
        let mut state = self.inside.state();
        if state.room(id).is_none() {
            state.rooms.push(RoomState {
                id: id.to_owned(),
                name: name.to_owned(),
                kind,
                members: Vec::new(),
                archived: false,
                read_only: false,
                created,
            });
        }
    }

    /// Makes an account a member of a room.
    pub fn join(&self, room: &str, user: &User) {
        let joined = {
            let mut state = self.inside.state();
            let room = state.room_mut(room).filter(|room| !room.has(&user.id));
            room.map(|room| {
                room.members.push(user.id.clone());
                room.clone()
            })
        };
        if let Some(room) = joined {
            self.inside.tell_membership(&user.id, &room, "inserted");
        }
    }

    /// Takes an account out of a room.
    pub fn leave(&self, room: &str, user: &User) {
        let left = {
            let mut state = self.inside.state();
            state.room_mut(room).map(|room| {
                room.members.retain(|member| *member != user.id);
                room.clone()
            })
        };
        if let Some(room) = left {
            self.inside.tell_membership(&user.id, &room, "removed");
        }
    }

    /// Whether an account is a member of a room.
    pub fn is_member(&self, room: &str, user: &User) -> bool {
        self.inside.state().room(room).is_some_and(|room| room.has(&user.id))
    }

    /// Archives a room, or takes it out of the archive.
    pub fn set_archived(&self, room: &str, archived: bool) {
        if let Some(room) = self.inside.state().room_mut(room) {
            room.archived = archived;
        }
    }

    /// Makes a room read-only, or not.
    pub fn set_read_only(&self, room: &str, read_only: bool) {
        if let Some(room) = self.inside.state().room_mut(room) {
            room.read_only = read_only;
        }
    }

    // === integrations ===

    /// Makes an Incoming Webhook that posts into `channel` (`#name`, `@user` or a room's id).
    pub fn incoming_hook(&self, channel: &str, post_as: &User, options: HookOptions) -> IncomingHook {
        let mut state = self.inside.state();
        let (id, token) = (state.new_id("i"), state.new_id("incoming-token-"));
        let url = format!("{}/hooks/{id}/{token}", self.url());
        state.incoming.push(HookState {
            id: id.clone(),
            token,
            channel: channel.to_owned(),
            post_as: post_as.id.clone(),
            enabled: true,
            options,
        });
        IncomingHook { id, url }
    }

    /// Enables or disables an integration, incoming or outgoing.
    pub fn set_enabled(&self, integration: &str, enabled: bool) {
        let mut state = self.inside.state();
        if let Some(hook) = state.incoming.iter_mut().find(|hook| hook.id == integration) {
            hook.enabled = enabled;
        }
        if let Some(hook) = state.outgoing.iter_mut().find(|hook| hook.id == integration) {
            hook.enabled = enabled;
        }
    }

    /// Whether an integration is enabled.
    pub fn is_enabled(&self, integration: &str) -> bool {
        let state = self.inside.state();
        state.incoming.iter().any(|hook| hook.id == integration && hook.enabled)
            || state.outgoing.iter().any(|hook| hook.id == integration && hook.enabled)
    }

    /// Makes an Outgoing Webhook. Returns the integration's id.
    pub fn outgoing_hook(&self, hook: OutgoingHook) -> String {
        let mut state = self.inside.state();
        let id = state.new_id("o");
        state.outgoing.push(HookCalls { id: id.clone(), hook, enabled: true });
        id
    }

    /// Lets one call be made again that waits for it; see [`Retry::ByHand`](super::Retry::ByHand).
    pub fn retry_once(&self) {
        self.inside.allow_retry();
    }

    /// Makes every call about a message again, as the server does where something between it and the listener spoilt a
    /// good answer.
    pub fn call_again(&self, message: &str) {
        if let Some(message) = self.message(message) {
            outgoing::fire(&self.inside, &message, Happening::Posted);
        }
    }

    /// The calls to webhooks that ended, in the order in which they did.
    pub fn hook_calls(&self) -> Vec<HookCall> {
        self.inside.calls()
    }

    // === what people do ===

    /// A person types. Returns the message's id; panics where the server refuses. See [`try_post`](Self::try_post).
    pub fn post(&self, user: &User, room: &str, text: &str) -> String {
        self.try_post(user, room, text).expect("the person may post there")
    }

    /// A person types. Returns the message's id.
    pub fn try_post(&self, user: &User, room: &str, text: &str) -> Result<String, Refused> {
        let draft = Draft {
            room: room.to_owned(),
            author: user.id.clone(),
            text: text.to_owned(),
            quotes: true,
            ..Draft::default()
        };
        Ok(self.inside.post(draft)?.id)
    }

    /// A person answers in a thread.
    pub fn post_in_thread(&self, user: &User, room: &str, tmid: &str, text: &str) -> Result<String, Refused> {
        let draft = Draft {
            room: room.to_owned(),
            author: user.id.clone(),
            text: text.to_owned(),
            tmid: Some(tmid.to_owned()),
            quotes: true,
            ..Draft::default()
        };
        Ok(self.inside.post(draft)?.id)
    }

    /// A person puts a file into a room.
    pub fn post_file(
        &self,
        user: &User,
        room: &str,
        name: &str,
        mime: &str,
        bytes: &[u8],
        caption: &str,
    ) -> Result<FakeMessage, Refused> {
        Ok(self.inside.person_file(&user.id, room, name, mime, bytes, Caption::Text(caption))?)
    }

    /// A person puts a picture into a room with a client that writes the caption as the file's `description`.
    pub fn post_described(&self, user: &User, room: &str, bytes: &[u8], caption: &str) -> Result<FakeMessage, Refused> {
        Ok(self.inside.person_file(&user.id, room, "cat.png", "image/png", bytes, Caption::Description(caption))?)
    }

    /// A person changes a message.
    pub fn edit(&self, user: &User, message: &str, text: &str) -> Result<(), Refused> {
        self.inside.edit(&user.id, message, text)?;
        Ok(())
    }

    /// A person reacts to a message (`tada`, without colons), or takes it back.
    pub fn react(&self, user: &User, message: &str, name: &str, added: bool) -> Result<(), Refused> {
        let account = self.account(user)?;
        self.inside.react(&account, message, name, Some(added))?;
        Ok(())
    }

    /// Somebody pins a message.
    pub fn pin(&self, message: &str) -> Result<(), Refused> {
        Ok(self.inside.pin(message)?)
    }

    /// The server says in a room what somebody did: `uj` (joined), `room_changed_topic` with the topic. Returns its id.
    pub fn announce(&self, room: &str, about: &User, kind: &str, text: &str) -> Result<String, Refused> {
        Ok(self.inside.announce(room, &self.account(about)?, kind, text).id)
    }

    fn account(&self, user: &User) -> Result<Account, Refused> {
        let account = self.inside.state().account(&user.id).cloned();
        account.ok_or_else(|| Refused(format!("there is no account {}", user.username)))
    }

    /// A person deletes a message. There is no Outgoing Webhook for it.
    pub fn delete(&self, user: &User, message: &str) -> Result<(), Refused> {
        self.inside.delete(&user.id, message)?;
        Ok(())
    }

    // === what there is ===

    /// The messages of a room, in the order in which they were posted.
    pub fn messages(&self, room: &str) -> Vec<FakeMessage> {
        self.inside.state().messages.iter().filter(|message| message.room == room).cloned().collect()
    }

    /// A message.
    pub fn message(&self, id: &str) -> Option<FakeMessage> {
        self.inside.state().message(id).cloned()
    }

    /// Every request that arrived, in order.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.inside.requests()
    }

    /// The requests of one call, in order.
    pub fn requests_to(&self, route: Route) -> Vec<RecordedRequest> {
        self.inside.requests().into_iter().filter(|request| request.route == route).collect()
    }

    /// The requests that reached the object storage.
    pub fn storage_requests(&self) -> Vec<StorageRequest> {
        self.storage.as_ref().map(|(storage, _)| storage.requests()).unwrap_or_default()
    }

    /// Tells whenever anything changes: a message, a request, a call. For a loop that shows what there is.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inside.watch()
    }

    /// Waits for a message. Panics after 20 s, and says what was there.
    pub async fn wait_for(&self, room: &str, wanted: impl Fn(&FakeMessage) -> bool) -> FakeMessage {
        let found = self.until(|server| server.messages(room).into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| panic!("no such message came into {room}; there is {:#?}", self.messages(room)))
    }

    /// Waits until a room holds so many messages. Panics after 20 s, and says what was there.
    pub async fn wait_for_count(&self, room: &str, count: usize) -> Vec<FakeMessage> {
        let found = self.until(|server| Some(server.messages(room)).filter(|all| all.len() >= count)).await;
        found.unwrap_or_else(|| panic!("{room} does not hold {count} messages but {:#?}", self.messages(room)))
    }

    /// Waits for a request that has arrived. Panics after 20 s, and says which came.
    pub async fn wait_for_request(&self, wanted: impl Fn(&RecordedRequest) -> bool) -> RecordedRequest {
        let found = self.until(|server| server.requests().into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| {
            let came: Vec<_> = self.requests().into_iter().map(|request| (request.route, request.status)).collect();
            panic!("no such request came; these did: {came:?}")
        })
    }

    /// Waits for a call to a webhook to end. Panics after 20 s, and says which did.
    pub async fn wait_for_hook_call(&self, wanted: impl Fn(&HookCall) -> bool) -> HookCall {
        let found = self.until(|server| server.hook_calls().into_iter().find(&wanted)).await;
        found.unwrap_or_else(|| panic!("no such call was made; these were: {:#?}", self.hook_calls()))
    }

    /// Waits until so many calls to webhooks ended. Panics after 20 s, and says which did.
    pub async fn wait_for_hook_calls(&self, count: usize) -> Vec<HookCall> {
        let found = self.until(|server| Some(server.hook_calls()).filter(|calls| calls.len() >= count)).await;
        found.unwrap_or_else(|| panic!("{count} calls were not made; these were: {:#?}", self.hook_calls()))
    }

    /// Looks again whenever something changes, until there is something or patience ends.
    async fn until<T>(&self, look: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let mut changes = self.inside.watch();
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
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }
}
