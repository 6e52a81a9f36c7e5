//! A simulated WhatsApp group, seen through a simulated addon.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::{Value, json};
use tieline_testkit::whatsapp::{
    AccountScript, FakeMessage, FakeWhatsApp, Group, Message, Person, WebhookScript, WhatsAppScript,
};

use super::side::{Line, Side};

const GROUP: &str = "120363000000000001@g.us";
const SUBJECT: &str = "Crew";
const TOKEN: &str = "webhook-of-demo_w";

/// The addon with one account, which is in a group with one person.
pub(super) struct Phone {
    server: FakeWhatsApp,
    person: Person,
}

impl Phone {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let account = AccountScript { name: "tieline".to_owned(), ..AccountScript::default() };
        let script = WhatsAppScript { accounts: vec![account], ..WhatsAppScript::default() };
        let server = FakeWhatsApp::try_start(script).await.context("the simulated addon cannot start")?;
        let person = Person::new("491700000001", "Cleo");
        server.account().add_group(Group::new(GROUP, SUBJECT, &[&person]));
        Ok(Self { server, person })
    }
}

impl Side for Phone {
    fn place(&self) -> String {
        format!("W {SUBJECT}")
    }

    fn platform(&self) -> &'static str {
        "whatsapp"
    }

    fn instance(&self) -> String {
        "demo_w".to_owned()
    }

    fn path(&self) -> Option<String> {
        Some(format!("/{}", self.instance()))
    }

    fn settings(&self) -> Value {
        json!({
            "addon_url": self.server.url(),
            "api_token": self.server.token(),
            "listen_host": "127.0.0.1",
            "listen_port": 0,
            "listen_path": self.path(),
            "webhook_token": TOKEN,
            // Nobody can be written to by name; the rule names the group.
            "allow_to": [],
        })
    }

    fn address(&self) -> Value {
        json!({ "chat_id": GROUP, "msg": { "msg_format": "*{user}*: {msg}" } })
    }

    fn call_us_at(&self, address: SocketAddr) {
        let url = format!("http://{address}/{}", self.instance());
        self.server.set_webhook(Some(WebhookScript { url, token: TOKEN.to_owned() }));
    }

    fn say(&self, text: &str) -> Result<(), String> {
        let said = self.server.account().try_say(GROUP, &self.person, Message::text(text));
        said.map(drop).map_err(|error| error.to_string())
    }

    fn lines(&self) -> Vec<Line> {
        let line = |message: FakeMessage| Line {
            brought: message.from_me,
            name: if message.from_me { "tieline".to_owned() } else { message.name },
            text: message.text,
        };
        self.server.account().messages(GROUP).into_iter().map(line).collect()
    }
}
