//! A simulated Discord server.

use anyhow::Context as _;
use serde_json::{Value, json};
use tieline_testkit::discord::{Bot, ChannelKind, DiscordScript, FakeDiscord, FakeMessage, Post, Snowflake};

use super::side::{Line, Side};

const CHANNEL: &str = "lounge";

/// One simulated server with one channel, one person and the relay's bot.
pub(super) struct Guild {
    server: FakeDiscord,
    channel: Snowflake,
    person: Snowflake,
    bot: Bot,
}

impl Guild {
    pub(super) async fn start() -> anyhow::Result<Self> {
        // The demo is about relaying; how tieline waits for a platform's limits would only look like a stall.
        let script = DiscordScript::unlimited();
        let server = FakeDiscord::try_start(script).await.context("the simulated Discord cannot start")?;
        let (bot, person) = (server.add_bot("tieline"), server.add_person("dan", "Dan"));
        let guild = server.add_guild("Demo");
        let channel = server.add_channel(guild, ChannelKind::Text, CHANNEL);
        server.join(guild, bot.user);
        server.join(guild, person);
        Ok(Self { server, channel, person, bot })
    }
}

impl Side for Guild {
    fn place(&self) -> String {
        format!("D #{CHANNEL}")
    }

    fn platform(&self) -> &'static str {
        "discord"
    }

    fn instance(&self) -> String {
        "demo_d".to_owned()
    }

    fn settings(&self) -> Value {
        json!({ "bot_token": self.bot.token, "api_url": self.server.url() })
    }

    fn address(&self) -> Value {
        let channel = self.channel.to_string();
        json!({ "channel_id": channel, "msg": { "msg_format": "{msg}", "webhook_title": "{user}" } })
    }

    fn is_heard(&self) -> bool {
        self.server.gateway().sessions().iter().any(|session| session.connection.is_some())
    }

    fn say(&self, text: &str) -> Result<(), String> {
        let said = self.server.try_say(self.channel, self.person, Post::text(text));
        said.map(drop).map_err(|error| error.to_string())
    }

    fn lines(&self) -> Vec<Line> {
        let line = |message: FakeMessage| Line {
            brought: message.author != self.person,
            name: message.author_name,
            text: message.content,
        };
        self.server.messages(self.channel).into_iter().map(line).collect()
    }
}
