//! A channel on Discord.

use std::rc::Rc;

use serde_json::{Value, json};
use tieline_testkit::discord::{Bot, ChannelKind, Emoji, FakeMessage, Post, Snowflake};

use super::side::{Shown, Side, Who};
use crate::guild::Guild;

/// A channel of a server.
#[derive(Clone)]
pub(super) struct Channel {
    pub(super) guild: Rc<Guild>,
    bot: Bot,
    place: Snowflake,
    nora: Snowflake,
    uwe: Snowflake,
    role: Snowflake,
    emoji: Emoji,
}

impl Channel {
    /// A server with `#general`, a role `helpers` and an emoji `party_cat`.
    pub(super) async fn start() -> Self {
        let guild = Rc::new(Guild::start().await);
        let member = |name: &str| {
            let user = guild.server.add_person(name, &format!("{name} of Discord"));
            guild.server.join(guild.id, user);
            user
        };
        let (nora, uwe) = (member("nora"), member("uwe"));
        let role = guild.server.add_role(guild.id, "helpers", true);
        let emoji = guild.server.add_emoji(guild.id, "party_cat", false);
        Self { bot: guild.bot.clone(), place: guild.general, guild, nora, uwe, role, emoji }
    }

    /// A channel of the same server, where another bot is ours.
    pub(super) fn of_another_bot(&self) -> Self {
        let Guild { server, id, .. } = &*self.guild;
        let bot = server.add_bot("another relay");
        server.join(*id, bot.user);
        Self { bot, ..self.another(0) }
    }

    /// The settings of the bot's instance.
    pub(super) fn settings(&self) -> Value {
        json!({ "bot_token": self.bot.token, "api_url": self.guild.server.url() })
    }

    /// Another channel of the server.
    pub(super) fn another(&self, number: usize) -> Self {
        let Guild { server, id, .. } = &*self.guild;
        Self { place: server.add_channel(*id, ChannelKind::Text, &format!("room{number}")), ..self.clone() }
    }

    /// The channel in a rule.
    pub(super) fn address(&self) -> Value {
        json!({ "channel_id": self.place.to_string() })
    }

    fn user(&self, who: Who) -> Snowflake {
        match who {
            Who::Nora => self.nora,
            Who::Uwe => self.uwe,
        }
    }

    fn post(&self, post: Post) -> String {
        self.guild.server.say(self.place, self.guild.carol, post).to_string()
    }

    fn see(&self, message: FakeMessage) -> Shown {
        let given = message.reactions.iter().filter(|reaction| reaction.users.contains(&self.bot.user));
        Shown {
            answers: message.reference.map(|reference| reference.message.to_string()),
            thread: None,
            files: message.files.iter().map(|file| file.sha256.clone()).collect(),
            reactions: given
                .map(|reaction| match &reaction.emoji {
                    Emoji::Unicode(emoji) => emoji.clone(),
                    Emoji::Custom { name, .. } => name.clone(),
                })
                .collect(),
            calls: message.pinged.users.iter().map(Snowflake::to_string).collect(),
            calls_everybody: message.pinged.everyone || !message.pinged.roles.is_empty(),
            id: message.id.to_string(),
            text: message.content,
        }
    }
}

fn id(text: &str) -> Snowflake {
    text.parse().expect("an id of Discord")
}

impl Side for Channel {
    fn platform(&self) -> &'static str {
        "DC"
    }

    fn say(&self, text: &str) -> String {
        self.post(Post::text(text))
    }

    fn nora_says(&self, text: &str) {
        self.guild.server.person_writes(self.place, self.nora, text);
    }

    fn mention(&self, who: Who, text: &str) {
        self.say(&format!("{text} <@{}>", self.user(who)));
    }

    fn answer(&self, to: &str, text: &str) {
        self.post(Post::text(text).reply_to(id(to)));
    }

    fn answer_in_thread(&self, to: &str, text: &str) {
        let thread = self.guild.server.add_thread_of(id(to), self.guild.carol, "more of it");
        self.guild.server.person_writes(thread, self.guild.carol, text);
    }

    fn edit(&self, message: &str, text: &str) {
        self.guild.server.edit(id(message), text);
    }

    fn delete(&self, message: &str) {
        self.guild.server.delete(id(message));
    }

    fn delete_at_once(&self, messages: &[String]) {
        let messages: Vec<_> = messages.iter().map(|message| id(message)).collect();
        self.guild.server.bulk_delete(self.place, &messages);
    }

    fn react(&self, message: &str, emoji: &str, added: bool) {
        let Guild { server, carol, .. } = &*self.guild;
        if added {
            server.react(*carol, id(message), emoji);
        } else {
            server.unreact(*carol, id(message), emoji);
        }
    }

    fn put(&self, bytes: &[u8], caption: &str) {
        self.post(Post::text(caption).file("cat.png", "image/png", bytes));
    }

    fn everybody(&self) -> &'static str {
        "@everyone"
    }

    fn longest(&self) -> usize {
        // Who pays may write so much; bots may write half of it.
        4000
    }

    fn written(&self, text: &str) -> String {
        let emoji = match &self.emoji {
            Emoji::Custom { id, .. } => id.to_string(),
            Emoji::Unicode(emoji) => emoji.clone(),
        };
        let channel = self.guild.general.to_string();
        text.replace("ROLE", &self.role.to_string()).replace("CHANNEL", &channel).replace("EMOJI", &emoji)
    }

    fn account(&self, who: Who) -> Option<String> {
        Some(self.user(who).to_string())
    }

    fn shown(&self) -> Vec<Shown> {
        self.guild.server.messages(self.place).into_iter().map(|message| self.see(message)).collect()
    }

    fn tells_more_of(&self, _message: &str) -> bool {
        true
    }
}
