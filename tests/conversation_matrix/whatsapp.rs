//! A group on WhatsApp.

use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tieline_testkit::whatsapp::{FakeMessage, Group, Message, Person};

use super::side::{Shown, Side, Who};
use crate::addon::Addon;

/// A group of an account.
#[derive(Clone)]
pub(super) struct Chat {
    pub(super) addon: Rc<Addon>,
    /// Tells its groups from those of other addons: WhatsApp is one for all.
    number: u8,
    group: String,
    nora: Person,
    uwe: Person,
}

impl Chat {
    /// An addon with its first group.
    pub(super) async fn start(number: u8) -> Self {
        let addon = Rc::new(Addon::start().await);
        let nora = Person::new("491700000011", "Nora of WhatsApp");
        let uwe = Person::new("491700000012", "Uwe of WhatsApp");
        // The addon knows the names of people in groups by the phone's address book alone.
        addon.server.account().save_contact(&nora, &nora.name);
        addon.server.account().save_contact(&uwe, &uwe.name);
        Self { addon, number, group: String::new(), nora, uwe }.another(0)
    }

    /// Another group of the account.
    pub(super) fn another(&self, number: usize) -> Self {
        let group = format!("12036300000{:02}{number:05}@g.us", self.number);
        let members = [&self.addon.alice, &self.nora, &self.uwe];
        self.addon.server.account().add_group(Group::new(&group, "Neighbours", &members));
        Self { group, ..self.clone() }
    }

    /// The group in a rule.
    pub(super) fn address(&self) -> Value {
        json!({ "chat_id": self.group })
    }

    /// Whether the relay has answered for all that was said to the account.
    pub(super) fn all_taken(&self) -> bool {
        self.addon.server.webhooks().iter().all(|call| call.status.is_some() || call.failed.is_some())
    }

    fn person(&self, who: Who) -> &Person {
        match who {
            Who::Nora => &self.nora,
            Who::Uwe => &self.uwe,
        }
    }

    fn say_as(&self, person: &Person, message: Message) -> String {
        self.addon.server.say(&self.group, person, message)
    }

    fn see(&self, message: FakeMessage) -> Shown {
        let own = self.addon.server.account().own_jid();
        let context = message.raw["message"].as_object().and_then(|kinds| kinds.values().next());
        let called = context.map_or(&Value::Null, |content| &content["contextInfo"]["mentionedJid"]);
        let called = called.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Shown {
            answers: message.quotes,
            thread: None,
            files: message.media.map(|media| media.sha256).into_iter().collect(),
            reactions: message.reactions.get(&own).cloned().into_iter().collect(),
            calls: called.collect(),
            calls_everybody: false,
            id: message.id,
            text: message.text,
        }
    }
}

impl Side for Chat {
    fn platform(&self) -> &'static str {
        "WA"
    }

    fn say(&self, text: &str) -> String {
        self.say_as(&self.addon.alice, Message::text(text))
    }

    fn said_before(&self, text: &str) -> String {
        // WhatsApp counts in seconds, so what was said just now may be said again.
        #[expect(clippy::disallowed_methods, reason = "the fake's people live now")]
        let minute_ago = Timestamp::now().as_second() - 60;
        self.say_as(&self.addon.alice, Message::text(text).at(minute_ago))
    }

    fn nora_says(&self, text: &str) {
        self.say_as(&self.nora, Message::text(text));
    }

    fn mention(&self, who: Who, text: &str) {
        let jid = self.person(who).jid();
        let user = jid.split('@').next().unwrap_or_default();
        self.say_as(&self.addon.alice, Message::text(&format!("{text} @{user}")).mentioning(&jid));
    }

    fn answer(&self, to: &str, text: &str) {
        self.say_as(&self.addon.alice, Message::text(text).quoting(to));
    }

    fn answer_in_thread(&self, _to: &str, _text: &str) {}

    fn edit(&self, message: &str, text: &str) {
        self.addon.server.account().edit(message, text);
    }

    fn delete(&self, message: &str) {
        self.addon.server.account().delete(message);
    }

    fn delete_at_once(&self, _messages: &[String]) {}

    fn deletes_at_once(&self) -> bool {
        false
    }

    fn react(&self, message: &str, emoji: &str, added: bool) {
        self.addon.server.account().react(&self.addon.alice, message, if added { emoji } else { "" });
    }

    fn put(&self, bytes: &[u8], caption: &str) {
        self.say_as(&self.addon.alice, Message::image("image/png", bytes.to_vec()).caption(caption));
    }

    fn everybody(&self) -> &'static str {
        "@all"
    }

    fn longest(&self) -> usize {
        // It takes more, but nobody types it.
        6000
    }

    fn account(&self, who: Who) -> Option<String> {
        Some(self.person(who).jid())
    }

    fn shown(&self) -> Vec<Shown> {
        let there = self.addon.server.account().messages(&self.group).into_iter().filter(|message| !message.revoked);
        there.map(|message| self.see(message)).collect()
    }

    fn tells_more_of(&self, message: &str) -> bool {
        self.addon.server.webhooks().iter().filter(|call| call.body.to_string().contains(message)).count() > 1
    }
}
