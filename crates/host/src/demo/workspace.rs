//! A simulated Rocket.Chat workspace.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::{Value, json};
use tieline_testkit::rocketchat::{FakeRocketChat, OutgoingHook, RocketChatScript, RoomKind, User};

use super::side::{Line, Side};

/// One simulated server with one room, one person and the relay's bot.
pub(super) struct Workspace {
    label: &'static str,
    room: &'static str,
    server: FakeRocketChat,
    person: User,
    bot: User,
}

impl Workspace {
    pub(super) async fn start(
        label: &'static str,
        room: &'static str,
        (username, name): (&str, &str),
    ) -> anyhow::Result<Self> {
        // The demo is about relaying; how tieline waits for a platform's limits would only look like a stall.
        let script = RocketChatScript { rest_limit: None, hook_limit: None, ..RocketChatScript::default() };
        let server = FakeRocketChat::try_start(script).await.context("a simulated server cannot start")?;
        server.add_room(RoomKind::Public, room, room);
        let person = server.add_user(username, name, &["user"]);
        let bot = server.add_user("tieline", "tieline", &["bot"]);
        server.join(room, &person);
        server.join(room, &bot);
        Ok(Self { label, room, server, person, bot })
    }

    fn token(&self) -> String {
        format!("outgoing-webhook-of-{}", self.instance())
    }
}

impl Side for Workspace {
    fn place(&self) -> String {
        format!("{} #{}", self.label, self.room)
    }

    fn platform(&self) -> &'static str {
        "rocketchat"
    }

    fn instance(&self) -> String {
        format!("demo_{}", self.label.to_lowercase())
    }

    fn path(&self) -> Option<String> {
        Some(format!("/{}", self.instance()))
    }

    fn settings(&self) -> Value {
        json!({
            "server_url": self.server.url(),
            "auth_token": self.bot.token,
            "user_id": self.bot.id,
            "listen_host": "127.0.0.1",
            "listen_port": 0,
            "listen_path": self.path(),
            "webhook_token": self.token(),
        })
    }

    fn address(&self) -> Value {
        json!({ "room_id": self.room, "msg": { "msg_format": "{msg}", "rc_alias": "{user}" } })
    }

    fn call_us_at(&self, address: SocketAddr) {
        self.server.outgoing_hook(OutgoingHook {
            channels: vec![format!("#{}", self.room)],
            urls: vec![format!("http://{address}/{}", self.instance())],
            token: self.token(),
            ..OutgoingHook::default()
        });
    }

    fn say(&self, text: &str) -> Result<(), String> {
        self.server.try_post(&self.person, self.room, text).map(drop).map_err(|refused| refused.to_string())
    }

    fn lines(&self) -> Vec<Line> {
        let line = |message: tieline_testkit::rocketchat::FakeMessage| Line {
            brought: message.user_id == self.bot.id,
            name: message.alias.unwrap_or(message.user_name),
            text: message.text,
        };
        self.server.messages(self.room).into_iter().map(line).collect()
    }
}
