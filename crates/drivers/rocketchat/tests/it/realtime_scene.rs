//! A fake server with people who write, and a driver that listens, process after process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tieline_core::driver::{
    CatchUp, Defaults, Driver, DriverContext, DriverError, DriverFactory, Inbound, InboundError, InstanceConfig,
    KnownMessages, ProxyChoice, Services, Sources, Typing,
};
use tieline_core::event::{Body, Event};
use tieline_core::id::{ChannelKey, InstanceId, MessageId};
use tieline_core::outbox::Accepted;
use tieline_rocketchat::RocketChat;
use tieline_testkit::rocketchat::{FakeRocketChat, Realtime, RocketChatScript, RoomKind, User};
use tieline_testkit::{
    Health, LocalWebhooks, RecordingCursors, RecordingHealth, RecordingInbound, SystemClock, TempSpool,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const ROOM: &str = "R1";
/// How much of what was missed is fetched.
const CATCH_UP: CatchUp = CatchUp { max_age: Duration::from_hours(1), max_messages: 20 };

/// Everything that outlives a process.
pub(crate) struct Listening {
    pub(crate) server: FakeRocketChat,
    pub(crate) bot: User,
    pub(crate) ann: User,
    pub(crate) inbound: Arc<RecordingInbound>,
    pub(crate) cursors: Arc<RecordingCursors>,
    pub(crate) rules: Arc<Rules>,
    /// Who was heard to type.
    pub(crate) typing: watch::Sender<Vec<Typing>>,
    instance: Arc<dyn InstanceConfig>,
}

/// The rooms that rules name; none: every room.
#[derive(Default)]
pub(crate) struct Rules(Mutex<Option<BTreeSet<String>>>);

impl Rules {
    pub(crate) fn name(&self, rooms: &[&str]) {
        let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
        *self.0.lock().expect("no panic") = Some(rooms);
    }

    pub(crate) fn name_every(&self) {
        *self.0.lock().expect("no panic") = None;
    }
}

impl Sources for Rules {
    fn listens_to(&self, channel: &ChannelKey, _: Option<&ChannelKey>) -> bool {
        self.0.lock().expect("no panic").as_ref().is_none_or(|rooms| rooms.contains(channel.as_str()))
    }

    fn named(&self) -> Option<Vec<ChannelKey>> {
        let rooms = self.0.lock().expect("no panic").clone();
        rooms.map(|rooms| rooms.iter().map(|room| ChannelKey::new(room).expect("a key")).collect())
    }
}

/// Hands events on, and knows afterwards which messages it has seen, as the outbox does.
struct Seeing {
    inbound: Arc<RecordingInbound>,
    typing: watch::Sender<Vec<Typing>>,
}

#[async_trait]
impl Inbound for Seeing {
    async fn accept(&self, event: Event) -> Result<Accepted, InboundError> {
        self.inbound.accept(event).await
    }

    async fn typing(&self, typing: Typing) {
        self.typing.send_modify(|all| all.push(typing));
    }
}

#[async_trait]
impl KnownMessages for Seeing {
    async fn is_known(&self, _: &str, message: &MessageId) -> bool {
        self.inbound.events().iter().any(|event| event.message_id == *message)
    }
}

/// A process: its driver, and how it is.
pub(crate) struct Process {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) health: Arc<RecordingHealth>,
    pub(crate) webhooks: Arc<LocalWebhooks>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), DriverError>>,
}

impl Process {
    /// Stops it, as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        assert_eq!(self.task.await.expect("no panic"), Ok(()));
    }

    /// Ends it, as SIGKILL does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.expect_err("it was ended").is_cancelled());
    }

    pub(crate) async fn fails(&self, words: &str) {
        self.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains(words))).await;
    }
}

/// A room that rules name, with Ann and the bot in it.
pub(crate) async fn listening() -> Listening {
    listening_with(RocketChatScript::default(), &json!({}), ProxyChoice::Direct).await
}

pub(crate) async fn listening_with(script: RocketChatScript, more: &Value, proxy: ProxyChoice) -> Listening {
    let server = FakeRocketChat::start(script).await;
    let bot = server.add_user("tieline", "Tieline", &["bot", "user"]);
    let ann = server.add_user("ann", "Ann Smith", &["user"]);
    server.add_room(RoomKind::Private, ROOM, "lounge");
    server.join(ROOM, &bot);
    server.join(ROOM, &ann);
    let mut settings = json!({ "server_url": server.url(), "receive_method": "realtime" });
    if more.get("username").is_none() {
        settings["auth_token"] = json!(bot.token);
        settings["user_id"] = json!(bot.id);
    }
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    let defaults = Defaults { proxy, catch_up: Some(CATCH_UP) };
    let resolved = RocketChat.resolve(&InstanceId::new("rc").expect("an id"), &settings, &defaults);
    let instance = resolved.instance.unwrap_or_else(|| panic!("{:?}", resolved.problems));
    let rules = Arc::new(Rules::default());
    rules.name(&[ROOM]);
    Listening {
        server,
        bot,
        ann,
        inbound: Arc::default(),
        cursors: Arc::default(),
        rules,
        typing: watch::Sender::default(),
        instance,
    }
}

impl Listening {
    /// Starts a process, which knows nothing but the cursors and what was handed in.
    pub(crate) fn start(&self) -> Process {
        let seeing = Arc::new(Seeing { inbound: Arc::clone(&self.inbound), typing: self.typing.clone() });
        let services = Services {
            spool: Arc::new(TempSpool::new().expect("a temporary folder")),
            links: Arc::clone(&seeing) as _,
            clock: Arc::new(SystemClock),
        };
        let driver = Arc::clone(&self.instance).build(services).expect("the driver can be built");
        let (health, shutdown) = (Arc::<RecordingHealth>::default(), CancellationToken::new());
        let webhooks = Arc::<LocalWebhooks>::default();
        let context = DriverContext {
            inbound: seeing,
            webhooks: Arc::clone(&webhooks) as _,
            health: Arc::clone(&health) as _,
            cursors: Arc::clone(&self.cursors) as _,
            sources: Arc::clone(&self.rules) as _,
            shutdown: shutdown.clone(),
        };
        let task = tokio::spawn(Arc::clone(&driver).run(context));
        Process { driver, health, webhooks, shutdown, task }
    }

    /// Starts a process and waits until it hears the server.
    pub(crate) async fn started(&self) -> Process {
        let process = self.start();
        process.health.wait_until_ready().await;
        // A room begins with a cursor; what is written from then on is new.
        self.cursors.wait_for("rooms", |_| true).await;
        process
    }

    pub(crate) fn realtime(&self) -> Realtime<'_> {
        self.server.realtime()
    }

    /// Ann writes.
    pub(crate) fn write(&self, text: &str) -> String {
        self.server.post(&self.ann, ROOM, text)
    }

    /// Waits until a message was handed in.
    pub(crate) async fn arrives(&self, text: &str) -> Event {
        self.inbound.wait_for(|event| said(event).as_deref() == Some(text)).await
    }

    /// Ann writes, and it is handed in.
    pub(crate) async fn hears(&self, text: &str) -> String {
        let id = self.write(text);
        self.arrives(text).await;
        id
    }

    /// What was handed in as new, in order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.inbound.events().iter().filter_map(said).collect()
    }

    /// Waits until the cursor stands behind what happened until now.
    pub(crate) async fn keeps_its_place(&self, message: &str) {
        let wanted = self.server.message(message).expect("it is there").updated.as_millisecond();
        let there = |cursor: &str| {
            let cursor: Value = serde_json::from_str(cursor).expect("a cursor is JSON");
            cursor["kept"][ROOM]["reached"].as_i64().is_some_and(|reached| reached >= wanted)
        };
        self.cursors.wait_for("rooms", there).await;
    }

    /// Waits until something other than a new message was handed in about a message.
    pub(crate) async fn happens(&self, message: &str, kind: &str) -> Event {
        self.inbound.wait_for(|event| event.message_id.as_str() == message && event.kind() == kind).await
    }
}

/// What a new message says.
fn said(event: &Event) -> Option<String> {
    match &event.body {
        Body::Message(message) => Some(message.text.to_plain()),
        _ => None,
    }
}
