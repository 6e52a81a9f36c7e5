//! What Discord knows.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::file::FakeFile;
use super::message::FakeMessage;
use super::permission::Permission;
use super::snowflake::Snowflake;

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// A text channel.
    Text,
    /// The direct messages between two accounts.
    Direct,
    /// An announcement channel.
    News,
    /// A thread of an announcement channel.
    NewsThread,
    /// A thread.
    PublicThread,
    /// A thread of invited people.
    PrivateThread,
    /// A forum: it holds threads only.
    Forum,
}

impl ChannelKind {
    /// Discord's number for it.
    pub fn number(self) -> u64 {
        match self {
            Self::Text => 0,
            Self::Direct => 1,
            Self::News => 5,
            Self::NewsThread => 10,
            Self::PublicThread => 11,
            Self::PrivateThread => 12,
            Self::Forum => 15,
        }
    }

    /// Whether it is a thread.
    pub fn is_thread(self) -> bool {
        matches!(self, Self::NewsThread | Self::PublicThread | Self::PrivateThread)
    }
}

/// An account.
#[derive(Debug, Clone)]
pub(crate) struct UserState {
    pub(crate) id: Snowflake,
    pub(crate) username: String,
    pub(crate) global_name: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) bot: bool,
}

/// An application with its bot.
#[derive(Debug, Clone)]
pub(crate) struct BotState {
    pub(crate) user: Snowflake,
    pub(crate) token: String,
    pub(crate) application: Snowflake,
}

#[derive(Debug, Clone)]
pub(crate) struct RoleState {
    pub(crate) id: Snowflake,
    pub(crate) name: String,
    pub(crate) mentionable: bool,
    pub(crate) permissions: u64,
    /// The bot whose own role it is.
    pub(crate) bot: Option<Snowflake>,
}

#[derive(Debug, Clone)]
pub(crate) struct EmojiState {
    pub(crate) id: Snowflake,
    pub(crate) name: String,
    pub(crate) animated: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct MemberState {
    pub(crate) user: Snowflake,
    pub(crate) nick: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) roles: Vec<Snowflake>,
    pub(crate) joined: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct GuildState {
    pub(crate) id: Snowflake,
    pub(crate) name: String,
    pub(crate) owner: Snowflake,
    pub(crate) roles: Vec<RoleState>,
    pub(crate) emoji: Vec<EmojiState>,
    pub(crate) members: Vec<MemberState>,
    /// It has an outage: it is not told, and neither is what happens in it.
    pub(crate) unavailable: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct ChannelState {
    pub(crate) id: Snowflake,
    pub(crate) kind: ChannelKind,
    pub(crate) guild: Option<Snowflake>,
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
    /// The last message that was posted, whether it is still there or not.
    pub(crate) last_message: Option<Snowflake>,
    /// The channel that a thread belongs to.
    pub(crate) parent: Option<Snowflake>,
    /// Who began a thread.
    pub(crate) owner: Option<Snowflake>,
    pub(crate) archived: bool,
    pub(crate) locked: bool,
    /// When it was made, or last archived or taken out of the archive.
    pub(crate) archive_changed: Timestamp,
    /// The two of a direct channel.
    pub(crate) recipients: Vec<Snowflake>,
}

#[derive(Debug, Clone)]
pub(crate) struct WebhookState {
    pub(crate) id: Snowflake,
    /// 1 incoming, 2 channel follower, 3 application.
    pub(crate) kind: u64,
    pub(crate) guild: Option<Snowflake>,
    pub(crate) channel: Snowflake,
    pub(crate) name: String,
    pub(crate) avatar: Option<String>,
    pub(crate) token: String,
    /// Who made it.
    pub(crate) user: Snowflake,
    /// The application that made it.
    pub(crate) application: Option<Snowflake>,
}

/// The message that a nonce stands for.
#[derive(Debug, Clone)]
pub(crate) struct NonceState {
    pub(crate) author: Snowflake,
    pub(crate) nonce: Value,
    pub(crate) message: Snowflake,
    pub(crate) since: Timestamp,
}

/// Everything the fake knows.
#[derive(Default)]
pub(crate) struct State {
    last_id: Option<Snowflake>,
    pub(crate) users: Vec<UserState>,
    pub(crate) bots: Vec<BotState>,
    pub(crate) guilds: Vec<GuildState>,
    pub(crate) channels: Vec<ChannelState>,
    pub(crate) webhooks: Vec<WebhookState>,
    /// In the order in which they were posted.
    pub(crate) messages: Vec<FakeMessage>,
    pub(crate) nonces: Vec<NonceState>,
    /// What an account may not do in a guild, a channel and its threads.
    denied: HashMap<(Snowflake, Snowflake), u64>,
    /// Who has blocked whom.
    pub(crate) blocked: HashSet<(Snowflake, Snowflake)>,
    /// Webhooks that somebody was told do not exist.
    pub(crate) known_dead: HashSet<String>,
}

impl State {
    /// A new id: higher than all before it, whatever the clock does.
    pub(crate) fn new_id(&mut self, now: Timestamp) -> Snowflake {
        let id = Snowflake::at(now).next();
        let id = self.last_id.map_or(id, |last| id.max(last.next()));
        self.last_id = Some(id);
        id
    }

    pub(crate) fn user(&self, id: Snowflake) -> Option<&UserState> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(crate) fn bot_of_token(&self, token: &str) -> Option<&BotState> {
        self.bots.iter().find(|bot| bot.token == token)
    }

    pub(crate) fn guild(&self, id: Snowflake) -> Option<&GuildState> {
        self.guilds.iter().find(|guild| guild.id == id)
    }

    pub(crate) fn guild_mut(&mut self, id: Snowflake) -> Option<&mut GuildState> {
        self.guilds.iter_mut().find(|guild| guild.id == id)
    }

    pub(crate) fn channel(&self, id: Snowflake) -> Option<&ChannelState> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// The guild of a channel.
    pub(crate) fn guild_of(&self, channel: Snowflake) -> Option<Snowflake> {
        self.channel(channel)?.guild
    }

    pub(crate) fn channel_mut(&mut self, id: Snowflake) -> Option<&mut ChannelState> {
        self.channels.iter_mut().find(|channel| channel.id == id)
    }

    pub(crate) fn message(&self, id: Snowflake) -> Option<&FakeMessage> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// A message, if it is in this channel.
    pub(crate) fn message_in(&self, channel: Snowflake, id: Snowflake) -> Option<&FakeMessage> {
        self.messages.iter().find(|message| message.id == id && message.channel == channel)
    }

    pub(crate) fn message_mut(&mut self, id: Snowflake) -> Option<&mut FakeMessage> {
        self.messages.iter_mut().find(|message| message.id == id)
    }

    /// The files of all messages and of what they forward.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FakeFile> {
        self.messages.iter().flat_map(|message| {
            let forwarded = message.snapshot.iter().flat_map(|forwarded| &forwarded.files);
            message.files.iter().chain(forwarded)
        })
    }

    pub(crate) fn member(&self, guild: Snowflake, user: Snowflake) -> Option<&MemberState> {
        self.guild(guild)?.members.iter().find(|member| member.user == user)
    }

    /// The name under which an account is shown in a guild.
    pub(crate) fn shown_name(&self, guild: Option<Snowflake>, user: Snowflake) -> String {
        let nick = guild.and_then(|guild| self.member(guild, user)?.nick.clone());
        let name = || self.user(user).map(|user| user.global_name.clone().unwrap_or_else(|| user.username.clone()));
        nick.or_else(name).unwrap_or_default()
    }

    // === permissions ===

    /// Takes permissions away in a guild or channel, and gives them back.
    pub(crate) fn permit(&mut self, user: Snowflake, place: Snowflake, permission: Permission, allowed: bool) {
        let denied = self.denied.entry((user, place)).or_default();
        if allowed {
            *denied &= !permission.bit();
        } else {
            *denied |= permission.bit();
        }
    }

    /// Who is denied what in a place itself.
    pub(crate) fn denied_in(&self, place: Snowflake) -> Vec<(Snowflake, u64)> {
        let here = self.denied.iter().filter(|((_, at), bits)| *at == place && **bits != 0);
        let mut here: Vec<_> = here.map(|((user, _), bits)| (*user, *bits)).collect();
        here.sort_unstable();
        here
    }

    /// What a member may do in a guild, whatever its channels say.
    pub(crate) fn permissions_in_guild(&self, user: Snowflake, guild: Snowflake) -> u64 {
        Permission::all_bits() & !self.denied.get(&(user, guild)).copied().unwrap_or_default()
    }

    /// Whether an account may do something in a channel. A stranger to the guild may do nothing.
    pub(crate) fn may(&self, user: Snowflake, channel: Snowflake, permission: Permission) -> bool {
        let Some(channel) = self.channel(channel) else { return false };
        let Some(guild) = channel.guild else { return channel.recipients.contains(&user) };
        let places = [Some(channel.id), channel.parent, Some(guild)];
        let denied =
            |place: Snowflake| self.denied.get(&(user, place)).is_some_and(|bits| bits & permission.bit() != 0);
        self.member(guild, user).is_some() && !places.into_iter().flatten().any(denied)
    }
}
