//! A guild with a bot in it, and a REST client as small as these tests need it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tieline_testkit::discord::gateway::GatewayScript;
use tieline_testkit::discord::{Bot, ChannelKind, DiscordScript, FakeDiscord, Snowflake, Webhook};
use tieline_testkit::{FixedClock, Reply, call};

use crate::client::PATIENCE;

pub(crate) const AGENT: &str = "DiscordBot (https://example.com, 1.0)";

/// A guild with a text channel, a bot and a person, at a time that stands still.
pub(crate) struct Rig {
    pub(crate) fake: FakeDiscord,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) bot: Bot,
    pub(crate) guild: Snowflake,
    pub(crate) channel: Snowflake,
    pub(crate) ann: Snowflake,
}

impl Rig {
    /// Without limits.
    pub(crate) async fn new() -> Self {
        Self::with(DiscordScript::unlimited()).await
    }

    pub(crate) async fn with(script: DiscordScript) -> Self {
        let clock = Arc::new(FixedClock::default());
        let gateway = GatewayScript { identify_window: Duration::ZERO, ..script.gateway.clone() };
        let fake = FakeDiscord::start(DiscordScript { clock: Arc::clone(&clock) as _, gateway, ..script }).await;
        let (bot, guild) = (fake.add_bot("relay"), fake.add_guild("Home"));
        let ann = fake.add_person("ann", "Ann");
        fake.join(guild, bot.user);
        fake.join(guild, ann);
        let channel = fake.add_channel(guild, ChannelKind::Text, "general");
        Self { fake, clock, bot, guild, channel, ann }
    }

    /// A webhook of the bot in the channel.
    pub(crate) fn hook(&self) -> Webhook {
        self.fake.add_webhook_of(self.channel, &self.bot, "relay")
    }

    pub(crate) async fn reply(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
        call(method, &format!("{}/{path}", self.fake.url()), headers, body, PATIENCE).await.unwrap()
    }

    /// A call of the bot.
    pub(crate) async fn raw(&self, method: Method, path: &str, mime: &str, body: impl Into<Bytes>) -> Reply {
        let authorization = format!("Bot {}", self.bot.token);
        let headers = [("user-agent", AGENT), ("authorization", authorization.as_str()), ("content-type", mime)];
        self.reply(method, path, &headers, body.into()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        parsed(&self.raw(method, path, "application/json", body.to_string()).await)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        parsed(&self.raw(Method::GET, path, "application/json", "").await)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::POST, path, body).await
    }

    /// A call without a body.
    pub(crate) async fn bare(&self, method: Method, path: &str) -> (u16, Value) {
        parsed(&self.raw(method, path, "application/json", "").await)
    }

    /// The bot writes into the channel.
    pub(crate) async fn write(&self, body: &Value) -> (u16, Value) {
        self.post(&format!("channels/{}/messages", self.channel), body).await
    }

    /// A call with nothing but a webhook's token.
    pub(crate) async fn hooked(&self, method: Method, hook: &Webhook, rest: &str, body: &Value) -> (u16, Value) {
        let headers = [("user-agent", AGENT), ("content-type", "application/json")];
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        parsed(&self.reply(method, &format!("webhooks/{}/{}{rest}", hook.id, hook.token), &headers, body).await)
    }

    /// A webhook writes, and the answer is waited for.
    pub(crate) async fn execute(&self, hook: &Webhook, body: &Value) -> (u16, Value) {
        self.hooked(Method::POST, hook, "?wait=true", body).await
    }
}

pub(crate) fn parsed(reply: &Reply) -> (u16, Value) {
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
}

/// The code of a refusal with its status.
pub(crate) fn code((status, body): &(u16, Value)) -> (u16, u64) {
    (*status, body["code"].as_u64().unwrap_or_default())
}

/// The code of what is wrong at a place of a form.
pub(crate) fn wrong<'a>((status, body): &'a (u16, Value), path: &str) -> Option<&'a str> {
    assert_eq!((*status, &body["code"]), (400, &json!(50035)), "{body}");
    let at = path.split('.').fold(&body["errors"], |at, key| &at[key]);
    at["_errors"][0]["code"].as_str()
}

/// The id in an answer.
pub(crate) fn id(body: &Value) -> Snowflake {
    body["id"].as_str().unwrap_or_else(|| panic!("no id in {body}")).parse().unwrap()
}

/// The texts of a list of messages.
pub(crate) fn texts(body: &Value) -> Vec<&str> {
    body.as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect()
}

/// A form with `payload_json` and files as (part, name, bytes).
pub(crate) fn form(payload: &Value, files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = format!("--frontier\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{payload}\r\n");
    let mut bytes = std::mem::take(&mut body).into_bytes();
    for (part, name, content) in files {
        let head = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"{name}\"\r\nContent-Type: \
             text/plain\r\n\r\n"
        );
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"--frontier--\r\n");
    bytes
}

pub(crate) const FORM: &str = "multipart/form-data; boundary=frontier";
