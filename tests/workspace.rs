//! A Rocket.Chat workspace as tests need it: a fake server where Ann writes, with a bot and with webhooks to the relay.

use serde_json::{Map, Value, json};
use tieline_e2e::{Relay, free_port};
use tieline_testkit::rocketchat::{
    FakeMessage, FakeRocketChat, HookOptions, IncomingHook, OutgoingHook, RocketChatScript, RoomKind, User,
};

/// A workspace, and the instance that stands for it in the configuration.
pub(crate) struct Workspace {
    pub(crate) server: FakeRocketChat,
    /// The person who writes: `ann`, shown as "Ann Example".
    pub(crate) ann: User,
    /// Our account, with the roles that the manual asks for.
    pub(crate) bot: User,
    /// The integration that tells the relay of messages.
    pub(crate) outgoing: String,
    id: &'static str,
    port: u16,
}

impl Workspace {
    /// A workspace with these public rooms, each known by its id. Nothing is limited.
    pub(crate) async fn start(id: &'static str, rooms: &[&str]) -> Self {
        Self::with(id, rooms, RocketChatScript { hook_limit: None, ..RocketChatScript::default() }).await
    }

    /// The same with a script.
    pub(crate) async fn with(id: &'static str, rooms: &[&str], script: RocketChatScript) -> Self {
        let server = FakeRocketChat::start(script).await;
        let ann = server.add_user("ann", "Ann Example", &["user"]);
        let bot = server.add_user("relay.bot", "Relay Bot", &["bot", "user"]);
        let port = free_port();
        let outgoing = server.outgoing_hook(OutgoingHook {
            urls: vec![format!("http://127.0.0.1:{port}/{id}")],
            token: format!("outgoing-token-of-{id}"),
            ..OutgoingHook::default()
        });
        let workspace = Self { server, ann, bot, outgoing, id, port };
        for room in rooms {
            workspace.add_room(room);
        }
        workspace
    }

    /// Adds a public room with Ann and the bot in it; it is named by its id in lower case.
    pub(crate) fn add_room(&self, room: &str) {
        self.server.add_room(RoomKind::Public, room, &room.to_lowercase());
        self.server.join(room, &self.ann);
        self.server.join(room, &self.bot);
    }

    /// The instance's id.
    pub(crate) fn id(&self) -> &'static str {
        self.id
    }

    /// Where the relay hears of messages.
    pub(crate) fn listener(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, self.id)
    }

    /// The token that an Outgoing Webhook to the relay carries.
    pub(crate) fn webhook_token(&self) -> String {
        format!("outgoing-token-of-{}", self.id)
    }

    /// The instance's settings for `send_method: "api"`.
    pub(crate) fn settings(&self) -> Value {
        let mut settings = self.listening();
        settings["server_url"] = json!(self.server.url());
        settings["auth_token"] = json!(self.bot.token);
        settings["user_id"] = json!(self.bot.id);
        settings
    }

    /// The instance's settings for `send_method: "webhook"`, without the bot's credentials.
    pub(crate) fn settings_by(&self, hook: &IncomingHook) -> Value {
        let mut settings = self.listening();
        settings["send_method"] = json!("webhook");
        settings["webhook_url"] = json!(hook.url);
        settings
    }

    /// An Incoming Webhook that posts into a room as the bot.
    pub(crate) fn incoming(&self, room: &str) -> IncomingHook {
        self.server.incoming_hook(room, &self.bot, HookOptions::default())
    }

    fn listening(&self) -> Value {
        json!({
            "listen_host": "127.0.0.1", "listen_port": self.port, "listen_path": format!("/{}", self.id),
            "webhook_token": self.webhook_token(),
        })
    }

    /// Ann writes, and the relay has taken it: what she writes next is handed over later. Returns the message's id.
    pub(crate) async fn say(&self, room: &str, text: &str) -> String {
        let id = self.server.post(&self.ann, room, text);
        self.taken(&id).await;
        id
    }

    /// Ann puts a file into a room, and the relay has taken it.
    pub(crate) async fn put(&self, room: &str, name: &str, mime: &str, bytes: &[u8], caption: &str) -> FakeMessage {
        let posted = self.server.post_file(&self.ann, room, name, mime, bytes, caption).expect("Ann may do that");
        self.taken(&posted.id).await;
        posted
    }

    /// Waits until the relay has answered for a message.
    pub(crate) async fn taken(&self, message: &str) {
        let call = self.server.wait_for_hook_call(|call| call.message_id == message).await;
        assert_eq!(call.status, Some(200), "the relay did not take {message}: {call:?}");
    }

    /// The copies in a room: what others than Ann posted.
    pub(crate) fn copies(&self, room: &str) -> Vec<FakeMessage> {
        self.server.messages(room).into_iter().filter(|message| message.user_id != self.ann.id).collect()
    }

    /// The texts of the copies in a room, in their order.
    pub(crate) fn heard(&self, room: &str) -> Vec<String> {
        self.copies(room).into_iter().map(|message| message.text).collect()
    }

    /// Waits until the relay was told of every message in a room, its own copies among them.
    pub(crate) async fn all_told(&self, room: &str) {
        for message in self.server.messages(room) {
            self.taken(&message.id).await;
        }
    }
}

/// A configuration of these workspaces, sending by REST.
pub(crate) fn configuration(workspaces: &[&Workspace], rules: &Value) -> Value {
    let instances: Map<String, Value> =
        workspaces.iter().map(|workspace| (workspace.id().to_owned(), workspace.settings())).collect();
    json!({ "global": {}, "rocketchat": instances, "rules": rules })
}

/// A rule from a room of one workspace to the same room of others, under the writer's name.
pub(crate) fn forward(from: &Workspace, to: &[&Workspace], room: &str) -> Value {
    let targets: Map<String, Value> =
        to.iter().map(|target| (target.id().to_owned(), json!({ "room_id": room }))).collect();
    json!([{
        "id": "forward", "from": { from.id(): { "room_id": room } }, "to": targets,
        "msg": { "rc_alias": "{user}" },
    }])
}

/// Texts that can be told apart: `name 0`, `name 1`, …
pub(crate) fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name} {number}")).collect()
}

/// What an instance is like, as `readyz` says it.
pub(crate) async fn health(relay: &Relay, instance: &str) -> Value {
    let (_, body) = relay.get("/readyz").await.expect("the control listener answers");
    let all: Value = serde_json::from_str(&body).expect("an object");
    all[instance].clone()
}

/// Asserts that the counts add up (`planned = delivered + filtered + dead + dropped + pending`) and returns them in this
/// order, `planned` first.
pub(crate) async fn counts(relay: &Relay) -> [i64; 6] {
    let (status, text) = relay.get("/metrics").await.expect("the control listener answers");
    assert_eq!(status, 200, "{text}");
    let count = |state: &str| -> i64 {
        let series = format!("tieline_messages{{state=\"{state}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(series.as_str()));
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no count of {state} in\n{text}"))
    };
    let all = ["planned", "delivered", "filtered", "dead", "dropped", "pending"].map(count);
    assert_eq!(all[0], all[1..].iter().sum::<i64>(), "the counts do not add up:\n{text}");
    all
}
