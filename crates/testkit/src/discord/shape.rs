//! The JSON of what there is, as Discord writes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::file::{FakeFile, hash_of};
use super::links::Links;
use super::message::{Emoji, FakeMessage, REPLY, Reaction, THREAD_STARTER};
use super::permission::Permission;
use super::snowflake::Snowflake;
use super::state::{ChannelState, EmojiState, GuildState, MemberState, RoleState, State, UserState, WebhookState};

/// A time as Discord writes it.
pub(crate) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// An id, or null.
fn id(id: Option<Snowflake>) -> Value {
    id.map(|id| id.to_string()).into()
}

fn ids(all: &[Snowflake]) -> Vec<String> {
    all.iter().map(Snowflake::to_string).collect()
}

pub(crate) fn user(user: &UserState) -> Value {
    let mut shape = json!({
        "id": user.id.to_string(), "username": user.username, "discriminator": "0", "global_name": user.global_name,
        "avatar": user.avatar, "public_flags": 0,
    });
    if user.bot {
        shape["bot"] = json!(true);
    }
    shape
}

/// A member without its account, as it stands in messages.
pub(crate) fn partial_member(member: &MemberState) -> Value {
    json!({
        "nick": member.nick, "avatar": member.avatar, "roles": ids(&member.roles), "joined_at": time(member.joined),
        "premium_since": null, "deaf": false, "mute": false, "flags": 0, "pending": false,
        "communication_disabled_until": null,
    })
}

pub(crate) fn member(state: &State, member: &MemberState) -> Value {
    let mut shape = partial_member(member);
    shape["user"] = state.user(member.user).map(user).into();
    shape
}

pub(crate) fn role(role: &RoleState) -> Value {
    let mut shape = json!({
        "id": role.id.to_string(), "name": role.name, "color": 0, "hoist": false, "icon": null, "unicode_emoji": null,
        "position": 0, "permissions": role.permissions.to_string(), "managed": role.bot.is_some(),
        "mentionable": role.mentionable, "flags": 0,
    });
    if let Some(bot) = role.bot {
        shape["tags"] = json!({ "bot_id": bot.to_string() });
    }
    shape
}

pub(crate) fn guild_emoji(emoji: &EmojiState) -> Value {
    json!({
        "id": emoji.id.to_string(), "name": emoji.name, "roles": [], "require_colons": true, "managed": false,
        "animated": emoji.animated, "available": true,
    })
}

/// An emoji as it stands in reactions.
pub(crate) fn emoji(emoji: &Emoji) -> Value {
    match emoji {
        Emoji::Unicode(name) => json!({ "id": null, "name": name }),
        Emoji::Custom { id, name, animated } => json!({ "id": id.to_string(), "name": name, "animated": animated }),
    }
}

pub(crate) fn channel(state: &State, channel: &ChannelState) -> Value {
    let mut shape = json!({
        "id": channel.id.to_string(), "type": channel.kind.number(), "last_message_id": id(channel.last_message),
        "flags": 0,
    });
    let Some(guild) = channel.guild else {
        let recipients = channel.recipients.iter().filter_map(|one| state.user(*one));
        shape["recipients"] = recipients.map(user).collect();
        return shape;
    };
    shape["guild_id"] = json!(guild.to_string());
    shape["name"] = json!(channel.name);
    shape["parent_id"] = id(channel.parent);
    shape["rate_limit_per_user"] = json!(0);
    if channel.kind.is_thread() {
        let count = state.messages.iter().filter(|message| message.channel == channel.id).count();
        shape["owner_id"] = id(channel.owner);
        shape["message_count"] = json!(count);
        shape["total_message_sent"] = json!(count);
        shape["member_count"] = json!(1);
        shape["thread_metadata"] = json!({
            "archived": channel.archived, "locked": channel.locked, "auto_archive_duration": 4320,
            "archive_timestamp": time(channel.archive_changed), "create_timestamp": time(channel.id.time()),
        });
        return shape;
    }
    let overwrites = state.denied_in(channel.id).into_iter();
    let overwrites = overwrites
        .map(|(user, bits)| json!({ "id": user.to_string(), "type": 1, "allow": "0", "deny": bits.to_string() }));
    shape["permission_overwrites"] = overwrites.collect();
    shape["topic"] = json!(channel.topic);
    shape["nsfw"] = json!(false);
    shape["position"] = json!(0);
    shape
}

/// A guild as the REST API gives it. What a member may not do in the guild as a whole is taken from its bot's role.
pub(crate) fn guild(state: &State, guild: &GuildState) -> Value {
    let roles = guild.roles.iter().map(|given| {
        let permissions = given.bot.map_or(given.permissions, |bot| state.permissions_in_guild(bot, guild.id));
        role(&RoleState { permissions, ..given.clone() })
    });
    json!({
        "id": guild.id.to_string(), "name": guild.name, "icon": null, "owner_id": guild.owner.to_string(),
        "roles": roles.collect::<Vec<_>>(), "emojis": guild.emoji.iter().map(guild_emoji).collect::<Vec<_>>(),
        "stickers": [], "features": [], "premium_tier": 0, "nsfw_level": 0, "verification_level": 0,
        "system_channel_id": null, "preferred_locale": "en-US", "description": null,
    })
}

/// What a bot is told of a guild when it comes: channels that it sees, active threads, and itself as the only member.
pub(crate) fn guild_create(state: &State, given: &GuildState, bot: Snowflake) -> Value {
    let sees = |channel: &&ChannelState| {
        channel.guild == Some(given.id) && state.may(bot, channel.id, Permission::ViewChannel)
    };
    let (threads, channels): (Vec<_>, Vec<_>) =
        state.channels.iter().filter(sees).partition(|channel| channel.kind.is_thread());
    let own = given.members.iter().find(|member| member.user == bot);
    let mut shape = guild(state, given);
    let more = json!({
        "joined_at": own.map(|own| time(own.joined)), "large": false, "unavailable": false,
        "member_count": given.members.len(), "members": own.map(|own| vec![member(state, own)]).unwrap_or_default(),
        "channels": channels.into_iter().map(|one| channel(state, one)).collect::<Vec<_>>(),
        "threads": threads.into_iter().filter(|one| !one.archived).map(|one| channel(state, one)).collect::<Vec<_>>(),
        "voice_states": [], "presences": [], "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [],
    });
    extend(&mut shape, more);
    shape
}

/// A webhook. Its token is for who made it with the same application, and for everybody if a person made it.
pub(crate) fn webhook(state: &State, webhook: &WebhookState, application: Option<Snowflake>, with_user: bool) -> Value {
    let mut shape = json!({
        "id": webhook.id.to_string(), "type": webhook.kind, "guild_id": id(webhook.guild),
        "channel_id": webhook.channel.to_string(), "name": webhook.name, "avatar": webhook.avatar,
        "application_id": id(webhook.application),
    });
    if webhook.kind == 1 && (webhook.application.is_none() || webhook.application == application || !with_user) {
        shape["token"] = json!(webhook.token);
    }
    if with_user {
        shape["user"] = state.user(webhook.user).map(user).into();
    }
    shape
}

fn attachment(file: &FakeFile, links: &Links, now: Timestamp) -> Value {
    let url = links.sign(file, now);
    let mut shape = json!({
        "id": file.id.to_string(), "filename": file.shown_name(), "size": file.size, "url": url, "proxy_url": url,
        "content_type": file.mime,
    });
    if let Some(title) = file.title() {
        shape["title"] = json!(title);
    }
    if let Some(description) = &file.description {
        shape["description"] = json!(description);
    }
    if let Some((width, height)) = file.dimensions() {
        shape["width"] = json!(width);
        shape["height"] = json!(height);
    }
    if file.name.starts_with("SPOILER_") {
        shape["flags"] = json!(1 << 3);
    }
    shape
}

fn reaction(reaction: &Reaction, viewer: Option<Snowflake>) -> Value {
    let me = viewer.is_some_and(|viewer| reaction.users.contains(&viewer));
    let count = reaction.users.len();
    json!({
        "emoji": emoji(&reaction.emoji), "count": count, "count_details": { "burst": 0, "normal": count }, "me": me,
        "me_burst": false, "burst_colors": [],
    })
}

/// Whoever looks at messages.
pub(crate) struct Viewing<'a> {
    pub(crate) state: &'a State,
    pub(crate) links: &'a Links,
    pub(crate) now: Timestamp,
    /// The account that looks.
    pub(crate) viewer: Option<Snowflake>,
}

impl Viewing<'_> {
    /// A message as the REST API gives it.
    pub(crate) fn message(&self, message: &FakeMessage) -> Value {
        let mut shape = self.plain(message);
        let found = message.reference.filter(|reference| !reference.forward).map(|reference| reference.message);
        if let Some(answered) = found.filter(|_| matches!(message.kind, REPLY | THREAD_STARTER)) {
            // Null says that it was deleted.
            shape["referenced_message"] = self.state.message(answered).map(|answered| self.plain(answered)).into();
        }
        if let Some(thread) = self.state.channel(message.id) {
            shape["thread"] = channel(self.state, thread);
        }
        shape
    }

    /// A message as an event tells it.
    pub(crate) fn event(&self, message: &FakeMessage) -> Value {
        let mut shape = self.message(message);
        let Some(channel) = self.state.channel(message.channel) else { return shape };
        shape["channel_type"] = json!(channel.kind.number());
        let Some(guild) = channel.guild else { return shape };
        shape["guild_id"] = json!(guild.to_string());
        if message.webhook_id.is_none()
            && let Some(member) = self.state.member(guild, message.author)
        {
            shape["member"] = partial_member(member);
        }
        if let Some(mentions) = shape["mentions"].as_array_mut() {
            for (mention, id) in mentions.iter_mut().zip(&message.pinged.users) {
                if let Some(member) = self.state.member(guild, *id) {
                    mention["member"] = partial_member(member);
                }
            }
        }
        shape
    }

    /// A message without what it answers.
    fn plain(&self, message: &FakeMessage) -> Value {
        let mut shape = self.said(message);
        let more = json!({
            "id": message.id.to_string(), "channel_id": message.channel.to_string(), "author": self.author(message),
            "tts": false, "mention_everyone": message.pinged.everyone, "pinned": message.pinned,
        });
        extend(&mut shape, more);
        if !message.reactions.is_empty() {
            shape["reactions"] = message.reactions.iter().map(|one| reaction(one, self.viewer)).collect();
        }
        if let Some(nonce) = &message.nonce {
            shape["nonce"] = nonce.clone();
        }
        if let Some(webhook) = message.webhook_id {
            shape["webhook_id"] = json!(webhook.to_string());
        }
        if let Some(application) = message.application_id {
            shape["application_id"] = json!(application.to_string());
        }
        if let Some(poll) = &message.poll {
            shape["poll"] = poll.clone();
        }
        if let Some(reference) = message.reference {
            let guild = self.state.channel(reference.channel).and_then(|channel| channel.guild);
            shape["message_reference"] = json!({
                "type": u8::from(reference.forward), "message_id": reference.message.to_string(),
                "channel_id": reference.channel.to_string(),
            });
            if let Some(guild) = guild {
                shape["message_reference"]["guild_id"] = json!(guild.to_string());
            }
        }
        if let Some(snapshot) = &message.snapshot {
            shape["message_snapshots"] = json!([{ "message": self.said(snapshot) }]);
        }
        shape
    }

    /// What of a message is in a snapshot of it, too: no id, no author.
    fn said(&self, message: &FakeMessage) -> Value {
        let users = message.pinged.users.iter().filter_map(|id| self.state.user(*id));
        let files = message.files.iter().map(|file| attachment(file, self.links, self.now));
        let mut shape = json!({
            "type": message.kind, "content": message.content, "timestamp": time(message.id.time()),
            "edited_timestamp": message.edited.map(time), "flags": message.flags, "components": message.components,
            "embeds": message.embeds, "attachments": files.collect::<Vec<_>>(),
            "mentions": users.map(user).collect::<Vec<_>>(), "mention_roles": ids(&message.pinged.roles),
        });
        if !message.stickers.is_empty() {
            shape["sticker_items"] = json!(message.stickers);
        }
        shape
    }

    fn author(&self, message: &FakeMessage) -> Value {
        if message.webhook_id.is_none() {
            return self.state.user(message.author).map(user).into();
        }
        // Discord fetches the picture and names it by a hash.
        let hash = message.avatar.as_deref().map(hash_of);
        json!({
            "id": message.author.to_string(), "username": message.author_name, "discriminator": "0000",
            "global_name": null, "avatar": hash, "public_flags": 0, "flags": 0, "bot": true,
        })
    }
}

/// Puts the fields of one object into another.
fn extend(shape: &mut Value, more: Value) {
    if let (Value::Object(shape), Value::Object(more)) = (shape, more) {
        shape.extend(more);
    }
}
