//! A Discord server as tests need it: a fake with our bot in it and one channel, where Carol writes.

use serde_json::{Value, json};
use tieline_testkit::discord::{Bot, ChannelKind, DiscordScript, FakeDiscord, FakeMessage, Snowflake};

/// A server, and the instance `dc` that stands for our bot there.
pub(crate) struct Guild {
    pub(crate) server: FakeDiscord,
    /// Our bot, with all permissions.
    pub(crate) bot: Bot,
    /// The server's id.
    pub(crate) id: Snowflake,
    /// The channel `#general`.
    pub(crate) general: Snowflake,
    /// The person who writes: shown as "Carol Example".
    pub(crate) carol: Snowflake,
}

impl Guild {
    /// A server without limits.
    pub(crate) async fn start() -> Self {
        Self::with(DiscordScript::unlimited()).await
    }

    /// The same with a script.
    pub(crate) async fn with(script: DiscordScript) -> Self {
        let server = FakeDiscord::start(script).await;
        let bot = server.add_bot("relay");
        let carol = server.add_person("carol", "Carol Example");
        server.set_avatar(carol, Some("0123456789abcdef0123456789abcdef"));
        let id = server.add_guild("Club");
        let general = server.add_channel(id, ChannelKind::Text, "general");
        server.join(id, bot.user);
        server.join(id, carol);
        Self { server, bot, id, general, carol }
    }

    /// The instance's settings.
    pub(crate) fn settings(&self) -> Value {
        json!({ "bot_token": self.bot.token, "api_url": self.server.url() })
    }

    /// The address of `#general`.
    pub(crate) fn address(&self) -> Value {
        json!({ "channel_id": self.general.to_string() })
    }

    /// Carol writes into `#general`.
    pub(crate) fn say(&self, text: &str) -> Snowflake {
        self.server.person_writes(self.general, self.carol, text)
    }

    /// What was posted into a channel by webhooks and bots, in order.
    pub(crate) fn copies(&self, channel: Snowflake) -> Vec<FakeMessage> {
        self.server.messages(channel).into_iter().filter(|message| message.author != self.carol).collect()
    }

    /// The texts of these.
    pub(crate) fn heard(&self, channel: Snowflake) -> Vec<String> {
        self.copies(channel).into_iter().map(|message| message.content).collect()
    }

    /// Asserts that no call was odd, none came before its time, and nobody was called by a ping.
    pub(crate) fn was_called_properly(&self) {
        assert_eq!(self.server.violations(), []);
        assert_eq!(self.server.early(), []);
        let pinged: Vec<_> = self
            .server
            .messages(self.general)
            .into_iter()
            .filter(|message| message.author != self.carol && !message.pinged.is_empty())
            .collect();
        assert!(pinged.is_empty(), "{pinged:?}");
    }
}
