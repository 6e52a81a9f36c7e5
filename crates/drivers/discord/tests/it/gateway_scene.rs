//! A fake Discord with a person who writes, and a driver that hears it, process after process.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_core::driver::{
    CatchUp, Defaults, Driver, DriverContext, DriverError, DriverFactory, InstanceConfig, ProxyChoice, Services,
};
use tieline_core::event::{Body, Event};
use tieline_core::id::InstanceId;
use tieline_discord::Discord;
use tieline_testkit::discord::gateway::{Gateway, GatewayScript};
use tieline_testkit::discord::{Bot, ChannelKind, DiscordScript, FakeDiscord, Snowflake};
use tieline_testkit::{
    EverySource, Health, KnownIds, LocalWebhooks, RecordingCursors, RecordingHealth, RecordingInbound, SystemClock,
    TempSpool,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How much of what was missed is fetched.
pub(crate) const CATCH_UP: CatchUp = CatchUp { max_age: Duration::from_hours(1), max_messages: 120 };

/// Everything that outlives a process.
pub(crate) struct Listening {
    pub(crate) discord: FakeDiscord,
    pub(crate) guild: Snowflake,
    pub(crate) channel: Snowflake,
    pub(crate) ann: Snowflake,
    pub(crate) bot: Bot,
    pub(crate) instance: Arc<dyn InstanceConfig>,
    pub(crate) inbound: Arc<RecordingInbound>,
    pub(crate) cursors: Arc<RecordingCursors>,
    /// What the outbox knows.
    pub(crate) known: Arc<KnownIds>,
}

/// A process: its driver, and how it is.
pub(crate) struct Process {
    pub(crate) health: Arc<RecordingHealth>,
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

    /// Waits until the run ends by itself.
    pub(crate) async fn ends(self) -> DriverError {
        self.task.await.expect("no panic").expect_err("it was not asked to end")
    }

    pub(crate) async fn fails(&self, words: &str) {
        self.health.wait_for(|health| matches!(health, Health::Failing(why) if why.contains(words))).await;
    }
}

/// A scene whose limits no test reaches, with a gateway that takes identifies as often as they come.
pub(crate) async fn listening() -> Listening {
    listening_with(GatewayScript { identify_window: Duration::ZERO, ..GatewayScript::default() }, &json!({})).await
}

pub(crate) async fn listening_with(gateway: GatewayScript, settings: &Value) -> Listening {
    let defaults = Defaults { proxy: ProxyChoice::Direct, catch_up: Some(CATCH_UP) };
    listening_by(gateway, settings, &defaults).await
}

pub(crate) async fn listening_by(gateway: GatewayScript, more: &Value, defaults: &Defaults) -> Listening {
    let discord = FakeDiscord::start(DiscordScript { gateway, ..DiscordScript::unlimited() }).await;
    let guild = discord.add_guild("Workshop");
    let channel = discord.add_channel(guild, ChannelKind::Text, "general");
    let ann = discord.add_person("ann.smith", "Ann");
    let bot = discord.add_bot("tieline");
    discord.join(guild, ann);
    discord.join(guild, bot.user);
    let mut settings = json!({ "bot_token": bot.token, "api_url": discord.url() });
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    let resolved = Discord.resolve(&InstanceId::new("dc").expect("an id"), &settings, defaults);
    let instance = resolved.instance.unwrap_or_else(|| panic!("{:?}", resolved.problems));
    Listening {
        discord,
        guild,
        channel,
        ann,
        bot,
        instance,
        inbound: Arc::default(),
        cursors: Arc::default(),
        known: Arc::default(),
    }
}

impl Listening {
    /// Starts a process, which knows nothing but the cursors.
    pub(crate) fn start(&self) -> Process {
        let services = Services {
            spool: Arc::new(TempSpool::new().expect("a temporary folder")),
            links: Arc::clone(&self.known) as _,
            clock: Arc::new(SystemClock),
        };
        self.run(Arc::clone(&self.instance).build(services).expect("the driver can be built"))
    }

    fn run(&self, driver: Arc<dyn Driver>) -> Process {
        let (health, shutdown) = (Arc::<RecordingHealth>::default(), CancellationToken::new());
        let context = DriverContext {
            inbound: Arc::clone(&self.inbound) as _,
            webhooks: Arc::new(LocalWebhooks::default()),
            health: Arc::clone(&health) as _,
            cursors: Arc::clone(&self.cursors) as _,
            sources: Arc::new(EverySource),
            shutdown: shutdown.clone(),
        };
        Process { health, shutdown, task: tokio::spawn(driver.run(context)) }
    }

    /// Starts a process and waits until it hears Discord.
    pub(crate) async fn started(&self) -> Process {
        let process = self.start();
        process.health.wait_until_ready().await;
        process
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.discord.gateway()
    }

    /// Ann writes.
    pub(crate) fn write(&self, text: &str) {
        self.discord.person_writes(self.channel, self.ann, text);
    }

    /// Waits until a message was handed in.
    pub(crate) async fn arrives(&self, text: &str) -> Event {
        self.inbound.wait_for(|event| said(event).as_deref() == Some(text)).await
    }

    /// Ann writes, and it is handed in.
    pub(crate) async fn hears(&self, text: &str) {
        self.write(text);
        self.arrives(text).await;
    }

    /// Ann writes, it is handed in, and the outbox knows it.
    pub(crate) async fn learns(&self, text: &str) -> Snowflake {
        let message = self.discord.person_writes(self.channel, self.ann, text);
        self.known.add(self.arrives(text).await.message_id);
        message
    }

    /// What was handed in as new, in order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.inbound.events().iter().filter_map(said).collect()
    }

    /// Waits until the cursor stands behind the last event of the session.
    pub(crate) async fn keeps_its_place(&self) {
        let session = self.gateway().sessions().pop().expect("a session");
        let there = |cursor: &str| {
            let cursor: Value = serde_json::from_str(cursor).expect("a cursor is JSON");
            cursor["session_id"] == session.id && cursor["seq"] == session.seq
        };
        self.cursors.wait_for("gateway", there).await;
    }
}

/// What a new message says.
fn said(event: &Event) -> Option<String> {
    match &event.body {
        Body::Message(message) => Some(message.text.to_plain()),
        _ => None,
    }
}
