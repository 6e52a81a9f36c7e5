//! Who and what there is: accounts, guilds, channels, threads, permissions.

use serde_json::json;

use super::inside::Inside;
use super::intent;
use super::mention::Allowed;
use super::message::{Emoji, HAS_THREAD, Reference, THREAD_STARTER};
use super::permission::Permission;
use super::posting::{Author, Draft};
use super::server::FakeDiscord;
use super::shape;
use super::snowflake::Snowflake;
use super::state::{
    BotState, ChannelKind, ChannelState, EmojiState, GuildState, MemberState, RoleState, State, UserState,
};
use super::telling::Events;

/// A bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// Its account.
    pub user: Snowflake,
    /// Its application.
    pub application: Snowflake,
    /// Its token.
    pub token: String,
}

impl FakeDiscord {
    // === accounts ===

    /// Adds a person; an empty display name is none.
    pub fn add_person(&self, username: &str, display_name: &str) -> Snowflake {
        self.add_user(username, display_name, false)
    }

    fn add_user(&self, username: &str, display_name: &str, bot: bool) -> Snowflake {
        let mut state = self.inside.state();
        let id = state.new_id(self.inside.now());
        let global_name = Some(display_name.to_owned()).filter(|name| !name.is_empty());
        state.users.push(UserState { id, username: username.to_owned(), global_name, avatar: None, bot });
        id
    }

    /// Adds an application with its bot.
    pub fn add_bot(&self, username: &str) -> Bot {
        let user = self.add_user(username, "", true);
        let mut state = self.inside.state();
        let bot = Bot { user, application: state.new_id(self.inside.now()), token: self.inside.new_token() };
        state.bots.push(BotState { user, token: bot.token.clone(), application: bot.application });
        bot
    }

    /// The bot's token is made anew in the portal: the old one is refused from now on.
    pub fn reset_token(&self, bot: &Bot) -> Bot {
        let token = self.inside.new_token();
        let mut state = self.inside.state();
        for known in state.bots.iter_mut().filter(|known| known.user == bot.user) {
            known.token.clone_from(&token);
        }
        Bot { token, ..bot.clone() }
    }

    /// An account chooses a picture, or none: its hash, which begins with `a_` if it moves.
    pub fn set_avatar(&self, user: Snowflake, hash: Option<&str>) {
        for known in self.inside.state().users.iter_mut().filter(|known| known.id == user) {
            known.avatar = hash.map(str::to_owned);
        }
    }

    // === guilds ===

    /// Adds a guild with an owner of its own.
    pub fn add_guild(&self, name: &str) -> Snowflake {
        let owner = self.add_person("owner", "");
        let mut state = self.inside.state();
        let id = state.new_id(self.inside.now());
        let everyone = RoleState { id, name: "@everyone".to_owned(), mentionable: false, permissions: 0, bot: None };
        let roles = vec![everyone];
        state.guilds.push(GuildState {
            id,
            name: name.to_owned(),
            owner,
            roles,
            emoji: vec![],
            members: vec![],
            unavailable: false,
        });
        drop(state);
        self.join(id, owner);
        id
    }

    /// An account joins a guild. A bot gets a role of its own, which holds its permissions; one that is connected must
    /// identify anew to hear of the guild.
    pub fn join(&self, guild: Snowflake, user: Snowflake) {
        self.inside.act(|state, events| {
            let now = self.inside.now();
            let bot = state.bots.iter().any(|bot| bot.user == user);
            let role_id = state.new_id(now);
            let Some(known) = state.guild_mut(guild).filter(|guild| guild.members.iter().all(|one| one.user != user))
            else {
                return;
            };
            let role = bot.then(|| RoleState {
                id: role_id,
                name: "bot".to_owned(),
                mentionable: false,
                permissions: Permission::all_bits(),
                bot: Some(user),
            });
            let roles = role.iter().map(|role| role.id).collect();
            known.roles.extend(role);
            known.members.push(MemberState { user, nick: None, avatar: None, roles, joined: now });
            if let Some(member) = state.member(guild, user) {
                let mut data = shape::member(state, member);
                data["guild_id"] = json!(guild.to_string());
                events.tell("GUILD_MEMBER_ADD", intent::GUILD_MEMBERS, data);
            }
        });
    }

    /// An account leaves a guild.
    pub fn leave(&self, guild: Snowflake, user: Snowflake) {
        self.inside.act(|state, events| {
            if let Some(guild) = state.guild_mut(guild) {
                guild.members.retain(|member| member.user != user);
            }
            let user = state.user(user).map(shape::user);
            let data = json!({ "guild_id": guild.to_string(), "user": user });
            events.tell("GUILD_MEMBER_REMOVE", intent::GUILD_MEMBERS, data);
        });
    }

    /// A guild has an outage: its bots are told so, and of nothing that happens in it.
    pub fn begin_outage(&self, guild: Snowflake) {
        self.inside.act(|state, events| {
            let data = json!({ "id": guild.to_string(), "unavailable": true });
            events.tell("GUILD_DELETE", intent::GUILDS, data);
            if let Some(guild) = state.guild_mut(guild) {
                guild.unavailable = true;
            }
        });
    }

    /// The outage of a guild is over: the bot is told of it anew.
    pub fn end_outage(&self, guild: Snowflake, bot: &Bot) {
        self.inside.act(|state, events| {
            if let Some(guild) = state.guild_mut(guild) {
                guild.unavailable = false;
            }
            if let Some(guild) = state.guild(guild) {
                events.tell("GUILD_CREATE", intent::GUILDS, shape::guild_create(state, guild, bot.user));
            }
        });
    }

    /// Somebody blocks somebody else.
    pub fn block(&self, who: Snowflake, whom: Snowflake) {
        self.inside.state().blocked.insert((who, whom));
    }

    /// A member chooses a nickname, or none.
    pub fn set_nick(&self, guild: Snowflake, user: Snowflake, nick: Option<&str>) {
        self.change_member(guild, user, |member| member.nick = nick.map(str::to_owned));
    }

    /// A member chooses a picture for this guild, or none.
    pub fn set_member_avatar(&self, guild: Snowflake, user: Snowflake, hash: Option<&str>) {
        self.change_member(guild, user, |member| member.avatar = hash.map(str::to_owned));
    }

    /// A member gets a role.
    pub fn give_role(&self, guild: Snowflake, user: Snowflake, role: Snowflake) {
        self.change_member(guild, user, |member| member.roles.push(role));
    }

    fn change_member(&self, guild: Snowflake, user: Snowflake, change: impl FnOnce(&mut MemberState)) {
        self.inside.act(|state, events| {
            let Some(known) = state.guild_mut(guild) else { return };
            let Some(member) = known.members.iter_mut().find(|member| member.user == user) else { return };
            change(member);
            if let Some(member) = state.member(guild, user) {
                let mut data = shape::member(state, member);
                data["guild_id"] = json!(guild.to_string());
                events.tell("GUILD_MEMBER_UPDATE", intent::GUILD_MEMBERS, data);
            }
        });
    }

    /// Adds a role that everybody may mention, or only who may mention everyone.
    pub fn add_role(&self, guild: Snowflake, name: &str, mentionable: bool) -> Snowflake {
        self.inside.act(|state, events| {
            let id = state.new_id(self.inside.now());
            let role = RoleState { id, name: name.to_owned(), mentionable, permissions: 0, bot: None };
            let data = json!({ "guild_id": guild.to_string(), "role": shape::role(&role) });
            events.tell("GUILD_ROLE_CREATE", intent::GUILDS, data);
            if let Some(guild) = state.guild_mut(guild) {
                guild.roles.push(role);
            }
            id
        })
    }

    /// Adds an emoji.
    pub fn add_emoji(&self, guild: Snowflake, name: &str, animated: bool) -> Emoji {
        self.inside.act(|state, events| {
            let id = state.new_id(self.inside.now());
            if let Some(known) = state.guild_mut(guild) {
                known.emoji.push(EmojiState { id, name: name.to_owned(), animated });
                let all: Vec<_> = known.emoji.iter().map(shape::guild_emoji).collect();
                let data = json!({ "guild_id": guild.to_string(), "emojis": all });
                events.tell("GUILD_EMOJIS_UPDATE", intent::GUILD_EXPRESSIONS, data);
            }
            Emoji::Custom { id, name: name.to_owned(), animated }
        })
    }

    // === channels ===

    /// Adds a channel to a guild. For threads see [`add_thread`](Self::add_thread).
    pub fn add_channel(&self, guild: Snowflake, kind: ChannelKind, name: &str) -> Snowflake {
        self.inside.act(|state, events| {
            let id = state.new_id(self.inside.now());
            state.channels.push(self.inside.new_channel(id, kind, Some(guild), name));
            events.tell_channel(state, id, "CHANNEL_CREATE");
            id
        })
    }

    /// Opens the direct messages between two accounts.
    pub fn add_direct(&self, one: Snowflake, other: Snowflake) -> Snowflake {
        let mut state = self.inside.state();
        let id = state.new_id(self.inside.now());
        let channel = self.inside.new_channel(id, ChannelKind::Direct, None, "");
        state.channels.push(ChannelState { recipients: vec![one, other], ..channel });
        id
    }

    /// A person begins a thread: a public one, in an announcement channel one of those.
    pub fn add_thread(&self, parent: Snowflake, person: Snowflake, name: &str) -> Snowflake {
        self.inside.act(|state, events| {
            let id = state.new_id(self.inside.now());
            self.inside.new_thread(state, events, id, (parent, person), name);
            id
        })
    }

    /// A person begins a thread of a message. It has the id of the message, and begins with an empty message that only
    /// refers to it.
    pub fn add_thread_of(&self, message: Snowflake, person: Snowflake, name: &str) -> Snowflake {
        self.inside.act(|state, events| {
            let Some(mut starter) = state.message(message).cloned() else { return message };
            self.inside.new_thread(state, events, message, (starter.channel, person), name);
            let mut draft = Draft::new(message, Author::Account(starter.author), Allowed::users());
            draft.kind = THREAD_STARTER;
            draft.reference = Some(Reference { forward: false, message, channel: starter.channel });
            self.inside.post(state, events, draft);
            starter.flags |= HAS_THREAD;
            self.inside.replace(state, events, starter);
            message
        })
    }

    /// A thread is archived, or taken out of the archive.
    pub fn set_archived(&self, thread: Snowflake, archived: bool) {
        let now = self.inside.now();
        self.change_channel(thread, |channel| {
            channel.archived = archived;
            channel.archive_changed = now;
        });
    }

    /// A thread is locked, or not any more.
    pub fn set_locked(&self, thread: Snowflake, locked: bool) {
        self.change_channel(thread, |channel| channel.locked = locked);
    }

    /// A channel or thread gets another name.
    pub fn rename(&self, channel: Snowflake, name: &str) {
        self.change_channel(channel, |channel| name.clone_into(&mut channel.name));
    }

    /// A channel gets a topic, or loses it.
    pub fn set_topic(&self, channel: Snowflake, topic: Option<&str>) {
        self.change_channel(channel, |channel| channel.topic = topic.map(str::to_owned));
    }

    fn change_channel(&self, id: Snowflake, change: impl FnOnce(&mut ChannelState)) {
        self.inside.act(|state, events| {
            let Some(channel) = state.channel_mut(id) else { return };
            change(channel);
            let event = if channel.kind.is_thread() { "THREAD_UPDATE" } else { "CHANNEL_UPDATE" };
            events.tell_channel(state, id, event);
        });
    }

    /// A channel or thread is deleted, with its threads, webhooks and messages.
    pub fn delete_channel(&self, id: Snowflake) {
        self.inside.act(|state, events| {
            let Some(channel) = state.channel(id).cloned() else { return };
            let is_in = |channel: &ChannelState| channel.id == id || channel.parent == Some(id);
            let gone: Vec<_> = state.channels.iter().filter(|one| is_in(one)).map(|one| one.id).collect();
            if channel.kind.is_thread() {
                let data = json!({
                    "id": id.to_string(), "guild_id": channel.guild.map(|guild| guild.to_string()),
                    "parent_id": channel.parent.map(|parent| parent.to_string()), "type": channel.kind.number(),
                });
                events.tell("THREAD_DELETE", intent::GUILDS, data);
            } else {
                events.tell_channel(state, id, "CHANNEL_DELETE");
            }
            state.channels.retain(|one| !gone.contains(&one.id));
            state.webhooks.retain(|webhook| webhook.channel != id);
            state.messages.retain(|message| !gone.contains(&message.channel));
        });
    }

    // === permissions ===

    /// An account may not do something any more in a guild, or in a channel and its threads. At first everybody may do
    /// everything. People are not held back; for bots, see the REST calls.
    pub fn deny(&self, user: Snowflake, place: Snowflake, permission: Permission) {
        self.permit(user, place, permission, false);
    }

    /// Takes back what [`deny`](Self::deny) said.
    pub fn allow(&self, user: Snowflake, place: Snowflake, permission: Permission) {
        self.permit(user, place, permission, true);
    }

    fn permit(&self, user: Snowflake, place: Snowflake, permission: Permission, allowed: bool) {
        self.inside.act(|state, events| {
            state.permit(user, place, permission, allowed);
            events.tell_channel(state, place, "CHANNEL_UPDATE");
            let role = state.guild(place).and_then(|guild| guild.roles.iter().find(|role| role.bot == Some(user)));
            if let Some(role) = role {
                let permissions = state.permissions_in_guild(user, place);
                let role = shape::role(&RoleState { permissions, ..role.clone() });
                let data = json!({ "guild_id": place.to_string(), "role": role });
                events.tell("GUILD_ROLE_UPDATE", intent::GUILDS, data);
            }
        });
    }
}

impl Inside {
    fn new_channel(&self, id: Snowflake, kind: ChannelKind, guild: Option<Snowflake>, name: &str) -> ChannelState {
        ChannelState {
            id,
            kind,
            guild,
            name: name.to_owned(),
            topic: None,
            last_message: None,
            parent: None,
            owner: None,
            archived: false,
            locked: false,
            archive_changed: self.now(),
            recipients: Vec::new(),
        }
    }

    /// Begins a thread.
    pub(crate) fn new_thread(
        &self,
        state: &mut State,
        events: &mut Events,
        id: Snowflake,
        (parent, owner): (Snowflake, Snowflake),
        name: &str,
    ) {
        let found = state.channel(parent).map(|parent| (parent.kind, parent.guild));
        let (kind, guild) = found.unwrap_or((ChannelKind::Text, None));
        let kind = if kind == ChannelKind::News { ChannelKind::NewsThread } else { ChannelKind::PublicThread };
        let thread = self.new_channel(id, kind, guild, name);
        state.channels.push(ChannelState { parent: Some(parent), owner: Some(owner), ..thread });
        if let Some(thread) = state.channel(id) {
            let mut data = shape::channel(state, thread);
            data["newly_created"] = json!(true);
            events.tell("THREAD_CREATE", intent::GUILDS, data);
        }
    }
}
