//! What people do, foreign bots and foreign webhooks included.

use std::io;

use serde_json::Value;

use super::file::Upload;
use super::mention::Allowed;
use super::message::{Emoji, FakeMessage, LOADING, Reference};
use super::post::Post;
use super::posting::{Author, Change, Draft, clear, delete, react};
use super::server::FakeDiscord;
use super::snowflake::Snowflake;
use super::webhook::Webhook;
use crate::written::Written;

impl FakeDiscord {
    /// A person types. Returns the message's id.
    pub fn person_writes(&self, channel: Snowflake, user: Snowflake, text: &str) -> Snowflake {
        self.say(channel, user, Post::text(text))
    }

    /// A person or a foreign bot says something. Returns the message's id; panics where a file cannot be written. See
    /// [`try_say`](Self::try_say).
    pub fn say(&self, channel: Snowflake, user: Snowflake, post: Post) -> Snowflake {
        self.try_say(channel, user, post).expect("the fake's temporary folder can be written")
    }

    /// A person or a foreign bot says something. Returns the message's id.
    pub fn try_say(&self, channel: Snowflake, user: Snowflake, post: Post) -> io::Result<Snowflake> {
        self.put(Draft::new(channel, Author::Account(user), Allowed::all()), post)
    }

    /// Somebody posts through a webhook of theirs, under its name or another. Returns the message's id; panics where a
    /// file cannot be written.
    pub fn webhook_says(&self, webhook: &Webhook, name: Option<&str>, post: Post) -> Snowflake {
        let name = name.unwrap_or(&webhook.name).to_owned();
        let author = Author::Webhook { id: webhook.id, name, avatar: None };
        let mut draft = Draft::new(webhook.channel, author, Allowed::users());
        draft.application = webhook.application;
        self.put(draft, post).expect("the fake's temporary folder can be written")
    }

    fn put(&self, mut draft: Draft, post: Post) -> io::Result<Snowflake> {
        for file in post.files {
            let upload = Upload {
                number: 0,
                name: file.name.clone(),
                mime: file.mime.clone(),
                bytes: Written::keep(self.inside.new_path(), &file.bytes)?,
            };
            draft.files.push((upload, file.description));
        }
        Ok(self.inside.act(|state, events| {
            let refers = post.forward.map(|message| (true, message));
            let refers = refers.or(post.reply_to.map(|message| (false, message)));
            draft.reference = refers.map(|(forward, message)| {
                let channel = state.message(message).map_or(draft.channel, |message| message.channel);
                Reference { forward, message, channel }
            });
            draft.content = post.text;
            draft.stickers = post.stickers;
            draft.embeds = post.embeds;
            draft.components = post.components;
            draft.poll = post.poll;
            draft.flags = post.flags;
            draft.kind = post.kind;
            self.inside.post(state, events, draft).id
        }))
    }

    /// Somebody changes the text of their message. A bot's answer that was [loading](Post::loading) is there with it.
    pub fn edit(&self, message: Snowflake, text: &str) {
        self.inside.act(|state, events| {
            let flags = state.message(message).map(|message| message.flags & !LOADING);
            let content = Some(text.to_owned());
            let change = Change { content, flags, allowed: Some(Allowed::all()), ..Change::default() };
            self.inside.edit(state, events, message, change);
        });
    }

    /// Discord adds the preview of a link to a message. That is an update, but no edit.
    pub fn unfurl(&self, message: Snowflake, embed: Value) {
        self.update(message, |message| message.embeds.push(embed));
    }

    /// Somebody pins a message. That is an update, but no edit.
    pub fn pin(&self, message: Snowflake) {
        self.update(message, |message| message.pinned = true);
    }

    fn update(&self, message: Snowflake, change: impl FnOnce(&mut FakeMessage)) {
        self.inside.act(|state, events| {
            let Some(mut message) = state.message(message).cloned() else { return };
            change(&mut message);
            self.inside.replace(state, events, message);
        });
    }

    /// Somebody deletes a message.
    pub fn delete(&self, message: Snowflake) {
        self.inside.act(|state, events| {
            if let Some(channel) = state.message(message).map(|message| message.channel) {
                delete(state, events, channel, &[message]);
            }
        });
    }

    /// A moderator deletes several messages of a channel at once.
    pub fn bulk_delete(&self, channel: Snowflake, messages: &[Snowflake]) {
        self.inside.act(|state, events| delete(state, events, channel, messages));
    }

    /// Somebody reacts.
    pub fn react(&self, user: Snowflake, message: Snowflake, emoji: impl Into<Emoji>) {
        let emoji = emoji.into();
        self.inside.act(|state, events| react(state, events, (user, message), &emoji, true));
    }

    /// Somebody takes a reaction back.
    pub fn unreact(&self, user: Snowflake, message: Snowflake, emoji: impl Into<Emoji>) {
        let emoji = emoji.into();
        self.inside.act(|state, events| react(state, events, (user, message), &emoji, false));
    }

    /// A moderator removes all reactions to a message at once, or all with one emoji.
    pub fn clear_reactions(&self, message: Snowflake, emoji: Option<&Emoji>) {
        self.inside.act(|state, events| clear(state, events, message, emoji));
    }

    /// Somebody types.
    pub fn types(&self, user: Snowflake, channel: Snowflake) {
        self.inside.act(|state, events| events.tell_typing(state, (user, channel), self.inside.now()));
    }

    /// Tells an event as it is, to the sessions that have these intents. Nothing is kept of it.
    pub fn dispatch(&self, event: &'static str, needs: u64, data: Value) {
        self.inside.act(|_, events| events.tell(event, needs, data));
    }
}
