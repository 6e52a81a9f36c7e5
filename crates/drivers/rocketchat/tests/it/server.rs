//! A fake server with a room, a person and a driver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{Defaults, Driver, DriverFactory, InstanceConfig, Services};
use tieline_core::id::{DeliveryId, InstanceId, MessageId};
use tieline_core::send::{Outgoing, Part, SendError, Sending, Sent};
use tieline_rocketchat::RocketChat;
use tieline_testkit::conformance::{Changes, Harness, Said, SendFault};
use tieline_testkit::rocketchat::{
    FakeRocketChat, Fault, HookOptions, IncomingHook, OutgoingHook, Retry, RocketChatScript, RoomKind, Route, User,
};
use tieline_testkit::{
    KnownIds, LocalWebhooks, RecordingHealth, RecordingInbound, Running, TempSpool, deliver, first_part,
};

pub(crate) const ROOM: &str = "R1";

/// Everything that a test of the driver needs.
pub(crate) struct Scene {
    pub(crate) server: FakeRocketChat,
    mode: Mode,
    pub(crate) bot: User,
    pub(crate) ann: User,
    pub(crate) hook: IncomingHook,
    pub(crate) instance: Arc<dyn InstanceConfig>,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) spool: Arc<TempSpool>,
    pub(crate) known: Arc<KnownIds>,
    pub(crate) inbound: Arc<RecordingInbound>,
    pub(crate) health: Arc<RecordingHealth>,
    pub(crate) webhooks: Arc<LocalWebhooks>,
}

/// Which settings the driver gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Api,
    Login,
    Quoting,
    Hook,
    HookWithBot,
    Realtime,
}

pub(crate) async fn scene(script: RocketChatScript, mode: Mode) -> Scene {
    let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
    let known = Arc::new(KnownIds::default());
    let services = Services {
        spool: Arc::clone(&spool) as _,
        links: Arc::clone(&known) as _,
        clock: Arc::new(tieline_testkit::SystemClock),
    };
    Scene::new(script, mode, services, spool, known).await
}

impl Scene {
    pub(crate) async fn new(
        script: RocketChatScript,
        mode: Mode,
        services: Services,
        spool: Arc<TempSpool>,
        known: Arc<KnownIds>,
    ) -> Self {
        let server = FakeRocketChat::start(script).await;
        let bot = server.add_user("tieline", "Tieline", &["bot", "user"]);
        let ann = server.add_user("ann", "Ann Smith", &["user"]);
        server.add_room(RoomKind::Private, ROOM, "lounge");
        server.join(ROOM, &bot);
        server.join(ROOM, &ann);
        let hook = server.incoming_hook(&format!("#{ROOM}"), &bot, HookOptions::default());
        let mut settings = json!({ "server_url": server.url(), "webhook_token": "s3cret-webhook" });
        let more = match mode {
            Mode::Api => json!({ "auth_token": bot.token, "user_id": bot.id }),
            Mode::Realtime => json!({
                "receive_method": "realtime", "auth_token": bot.token, "user_id": bot.id,
            }),
            Mode::Login => json!({ "username": bot.username, "password": "password of tieline" }),
            Mode::Quoting => json!({ "auth_token": bot.token, "user_id": bot.id, "reply_style": "quote" }),
            Mode::Hook => json!({ "send_method": "webhook", "webhook_url": hook.url }),
            Mode::HookWithBot => json!({
                "send_method": "webhook", "webhook_url": hook.url, "auth_token": bot.token, "user_id": bot.id,
            }),
        };
        for (key, value) in more.as_object().expect("an object") {
            settings[key] = value.clone();
        }
        let instance = resolve(&settings);
        let driver = Arc::clone(&instance).build(services).expect("the driver can be built");
        Self {
            server,
            mode,
            bot,
            ann,
            hook,
            instance,
            driver,
            spool,
            known,
            inbound: Arc::default(),
            health: Arc::default(),
            webhooks: Arc::default(),
        }
    }

    /// Lets the driver receive.
    pub(crate) async fn run(&self) -> Running {
        let running = Running::start(Arc::clone(&self.driver), &self.inbound, &self.webhooks, &self.health);
        self.server.outgoing_hook(outgoing_hook(self.webhooks.url().await));
        running
    }

    #[expect(clippy::unused_self, reason = "tests read better so")]
    pub(crate) fn outgoing(&self, text: &str) -> Outgoing {
        Outgoing {
            delivery: DeliveryId(1),
            action: tieline_core::send::Action::Say,
            mentions: Vec::new(),
            target: Address::of([("room_id", ROOM)]),
            text: text.to_owned(),
            named_text: format!("Bob: {text}"),
            keys: BTreeMap::from([("rc_alias".to_owned(), "Bob".to_owned())]),
            attachments: Vec::new(),
            reply_to: None,
            time: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn by_hook(&self) -> bool {
        matches!(self.mode, Mode::Hook | Mode::HookWithBot)
    }

    pub(crate) fn cut(&self, outgoing: &Outgoing) -> Vec<Part> {
        self.driver.cut(outgoing).expect("it can be cut")
    }

    pub(crate) fn first(&self, outgoing: &Outgoing) -> Sending {
        first_part(&*self.driver, outgoing)
    }

    /// Sends all parts.
    pub(crate) async fn deliver(&self, outgoing: &Outgoing) -> Result<Vec<Sent>, SendError> {
        deliver(&*self.driver, outgoing).await
    }
}

/// From here on the clock of the runtime jumps to whatever is waited for. It goes in small steps: before each the runtime
/// looks at its sockets, so that what is on its way over one comes in time also on a busy machine.
pub(crate) fn time_flies() {
    tokio::time::pause();
    tokio::spawn(async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

pub(crate) fn resolve(settings: &Value) -> Arc<dyn InstanceConfig> {
    let resolved = RocketChat.resolve(&InstanceId::new("rc").expect("an id"), settings, &Defaults::default());
    resolved.instance.unwrap_or_else(|| panic!("{:?}", resolved.problems))
}

pub(crate) fn outgoing_hook(url: String) -> OutgoingHook {
    OutgoingHook { urls: vec![url], token: "s3cret-webhook".into(), retry: Retry::ByHand(9), ..OutgoingHook::default() }
}

#[async_trait]
impl Harness for Scene {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.driver)
    }

    fn instance(&self) -> Arc<dyn InstanceConfig> {
        Arc::clone(&self.instance)
    }

    async fn connect(&self, webhooks: &LocalWebhooks, health: &RecordingHealth) {
        if self.mode != Mode::Realtime {
            self.server.outgoing_hook(outgoing_hook(webhooks.url().await));
        }
        health.wait_until_ready().await;
    }

    async fn person_writes(&self, text: &str) -> MessageId {
        MessageId::new(&self.server.post(&self.ann, ROOM, text)).expect("an id")
    }

    async fn tell_again(&self) -> bool {
        let last = self.server.messages(ROOM).pop().expect("a person wrote before").id;
        if self.mode == Mode::Realtime {
            self.server.realtime().tell_again(&last);
            return true;
        }
        // The first call must have ended, or its end would be taken for that of the second.
        self.server.wait_for_hook_call(|call| call.message_id == last).await;
        let ended = self.server.hook_calls().len();
        self.server.call_again(&last);
        self.server.wait_for_hook_calls(ended + 1).await;
        true
    }

    async fn answers(&self, count: usize) -> Option<Vec<u16>> {
        if self.mode == Mode::Realtime {
            return None;
        }
        let calls = self.server.wait_for_hook_calls(count).await;
        Some(calls.into_iter().filter_map(|call| call.status).collect())
    }

    fn target(&self) -> Address {
        match self.mode {
            // The hook decides the room.
            Mode::Hook => Address::default(),
            Mode::Api | Mode::Login | Mode::Quoting | Mode::HookWithBot | Mode::Realtime => {
                Address::of([("room_id", ROOM)])
            }
        }
    }

    fn identity(&self, name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("rc_alias".to_owned(), name.to_owned())])
    }

    fn said(&self) -> Vec<Said> {
        let messages = self.server.messages(ROOM).into_iter().filter(|message| message.user != "ann");
        messages
            .map(|message| Said {
                id: MessageId::new(&message.id).expect("an id"),
                text: message.text,
                name: message.alias.unwrap_or(message.user_name),
                files: message.files.into_iter().map(|file| file.sha256).collect(),
            })
            .collect()
    }

    fn changes(&self) -> Changes {
        // A hook alone can only post.
        let can = self.mode != Mode::Hook;
        Changes { edits: can, deletes: can, reacts: can }
    }

    fn reactions(&self, message: &MessageId) -> Vec<String> {
        let found = self.server.messages(ROOM).into_iter().find(|one| one.id == message.as_str());
        let ours = found.into_iter().flat_map(|message| message.reactions);
        ours.filter(|(_, users)| users.contains(&self.bot.username))
            .map(|(emoji, _)| tieline_core::emoji::canonical(&emoji))
            .collect()
    }

    fn set_off(&self) -> Vec<String> {
        // What the server's own parser would take for a mention of everybody, emphasis, a link or a command.
        let dangerous = ["@all", "@here", "*", "~", "`", "](", "<http", "||", "?msg="];
        let found = |text: &str| {
            let escapes = ["\\*", "\\_", "\\~", "\\`", "\\#"];
            let bare = escapes.iter().fold(text.to_owned(), |text, escape| text.replace(escape, ""));
            bare.starts_with(['/', '>', '#']) || dangerous.iter().any(|sign| bare.contains(sign))
        };
        self.said().into_iter().map(|said| said.text).filter(|text| found(text)).collect()
    }

    fn script(&self, fault: SendFault) {
        let fault = match fault {
            SendFault::RateLimited { until } => Fault::TooManyRequests { reset_ms: until.as_millisecond() },
            SendFault::ServerError => Fault::Status500,
            SendFault::LostRequest => Fault::DropBefore,
            SendFault::LostAnswer => Fault::DropAfter,
            SendFault::Unauthorized => Fault::Unauthorized,
            SendFault::Refused => {
                self.server.set_read_only(ROOM, true);
                return;
            }
        };
        let route = if self.by_hook() { Route::Hook } else { Route::SendMessage };
        self.server.faults().on(route).next(1, fault);
    }

    fn remedy(&self) -> &'static str {
        "make the bot a moderator"
    }

    async fn close(&self) {
        self.server.close_port().await;
    }

    fn reconciles(&self) -> bool {
        // Without credentials nobody can look into the room.
        self.mode != Mode::Hook
    }

    fn carries_files(&self) -> bool {
        !self.by_hook()
    }
}
