//! A room of Rocket.Chat.

use std::rc::Rc;

use serde_json::{Value, json};
use tieline_testkit::rocketchat::{FakeMessage, User};

use super::side::{EMOJI, Shown, Side, Who};
use crate::workspace::Workspace;

/// A room of a workspace.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) workspace: Rc<Workspace>,
    id: String,
    nora: User,
    uwe: Option<User>,
}

impl Room {
    /// A workspace with its first room; `home`: it is Uwe's.
    pub(super) async fn start(id: &'static str, home: bool) -> Self {
        let workspace = Rc::new(Workspace::start(id, &[]).await);
        let member =
            |name: &str| workspace.server.add_user(&format!("{name}.{id}"), &format!("{name} of {id}"), &["user"]);
        let (nora, uwe) = (member("nora"), home.then(|| member("uwe")));
        Self { workspace, id: String::new(), nora, uwe }.another(0)
    }

    /// Another room of the workspace.
    pub(super) fn another(&self, number: usize) -> Self {
        let id = format!("ROOM{number}");
        self.workspace.add_room(&id);
        for user in self.uwe.iter().chain([&self.nora]) {
            self.workspace.server.join(&id, user);
        }
        Self { id, ..self.clone() }
    }

    /// The room in a rule.
    pub(super) fn address(&self) -> Value {
        json!({ "room_id": self.id })
    }

    /// The instance's settings.
    pub(super) fn settings(&self) -> Value {
        let (server, bot) = (&self.workspace.server, &self.workspace.bot);
        json!({
            "server_url": server.url(), "auth_token": bot.token, "user_id": bot.id, "receive_method": "realtime",
        })
    }

    /// Waits until the relay hears the room.
    pub(super) async fn heard(&self) {
        // The last subscription of it that is made.
        self.workspace.server.realtime().wait_for_subscription(&format!("{}/deleteMessageBulk", self.id)).await;
    }

    fn see(&self, message: FakeMessage) -> Shown {
        let bot = &self.workspace.bot.username;
        let given = message.reactions.iter().filter(|(_, users)| users.contains(bot));
        let unicode = |name: &str| {
            let known = EMOJI.iter().find(|(_, names)| names.contains(&name.trim_matches(':')));
            known.map_or(name, |(emoji, _)| emoji).to_owned()
        };
        let accounts = [Some(&self.nora), self.uwe.as_ref(), Some(&self.workspace.ann)].into_iter().flatten();
        Shown {
            answers: None,
            thread: message.tmid,
            files: message.files.iter().map(|file| file.sha256.clone()).collect(),
            reactions: given.map(|(name, _)| unicode(name)).collect(),
            calls: accounts.map(|user| user.username.clone()).filter(|name| calls(&message.text, name)).collect(),
            calls_everybody: ["all", "here"].iter().any(|name| calls(&message.text, name)),
            id: message.id,
            text: message.text,
        }
    }
}

/// Whether a text mentions somebody of this name.
fn calls(text: &str, name: &str) -> bool {
    let mention = format!("@{name}");
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    text.match_indices(&mention).any(|(at, _)| ends(&text[at + mention.len()..]))
}

impl Side for Room {
    fn platform(&self) -> &'static str {
        "RC"
    }

    fn say(&self, text: &str) -> String {
        self.workspace.server.post(&self.workspace.ann, &self.id, text)
    }

    fn nora_says(&self, text: &str) {
        self.workspace.server.post(&self.nora, &self.id, text);
    }

    fn mention(&self, who: Who, text: &str) {
        self.say(&format!("{text} @{}", self.account(who).expect("who is mentioned is at home here")));
    }

    fn answer(&self, to: &str, text: &str) {
        // What a client writes for *Reply*: a link that shows nothing.
        let url = self.workspace.server.url();
        self.say(&format!("[ ]({url}/channel/{}?msg={to}) {text}", self.id.to_lowercase()));
    }

    fn answer_in_thread(&self, to: &str, text: &str) {
        self.workspace.server.post_in_thread(&self.workspace.ann, &self.id, to, text).expect("she may");
    }

    fn edit(&self, message: &str, text: &str) {
        self.workspace.server.edit(&self.workspace.ann, message, text).expect("it is hers");
    }

    fn delete(&self, message: &str) {
        self.workspace.server.delete(&self.workspace.ann, message).expect("it is hers");
    }

    fn delete_at_once(&self, _messages: &[String]) {
        self.workspace.server.prune(&self.id, true);
    }

    fn react(&self, message: &str, emoji: &str, added: bool) {
        let (_, names) = EMOJI.iter().find(|(known, _)| *known == emoji).expect("one of these");
        self.workspace.server.react(&self.workspace.ann, message, names[0], added).expect("she may");
    }

    fn put(&self, bytes: &[u8], caption: &str) {
        let ann = &self.workspace.ann;
        self.workspace.server.post_file(ann, &self.id, "cat.png", "image/png", bytes, caption).expect("she may");
    }

    fn everybody(&self) -> &'static str {
        "@all"
    }

    fn longest(&self) -> usize {
        5000
    }

    fn account(&self, who: Who) -> Option<String> {
        let user = match who {
            Who::Nora => Some(&self.nora),
            Who::Uwe => self.uwe.as_ref(),
        };
        user.map(|user| user.username.clone())
    }

    fn shown(&self) -> Vec<Shown> {
        let there = self.workspace.server.messages(&self.id).into_iter().filter(|message| message.kind.is_none());
        there.map(|message| self.see(message)).collect()
    }

    fn tells_more_of(&self, _message: &str) -> bool {
        true
    }
}
