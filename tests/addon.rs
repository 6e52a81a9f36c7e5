//! A WhatsApp addon as tests need it: a fake with one connected account, where Alice writes, and its webhook to the relay.

use serde_json::{Value, json};
use tieline_e2e::free_port;
use tieline_testkit::whatsapp::{FakeWhatsApp, Person, WebhookScript, WhatsAppScript};

use crate::workspace::Workspace;

/// An addon, and the instance `wa` that stands for its account.
pub(crate) struct Addon {
    pub(crate) server: FakeWhatsApp,
    /// The person who writes.
    pub(crate) alice: Person,
    port: u16,
}

impl Addon {
    pub(crate) async fn start() -> Self {
        Self::with(WhatsAppScript::default()).await
    }

    /// The same with a script; its webhook is set to the relay.
    pub(crate) async fn with(script: WhatsAppScript) -> Self {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}/whatsapp/webhook");
        let webhook = Some(WebhookScript { url, token: "token-of-the-webhook".to_owned() });
        let server = FakeWhatsApp::start(WhatsAppScript { webhook, ..script }).await;
        let alice = Person::new("491700000001", "Alice");
        server.account().add_person(&alice);
        Self { server, alice, port }
    }

    /// The instance's settings.
    pub(crate) fn settings(&self) -> Value {
        json!({
            "addon_url": self.server.url(), "api_token": self.server.token(), "webhook_token": "token-of-the-webhook",
            "listen_host": "127.0.0.1", "listen_port": self.port,
        })
    }

    /// Where the addon's webhook is received.
    pub(crate) fn listener(&self) -> String {
        format!("http://127.0.0.1:{}/whatsapp/webhook", self.port)
    }

    /// Alice writes, and the relay has taken it.
    pub(crate) async fn say(&self, text: &str) -> String {
        let id = self.server.text(&self.alice.jid(), &self.alice, text);
        self.taken(&id).await;
        id
    }

    /// Waits until the relay has answered for a message.
    pub(crate) async fn taken(&self, message: &str) {
        let call = self.server.wait_for_webhook(|call| call.id == message && call.status.is_some()).await;
        assert_eq!(call.status, Some(200), "the relay did not take {message}: {call:?}");
    }

    /// The texts that were sent to a chat, in their order.
    pub(crate) fn heard(&self, chat: &str) -> Vec<String> {
        let text = |content: &Value| content["text"].as_str().map(str::to_owned);
        self.server.sent().iter().filter(|sent| sent.jid == chat).filter_map(|sent| text(&sent.content)).collect()
    }

    /// Asserts that no call was odd: a number that is no text, a key that the addon does not know.
    pub(crate) fn was_called_properly(&self) {
        assert_eq!(self.server.violations(), []);
        assert!(self.server.commands().is_empty(), "{:?}", self.server.commands());
        let sends = self.server.requests().into_iter().filter(|request| request.path.starts_with("/send_"));
        for request in sends {
            assert!(request.query.as_deref().is_some_and(|query| query.contains("session_id=")), "{request:?}");
        }
    }
}

/// Between a workspace's room `DESK` and every chat of the addon, both ways, by the recipient in brackets.
pub(crate) fn bridge(workspace: &Workspace, addon: &Addon) -> Value {
    json!({
        "global": {},
        "rocketchat": { workspace.id(): workspace.settings() },
        "whatsapp": { "wa": addon.settings() },
        "rules": [
            { "id": "in", "from": { "wa": { "chat_id": "*" } }, "to": { workspace.id(): { "room_id": "DESK" } },
              "msg": { "msg_format": "*[WA] {user}*: {msg}" } },
            { "id": "out", "from": { workspace.id(): { "room_id": "DESK" } }, "to": { "wa": { "chat_id": "*" } },
              "msg": { "msg_format": "{msg}" } },
        ],
    })
}

/// The same with a thread for each chat, under the writers' names.
pub(crate) fn inbox(workspace: &Workspace, addon: &Addon) -> Value {
    let mut configuration = bridge(workspace, addon);
    configuration["rules"][0]["to"][workspace.id()]["thread_per_chat"] = json!(true);
    configuration["rules"][0]["msg"] = json!({ "rc_alias": "{user}" });
    configuration
}

/// A configuration that takes messages of any age: those that were recorded are old by now.
pub(crate) fn of_any_age(mut configuration: Value) -> Value {
    configuration["global"]["catch_up"] = json!(false);
    configuration
}
