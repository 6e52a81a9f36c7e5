//! What happens to messages, whoever asks for it: what is kept, and what is told over the gateway.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::file::{FakeFile, Upload};
use super::inside::Inside;
use super::intent;
use super::mention::{Allowed, Writer, pinged};
use super::message::{DEFAULT, Emoji, FakeMessage, HAS_SNAPSHOT, REPLY, Reaction, Reference};
use super::permission::Permission;
use super::shape;
use super::snowflake::Snowflake;
use super::state::State;
use super::telling::{Events, needs, of_messages, with_guild};

/// A message that is to be.
pub(crate) struct Draft {
    pub(crate) channel: Snowflake,
    pub(crate) author: Author,
    pub(crate) kind: u64,
    pub(crate) content: String,
    /// Files with their descriptions.
    pub(crate) files: Vec<(Upload, Option<String>)>,
    pub(crate) embeds: Vec<Value>,
    pub(crate) stickers: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) poll: Option<Value>,
    pub(crate) flags: u64,
    pub(crate) reference: Option<Reference>,
    pub(crate) nonce: Option<Value>,
    pub(crate) application: Option<Snowflake>,
    pub(crate) allowed: Allowed,
}

/// Who writes.
pub(crate) enum Author {
    /// A person or a bot.
    Account(Snowflake),
    /// A webhook under a name and with a picture.
    Webhook { id: Snowflake, name: String, avatar: Option<String> },
}

/// What is to become of a message. `None` leaves as it is.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) content: Option<String>,
    pub(crate) embeds: Option<Vec<Value>>,
    pub(crate) components: Option<Vec<Value>>,
    pub(crate) flags: Option<u64>,
    /// The files that stay, by id, with their descriptions where those change.
    pub(crate) kept: Option<Vec<(Snowflake, Option<String>)>>,
    pub(crate) new_files: Vec<(Upload, Option<String>)>,
    /// Whom the new text pings. `None`: pings stay as they are, since the text does.
    pub(crate) allowed: Option<Allowed>,
}

impl Draft {
    pub(crate) fn new(channel: Snowflake, author: Author, allowed: Allowed) -> Self {
        Self {
            channel,
            author,
            kind: DEFAULT,
            content: String::new(),
            files: Vec::new(),
            embeds: Vec::new(),
            stickers: Vec::new(),
            components: Vec::new(),
            poll: None,
            flags: 0,
            reference: None,
            nonce: None,
            application: None,
            allowed,
        }
    }
}

impl Inside {
    /// Posts a message. A thread that is archived is taken out of the archive.
    pub(crate) fn post(&self, state: &mut State, events: &mut Events, draft: Draft) -> FakeMessage {
        let now = self.now();
        unarchive(state, events, draft.channel, now);
        let guild = state.guild_of(draft.channel);
        let answered = draft.reference.filter(|reference| !reference.forward);
        let answered_author = answered.and_then(|reference| Some(state.message(reference.message)?.author));
        let (may_everyone, author, author_name, avatar, webhook_id) = match draft.author {
            Author::Account(id) => {
                let may = state.may(id, draft.channel, Permission::MentionEveryone);
                (may, id, state.shown_name(guild, id), self.avatar(state, guild, id), None)
            }
            // Nothing in the documentation says that a webhook needs a permission for it.
            Author::Webhook { id, name, avatar } => (true, id, name, avatar, Some(id)),
        };
        let writer = Writer { guild, may_everyone, answered: answered_author };
        let pinged = pinged(state, &draft.content, &draft.allowed, writer);
        let forwarded = draft.reference.filter(|reference| reference.forward);
        let snapshot = forwarded.and_then(|reference| state.message(reference.message).cloned()).map(Box::new);
        let message = FakeMessage {
            id: state.new_id(now),
            channel: draft.channel,
            kind: if draft.kind == DEFAULT && answered.is_some() { REPLY } else { draft.kind },
            author,
            author_name,
            avatar,
            webhook_id,
            application_id: draft.application,
            content: draft.content,
            files: attached(state, draft.channel, draft.files, now),
            embeds: draft.embeds,
            stickers: draft.stickers,
            components: draft.components,
            poll: draft.poll,
            flags: draft.flags | if snapshot.is_some() { HAS_SNAPSHOT } else { 0 },
            reference: draft.reference,
            snapshot,
            nonce: draft.nonce,
            pinged,
            reactions: Vec::new(),
            pinned: false,
            edited: None,
        };
        state.messages.push(message.clone());
        if let Some(channel) = state.channel_mut(message.channel) {
            channel.last_message = Some(message.id);
        }
        events.tell("MESSAGE_CREATE", of_messages(state, message.channel), self.viewing(state, None).event(&message));
        message
    }

    /// The address of an account's picture in a guild.
    fn avatar(&self, state: &State, guild: Option<Snowflake>, user: Snowflake) -> Option<String> {
        let member = guild.and_then(|guild| Some((guild, state.member(guild, user)?.avatar.clone()?)));
        if let Some((guild, hash)) = member {
            return Some(format!("{}/guilds/{guild}/users/{user}/avatars/{hash}.png", self.links.origin));
        }
        let hash = state.user(user)?.avatar.clone()?;
        Some(format!("{}/avatars/{user}/{hash}.png", self.links.origin))
    }

    /// Changes what a message says. It counts as edited.
    pub(crate) fn edit(
        &self,
        state: &mut State,
        events: &mut Events,
        id: Snowflake,
        change: Change,
    ) -> Option<FakeMessage> {
        let now = self.now();
        let old = state.message(id)?.clone();
        let new_files = attached(state, old.channel, change.new_files, now);
        let mut message = old;
        if let Some(kept) = change.kept {
            message.files = kept
                .into_iter()
                .filter_map(|(id, description)| {
                    let mut file = message.files.iter().find(|file| file.id == id)?.clone();
                    file.description = description.or(file.description);
                    Some(file)
                })
                .collect();
        }
        message.files.extend(new_files);
        message.content = change.content.unwrap_or(message.content);
        message.embeds = change.embeds.unwrap_or(message.embeds);
        message.components = change.components.unwrap_or(message.components);
        message.flags = change.flags.unwrap_or(message.flags);
        message.edited = Some(now);
        if let Some(allowed) = change.allowed {
            let may_everyone =
                message.webhook_id.is_some() || state.may(message.author, message.channel, Permission::MentionEveryone);
            let answered = message.reference.filter(|reference| !reference.forward);
            let answered = answered.and_then(|reference| Some(state.message(reference.message)?.author));
            let writer = Writer { guild: state.guild_of(message.channel), may_everyone, answered };
            message.pinged = pinged(state, &message.content, &allowed, writer);
        }
        self.replace(state, events, message)
    }

    /// Puts a changed message in the place of the old one, and tells it.
    pub(crate) fn replace(&self, state: &mut State, events: &mut Events, message: FakeMessage) -> Option<FakeMessage> {
        message.clone_into(state.message_mut(message.id)?);
        events.tell("MESSAGE_UPDATE", of_messages(state, message.channel), self.viewing(state, None).event(&message));
        Some(message)
    }
}

/// Takes a thread out of the archive.
fn unarchive(state: &mut State, events: &mut Events, channel: Snowflake, now: Timestamp) {
    let Some(channel) = state.channel_mut(channel).filter(|channel| channel.archived) else { return };
    channel.archived = false;
    channel.archive_changed = now;
    let id = channel.id;
    events.tell_channel(state, id, "THREAD_UPDATE");
}

/// Deletes one message, or several at once.
pub(crate) fn delete(state: &mut State, events: &mut Events, channel: Snowflake, ids: &[Snowflake]) {
    let is_meant = |message: &FakeMessage| message.channel == channel && ids.contains(&message.id);
    let gone: Vec<_> = state.messages.iter().filter(|message| is_meant(message)).map(|one| one.id).collect();
    state.messages.retain(|message| !is_meant(message));
    let needs = of_messages(state, channel);
    match (&gone[..], ids.len()) {
        ([], _) => {}
        ([one], 1) => {
            let data = json!({ "id": one.to_string(), "channel_id": channel.to_string() });
            events.tell("MESSAGE_DELETE", needs, with_guild(state, channel, data));
        }
        (several, _) => {
            let ids: Vec<_> = several.iter().map(Snowflake::to_string).collect();
            let data = json!({ "ids": ids, "channel_id": channel.to_string() });
            events.tell("MESSAGE_DELETE_BULK", needs, with_guild(state, channel, data));
        }
    }
}

/// An account gives a reaction, or takes its own back. Nothing is told where nothing changes.
pub(crate) fn react(
    state: &mut State,
    events: &mut Events,
    (user, id): (Snowflake, Snowflake),
    emoji: &Emoji,
    given: bool,
) {
    let Some(message) = state.message_mut(id) else { return };
    let (channel, author) = (message.channel, message.author);
    let at = message.reactions.iter().position(|reaction| reaction.emoji == *emoji);
    let has = at.is_some_and(|at| message.reactions[at].users.contains(&user));
    if has == given {
        return;
    }
    match at {
        Some(at) if given => message.reactions[at].users.push(user),
        Some(at) => message.reactions[at].users.retain(|one| *one != user),
        None => message.reactions.push(Reaction { emoji: emoji.clone(), users: vec![user] }),
    }
    message.reactions.retain(|reaction| !reaction.users.is_empty());
    let mut data = json!({
        "user_id": user.to_string(), "channel_id": channel.to_string(), "message_id": id.to_string(),
        "emoji": shape::emoji(emoji), "burst": false, "type": 0,
    });
    let event = if given { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" };
    if given {
        data["message_author_id"] = json!(author.to_string());
        if let Some(member) = state.guild_of(channel).and_then(|guild| state.member(guild, user)) {
            data["member"] = shape::member(state, member);
        }
    }
    let needs = needs(state, channel, intent::GUILD_MESSAGE_REACTIONS, intent::DIRECT_MESSAGE_REACTIONS);
    events.tell(event, needs, with_guild(state, channel, data));
}

/// All reactions to a message are removed at once, or all with one emoji. Nothing is told where there were none.
pub(crate) fn clear(state: &mut State, events: &mut Events, id: Snowflake, emoji: Option<&Emoji>) {
    let Some(message) = state.message_mut(id) else { return };
    let (channel, before) = (message.channel, message.reactions.len());
    message.reactions.retain(|reaction| emoji.is_some_and(|emoji| reaction.emoji != *emoji));
    if message.reactions.len() == before {
        return;
    }
    let mut data = json!({ "channel_id": channel.to_string(), "message_id": id.to_string() });
    if let Some(emoji) = emoji {
        data["emoji"] = shape::emoji(emoji);
    }
    let event = if emoji.is_some() { "MESSAGE_REACTION_REMOVE_EMOJI" } else { "MESSAGE_REACTION_REMOVE_ALL" };
    let needs = needs(state, channel, intent::GUILD_MESSAGE_REACTIONS, intent::DIRECT_MESSAGE_REACTIONS);
    events.tell(event, needs, with_guild(state, channel, data));
}

fn attached(
    state: &mut State,
    channel: Snowflake,
    files: Vec<(Upload, Option<String>)>,
    now: Timestamp,
) -> Vec<FakeFile> {
    files.into_iter().map(|(file, description)| file.attached(state.new_id(now), channel, description)).collect()
}
