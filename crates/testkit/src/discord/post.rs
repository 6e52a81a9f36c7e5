//! What a person, a foreign bot or a foreign webhook says.

use serde_json::{Value, json};

use super::message::LOADING;
use super::snowflake::Snowflake;

/// The type of an answer to a slash command.
const SLASH_COMMAND: u64 = 20;

/// A message that is to be said.
#[derive(Debug, Clone, Default)]
pub struct Post {
    pub(crate) text: String,
    pub(crate) files: Vec<File>,
    pub(crate) reply_to: Option<Snowflake>,
    pub(crate) forward: Option<Snowflake>,
    pub(crate) stickers: Vec<Value>,
    pub(crate) embeds: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) poll: Option<Value>,
    pub(crate) flags: u64,
    pub(crate) kind: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) description: Option<String>,
}

impl Post {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// The answer of a bot that is thinking: it says nothing yet. The text comes by an edit.
    pub fn loading() -> Self {
        Self { flags: LOADING, kind: SLASH_COMMAND, ..Self::default() }
    }

    /// A message of another channel or this one, passed on. It has no text of its own.
    pub fn forward(message: Snowflake) -> Self {
        Self { forward: Some(message), ..Self::default() }
    }

    /// With a file. A name that begins with `SPOILER_` hides it.
    pub fn file(mut self, name: &str, mime: &str, bytes: &[u8]) -> Self {
        let (name, mime, bytes) = (name.to_owned(), mime.to_owned(), bytes.to_vec());
        self.files.push(File { name, mime, bytes, description: None });
        self
    }

    /// The text of the last file for people who do not see it.
    pub fn described(mut self, description: &str) -> Self {
        if let Some(file) = self.files.last_mut() {
            file.description = Some(description.to_owned());
        }
        self
    }

    /// As an answer to a message of the same channel.
    pub fn reply_to(mut self, message: Snowflake) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// With a sticker: 1 PNG, 2 APNG, 3 Lottie, 4 GIF.
    pub fn sticker(mut self, id: Snowflake, name: &str, format: u64) -> Self {
        self.stickers.push(json!({ "id": id.to_string(), "name": name, "format_type": format }));
        self
    }

    /// With an embed as Discord writes it.
    pub fn embed(mut self, embed: Value) -> Self {
        self.embeds.push(embed);
        self
    }

    /// With components as Discord writes them.
    pub fn component(mut self, component: Value) -> Self {
        self.components.push(component);
        self
    }

    /// With a poll.
    pub fn poll(mut self, question: &str, answers: &[&str]) -> Self {
        let answer = |(at, text): (usize, &&str)| json!({ "answer_id": at + 1, "poll_media": { "text": text } });
        let answers: Vec<_> = answers.iter().enumerate().map(answer).collect();
        self.poll = Some(json!({
            "question": { "text": question }, "answers": answers, "expiry": null, "allow_multiselect": false,
            "layout_type": 1, "results": { "is_finalized": false, "answer_counts": [] },
        }));
        self
    }

    /// With these flags.
    pub fn flags(mut self, flags: u64) -> Self {
        self.flags = flags;
        self
    }

    /// Of another type: 6 is a pin, 7 a member who joined, 20 the answer to a slash command.
    pub fn kind(mut self, kind: u64) -> Self {
        self.kind = kind;
        self
    }
}
