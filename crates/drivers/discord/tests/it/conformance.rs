//! The conformance suite, once for each way to send.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use tieline_core::address::Address;
use tieline_core::clock::Clock;
use tieline_core::driver::{Driver, InstanceConfig, Services};
use tieline_core::id::MessageId;
use tieline_core::markup::{Block, Span};
use tieline_testkit::conformance::{Harness, Said, SendFault};
use tieline_testkit::discord::{DiscordScript, Emoji, Fault, Route, Scope, Snowflake};
use tieline_testkit::{LocalWebhooks, RecordingHealth, SystemClock, TempSpool};

use crate::scene::Scene;

/// The intent for messages of servers.
const GUILD_MESSAGES: u64 = 1 << 9;
/// What Discord answers to a text that the server blocks by `AutoMod`.
const BLOCKED: &str = r#"{"code": 200000, "message": "Message was blocked by automatic moderation"}"#;

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Webhook,
    Bot,
}

struct Conforming {
    scene: Scene,
    by: By,
    last: Mutex<Option<(Snowflake, String)>>,
}

impl Conforming {
    async fn new(by: By, services: Services) -> Self {
        let spool = Arc::new(TempSpool::new().expect("a temporary folder"));
        let settings = match by {
            By::Webhook => json!({}),
            By::Bot => json!({ "send_method": "bot" }),
        };
        let scene = Scene::new(DiscordScript::unlimited(), &settings, services, spool, Arc::default()).await;
        Self { scene, by, last: Mutex::default() }
    }
}

#[async_trait]
impl Harness for Conforming {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.scene.driver)
    }

    fn instance(&self) -> Arc<dyn InstanceConfig> {
        Arc::clone(&self.scene.instance)
    }

    async fn connect(&self, _: &LocalWebhooks, health: &RecordingHealth) {
        health.wait_until_ready().await;
    }

    async fn person_writes(&self, text: &str) -> MessageId {
        let id = self.scene.discord.person_writes(self.scene.channel, self.scene.ann, text);
        *self.last.lock().expect("no test panics while it holds this") = Some((id, text.to_owned()));
        MessageId::new(&id.to_string()).expect("an id")
    }

    async fn tell_again(&self) -> bool {
        let last = self.last.lock().expect("no test panics while it holds this").clone();
        let (id, text) = last.expect("a person has written");
        let message = json!({
            "id": id.to_string(), "channel_id": self.scene.channel.to_string(),
            "guild_id": self.scene.guild.to_string(), "type": 0, "content": text,
            "author": { "id": self.scene.ann.to_string(), "username": "ann.smith", "global_name": "Ann" },
        });
        self.scene.discord.dispatch("MESSAGE_CREATE", GUILD_MESSAGES, message);
        true
    }

    async fn answers(&self, _: usize) -> Option<Vec<u16>> {
        None
    }

    fn target(&self) -> Address {
        Address::of([("channel_id", self.scene.channel.to_string().as_str())])
    }

    fn identity(&self, name: &str) -> BTreeMap<String, String> {
        match self.by {
            By::Webhook => BTreeMap::from([("webhook_title".to_owned(), name.to_owned())]),
            By::Bot => BTreeMap::new(),
        }
    }

    fn said(&self) -> Vec<Said> {
        let said = self.scene.said().into_iter();
        said.map(|message| Said {
            id: MessageId::new(&message.id.to_string()).expect("an id"),
            text: message.content,
            name: message.author_name,
            files: message.files.into_iter().map(|file| file.sha256).collect(),
        })
        .collect()
    }

    fn reactions(&self, message: &MessageId) -> Vec<String> {
        let found = self.scene.said().into_iter().find(|one| one.id.to_string() == message.as_str());
        let ours = found.into_iter().flat_map(|message| message.reactions);
        ours.filter(|reaction| reaction.users.contains(&self.scene.bot.user))
            .map(|reaction| match reaction.emoji {
                Emoji::Unicode(emoji) => emoji,
                Emoji::Custom { name, .. } => name,
            })
            .collect()
    }

    fn set_off(&self) -> Vec<String> {
        let said = self.scene.said().into_iter();
        let harmful = said.filter(|message| {
            let markup = self.scene.instance.dialect().parse(&message.content);
            let formatted = markup.blocks.iter().any(|block| match block {
                Block::Line(spans) => spans.iter().any(|span| !matches!(span, Span::Text(_))),
                _ => true,
            });
            formatted || !message.pinged.is_empty()
        });
        harmful.map(|message| format!("{:?}, pinged {:?}", message.content, message.pinged)).collect()
    }

    fn script(&self, fault: SendFault) {
        let fault = match fault {
            SendFault::RateLimited { until } => {
                let wait = until.duration_since(Clock::now(&SystemClock));
                Fault::TooManyRequests { retry_after: wait.unsigned_abs(), scope: Scope::User }
            }
            SendFault::ServerError => Fault::BadGateway,
            SendFault::LostRequest => Fault::DropBefore,
            SendFault::LostAnswer => Fault::DropAfter,
            SendFault::Unauthorized => Fault::Unauthorized,
            SendFault::Refused => Fault::Answer { status: 400, body: BLOCKED.to_owned() },
        };
        let route = match self.by {
            By::Webhook => Route::ExecuteWebhook,
            By::Bot => Route::CreateMessage,
        };
        self.scene.discord.faults().on(route).next(1, fault);
    }

    fn remedy(&self) -> &'static str {
        "AutoMod"
    }

    async fn close(&self) {
        self.scene.discord.close_port().await;
    }

    fn shows_identity(&self) -> bool {
        self.by == By::Webhook
    }
}

mod webhook {
    use super::*;

    tieline_testkit::driver_conformance!(|services| Conforming::new(By::Webhook, services));
}

mod bot {
    use super::*;

    tieline_testkit::driver_conformance!(|services| Conforming::new(By::Bot, services));
}
