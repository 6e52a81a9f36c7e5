//! A fake Discord with a server, a channel, a person, a bot, and a driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{Defaults, Driver, DriverFactory, InstanceConfig, Services};
use tieline_core::event::{Attachment, AttachmentKind};
use tieline_core::id::{DeliveryId, InstanceId};
use tieline_core::send::{Outgoing, SendError, Sending, Sent};
use tieline_discord::Discord;
use tieline_testkit::discord::{Bot, ChannelKind, DiscordScript, FakeDiscord, FakeMessage, Snowflake};
use tieline_testkit::{
    KnownIds, LocalWebhooks, RecordingHealth, RecordingInbound, Running, SystemClock, TempSpool, deliver, first_part,
};

/// Everything that a test of the driver needs.
pub(crate) struct Scene {
    pub(crate) discord: FakeDiscord,
    pub(crate) guild: Snowflake,
    /// `#general`.
    pub(crate) channel: Snowflake,
    /// A person, shown as `Ann`.
    pub(crate) ann: Snowflake,
    pub(crate) bot: Bot,
    pub(crate) instance: Arc<dyn InstanceConfig>,
    pub(crate) services: Services,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) spool: Arc<TempSpool>,
    pub(crate) known: Arc<KnownIds>,
    pub(crate) inbound: Arc<RecordingInbound>,
    pub(crate) health: Arc<RecordingHealth>,
    pub(crate) webhooks: Arc<LocalWebhooks>,
}

/// A scene with the default settings, and limits that no test reaches.
pub(crate) async fn scene() -> Scene {
    scene_with(DiscordScript::unlimited(), json!({})).await
}

/// A scene with these settings beside the token and the API's URL.
pub(crate) async fn scene_with(script: DiscordScript, settings: Value) -> Scene {
    let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
    let known = Arc::new(KnownIds::default());
    let services =
        Services { spool: Arc::clone(&spool) as _, links: Arc::clone(&known) as _, clock: Arc::new(SystemClock) };
    Scene::new(script, &settings, services, spool, known).await
}

impl Scene {
    pub(crate) async fn new(
        script: DiscordScript,
        more: &Value,
        services: Services,
        spool: Arc<TempSpool>,
        known: Arc<KnownIds>,
    ) -> Self {
        let discord = FakeDiscord::start(script).await;
        let guild = discord.add_guild("Workshop");
        let channel = discord.add_channel(guild, ChannelKind::Text, "general");
        let ann = discord.add_person("ann.smith", "Ann");
        let bot = discord.add_bot("tieline");
        discord.join(guild, ann);
        discord.join(guild, bot.user);
        let instance = instance(&discord, &bot, more);
        let driver = Arc::clone(&instance).build(services.clone()).expect("the driver can be built");
        Self {
            discord,
            guild,
            channel,
            ann,
            bot,
            instance,
            services,
            driver,
            spool,
            known,
            inbound: Arc::default(),
            health: Arc::default(),
            webhooks: Arc::default(),
        }
    }

    /// Lets the driver receive, and waits until it does.
    pub(crate) async fn run(&self) -> Running {
        let running = Running::start(Arc::clone(&self.driver), &self.inbound, &self.webhooks, &self.health);
        self.health.wait_until_ready().await;
        running
    }

    /// From now on the instance has no bot, only webhooks that targets name.
    pub(crate) fn without_bot(&mut self) {
        let settings = json!({ "api_url": self.discord.url() });
        let resolved = Discord.resolve(&InstanceId::new("dc").expect("an id"), &settings, &Defaults::default());
        self.instance = resolved.instance.expect("sound");
        self.driver = self.another_driver();
    }

    /// Another driver of the same instance, as the next process has it.
    pub(crate) fn another_driver(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.instance).build(self.services.clone()).expect("the driver can be built")
    }

    pub(crate) fn outgoing(&self, text: &str) -> Outgoing {
        self.outgoing_to(self.channel, text)
    }

    #[expect(clippy::unused_self, reason = "tests read better so")]
    pub(crate) fn outgoing_to(&self, channel: Snowflake, text: &str) -> Outgoing {
        Outgoing {
            delivery: DeliveryId(1),
            action: tieline_core::send::Action::Say,
            mentions: Vec::new(),
            target: Address::of([("channel_id", channel.to_string().as_str())]),
            text: text.to_owned(),
            named_text: format!("Bob: {text}"),
            keys: BTreeMap::from([("webhook_title".to_owned(), "Bob".to_owned())]),
            attachments: Vec::new(),
            reply_to: None,
            time: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    /// A file from the spool.
    pub(crate) async fn file(
        &self,
        kind: AttachmentKind,
        name: &str,
        mime: &str,
        bytes: impl Into<bytes::Bytes>,
    ) -> Attachment {
        self.spool.attachment(kind, name, mime, bytes).await.expect("the spool takes it")
    }

    pub(crate) fn first(&self, outgoing: &Outgoing) -> Sending {
        first_part(&*self.driver, outgoing)
    }

    /// Sends all parts.
    pub(crate) async fn deliver(&self, outgoing: &Outgoing) -> Result<Vec<Sent>, SendError> {
        deliver(&*self.driver, outgoing).await
    }

    /// What we said in a channel. Nothing was odd about the calls until now.
    pub(crate) fn said_in(&self, channel: Snowflake) -> Vec<FakeMessage> {
        assert_eq!(self.discord.violations(), [], "Discord takes it, and should not have had to");
        let ours = |message: &FakeMessage| message.webhook_id.is_some() || message.author == self.bot.user;
        self.discord.messages(channel).into_iter().filter(ours).collect()
    }

    pub(crate) fn said(&self) -> Vec<FakeMessage> {
        self.said_in(self.channel)
    }
}

fn instance(discord: &FakeDiscord, bot: &Bot, more: &Value) -> Arc<dyn InstanceConfig> {
    let mut settings = json!({ "bot_token": bot.token, "api_url": discord.url() });
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    let resolved = Discord.resolve(&InstanceId::new("dc").expect("an id"), &settings, &Defaults::default());
    resolved.instance.unwrap_or_else(|| panic!("{:?}", resolved.problems))
}
