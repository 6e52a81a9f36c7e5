//! What the gateway told of guilds: channels and threads with their parents, roles, and the names of people who wrote.
//!
//! Of `GUILD_CREATE`, which is megabytes long in a large guild, only this is kept: no members, no presences, no emoji.

mod people;
mod seen;

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;

use crate::directory::people::People;
use crate::directory::seen::topic;
use crate::fields::{flag, id, list, name, part};
use crate::snowflake::Snowflake;

pub(crate) use self::people::Named;
pub(crate) use self::seen::Seen;

/// How many channels and threads are kept. A guild has 500 channels at most, and 1,000 threads that are not archived.
const MOST: usize = 100_000;
/// How many of them make room at once when there are more: the threads with the oldest last message.
const ROOM: usize = MOST / 10;

/// The directory of one bot.
#[derive(Debug, Default)]
pub(crate) struct Directory(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    channels: HashMap<Snowflake, Seen>,
    roles: HashMap<Snowflake, Role>,
    /// Guilds whose channels and roles were told as a whole.
    guilds: HashSet<Snowflake>,
    people: People,
}

#[derive(Debug)]
struct Role {
    guild: Snowflake,
    name: String,
}

impl Directory {
    /// Takes in what a dispatch tells; most tell nothing.
    pub(crate) fn hear(&self, kind: &str, data: &Value) {
        match kind {
            "READY" => self.write().ready(data),
            "MESSAGE_CREATE" => self.write().message(data),
            "GUILD_CREATE" => self.write().guild(data),
            "GUILD_DELETE" => self.write().guild_gone(data),
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                self.write().channel(data, None);
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => self.write().channel_gone(data),
            "THREAD_LIST_SYNC" => self.write().threads(data),
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => {
                if let Some(guild) = id(data, "guild_id") {
                    self.write().role(part(data, "role"), guild);
                }
            }
            "GUILD_ROLE_DELETE" => {
                if let Some(role) = id(data, "role_id") {
                    self.write().roles.remove(&role);
                }
            }
            _ => {}
        }
    }

    /// All channels and threads.
    pub(crate) fn channels(&self) -> Vec<Seen> {
        self.read().channels.values().cloned().collect()
    }

    /// One channel or thread.
    pub(crate) fn channel(&self, channel: Snowflake) -> Option<Seen> {
        self.read().channels.get(&channel).cloned()
    }

    /// The topic that a change of a channel gives it, if it had another one. To be asked before the change is heard.
    pub(crate) fn new_topic(&self, channel: &Value) -> Option<String> {
        let topic = topic(channel)?;
        let before = self.read().channels.get(&id(channel, "id")?)?.topic.clone()?;
        (before != topic).then(|| topic.into())
    }

    /// Whether a guild was told as a whole, so that a channel which is not here is none of it, or an archived thread.
    pub(crate) fn knows_guild(&self, guild: Snowflake) -> bool {
        self.read().guilds.contains(&guild)
    }

    /// The name of a role, if it is one of this guild.
    pub(crate) fn role(&self, role: Snowflake, guild: Snowflake) -> Option<String> {
        let known = self.read();
        let role = known.roles.get(&role).filter(|role| role.guild == guild)?;
        Some(role.name.clone()).filter(|name| !name.is_empty())
    }

    /// The name under which somebody wrote last.
    pub(crate) fn person(&self, user: Snowflake) -> Option<String> {
        self.read().people.name(user).map(str::to_owned)
    }

    /// Keeps what somebody who writes is called.
    pub(crate) fn note_person(&self, user: Snowflake, named: Named) {
        let known = self.read().people.get(user) == Some(&named);
        if !known {
            self.write().people.note(user, named);
        }
    }

    /// The only one of those who wrote lately in a guild who is called so.
    pub(crate) fn member_called(&self, guild: Snowflake, name: &str) -> Option<Snowflake> {
        self.read().people.called(guild, name)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// A session begins: it names all guilds, which follow one by one. The bot was removed from those that are missing.
    fn ready(&mut self, data: &Value) {
        let Some(named) = data.get("guilds").and_then(Value::as_array) else { return };
        let named: HashSet<Snowflake> = named.iter().filter_map(|guild| id(guild, "id")).collect();
        let gone: Vec<Snowflake> = self.guilds.difference(&named).copied().collect();
        for guild in gone {
            self.forget(guild);
        }
    }

    fn guild(&mut self, data: &Value) {
        let Some(guild) = id(data, "id") else { return };
        // An outage comes as a guild of which nothing else is said.
        if flag(data, "unavailable") {
            return;
        }
        self.forget(guild);
        self.guilds.insert(guild);
        for channel in list(data, "channels").iter().chain(list(data, "threads")) {
            self.channel(channel, Some(guild));
        }
        for role in list(data, "roles") {
            self.role(role, guild);
        }
    }

    /// `unavailable`: the guild has an outage and comes back; else the bot was removed from it.
    fn guild_gone(&mut self, data: &Value) {
        if let Some(guild) = id(data, "id").filter(|_| !flag(data, "unavailable")) {
            self.forget(guild);
        }
    }

    fn forget(&mut self, guild: Snowflake) {
        self.guilds.remove(&guild);
        self.channels.retain(|_, channel| channel.guild != Some(guild));
        self.roles.retain(|_, role| role.guild != guild);
    }

    fn channel(&mut self, channel: &Value, guild: Option<Snowflake>) {
        let Some(mut seen) = Seen::read(channel, guild) else { return };
        match self.channels.get(&seen.id).map(|known| (known.last_message, known.topic.clone())) {
            // A change of its name may come without it.
            Some((last, topic)) => {
                seen.last_message = seen.last_message.max(last);
                seen.topic = seen.topic.or(topic);
            }
            None if !self.has_room() => return,
            None => {}
        }
        self.channels.insert(seen.id, seen);
    }

    /// Whether one more can be kept; of too many, those threads go that were silent for longest.
    fn has_room(&mut self) -> bool {
        if self.channels.len() < MOST {
            return true;
        }
        let threads = self.channels.values().filter(|channel| channel.is_thread());
        let mut threads: Vec<_> = threads.map(|thread| (thread.last_message.unwrap_or(thread.id), thread.id)).collect();
        threads.sort_unstable();
        for (_, thread) in threads.iter().take(ROOM) {
            self.channels.remove(thread);
        }
        !threads.is_empty()
    }

    fn channel_gone(&mut self, data: &Value) {
        if let Some(gone) = id(data, "id") {
            self.channels.retain(|id, channel| *id != gone && channel.parent != Some(gone));
        }
    }

    /// The active threads of the channels that the bot may see now.
    fn threads(&mut self, data: &Value) {
        let guild = id(data, "guild_id");
        for thread in list(data, "threads") {
            self.channel(thread, guild);
        }
    }

    fn role(&mut self, role: &Value, guild: Snowflake) {
        if let Some(id) = id(role, "id") {
            let name = name(role, "name").unwrap_or_default();
            self.roles.insert(id, Role { guild, name });
        }
    }

    fn message(&mut self, data: &Value) {
        let seen = id(data, "channel_id").and_then(|channel| self.channels.get_mut(&channel));
        if let (Some(seen), Some(message)) = (seen, id(data, "id")) {
            seen.last_message = seen.last_message.max(Some(message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::ChannelKind;
    use serde_json::json;

    fn guild() -> Value {
        json!({
            "id": "1", "name": "Server", "member_count": 2, "large": true, "unavailable": false,
            "members": [{ "user": { "id": "7", "username": "ann" }, "roles": [] }], "presences": [{}], "emojis": [{}],
            "channels": [
                { "id": "10", "type": 0, "name": "general", "parent_id": "9", "last_message_id": "500" },
                { "id": 11, "type": "15", "name": "ideas", "last_message_id": null },
                { "id": "9", "type": 4, "name": "Text" },
                { "type": 0, "name": "no id" }, null, 7,
            ],
            "threads": [{ "id": "20", "guild_id": "1", "type": 11, "name": "a thread", "parent_id": "10" }],
            "roles": [{ "id": "1", "name": "@everyone" }, { "id": "30", "name": "crew" }],
        })
    }

    fn heard() -> Directory {
        let directory = Directory::default();
        directory.hear("GUILD_CREATE", &guild());
        directory
    }

    fn ids(directory: &Directory) -> Vec<u64> {
        let mut ids: Vec<u64> = directory.channels().iter().map(|channel| channel.id.0).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn a_guild_is_known_by_its_channels_threads_and_roles() {
        let directory = heard();
        assert_eq!(ids(&directory), [9, 10, 11, 20]);
        let general = directory.channel(Snowflake(10)).expect("it was told");
        assert_eq!((general.name.as_str(), general.parent, general.is_thread()), ("general", None, false));
        assert_eq!((general.last_message, general.guild), (Some(Snowflake(500)), Some(Snowflake(1))));
        let thread = directory.channel(Snowflake(20)).expect("it was told");
        assert_eq!((thread.parent, thread.is_thread()), (Some(Snowflake(10)), true));
        assert_eq!(directory.channel(Snowflake(11)).expect("it was told").kind, ChannelKind::Forum);
        assert_eq!(directory.role(Snowflake(30), Snowflake(1)).as_deref(), Some("crew"));
        assert_eq!(directory.role(Snowflake(30), Snowflake(2)), None, "roles of another guild are nobody's business");
        assert!(directory.knows_guild(Snowflake(1)));
    }

    #[test]
    fn an_outage_is_not_a_removal() {
        let directory = heard();
        directory.hear("GUILD_DELETE", &json!({ "id": "1", "unavailable": true }));
        directory.hear("GUILD_CREATE", &json!({ "id": "1", "unavailable": true }));
        assert_eq!(ids(&directory), [9, 10, 11, 20]);
        directory.hear("GUILD_DELETE", &json!({ "id": "1" }));
        assert_eq!(ids(&directory), [0_u64; 0]);
        assert_eq!(directory.role(Snowflake(30), Snowflake(1)), None);
        assert!(!directory.knows_guild(Snowflake(1)));
    }

    #[test]
    fn what_was_removed_while_nobody_listened_is_gone() {
        let directory = heard();
        directory.hear("READY", &json!({ "guilds": [{ "id": "1", "unavailable": true }] }));
        directory.hear("READY", &json!({ "guilds": null }));
        assert_eq!(ids(&directory), [9, 10, 11, 20]);
        directory.hear("GUILD_CREATE", &json!({ "id": "1", "channels": [{ "id": "10", "name": "new" }] }));
        assert_eq!(ids(&directory), [10]);
        assert_eq!(directory.channel(Snowflake(10)).expect("it was told").name, "new");
        directory.hear("READY", &json!({ "guilds": [{ "id": "2" }] }));
        assert_eq!(ids(&directory), [0_u64; 0]);
    }

    #[test]
    fn channels_threads_and_roles_come_change_and_go() {
        let directory = heard();
        directory.hear("CHANNEL_UPDATE", &json!({ "id": "10", "type": 0, "guild_id": "1", "name": "lobby" }));
        let lobby = directory.channel(Snowflake(10)).expect("it was told");
        assert_eq!((lobby.name.as_str(), lobby.last_message), ("lobby", Some(Snowflake(500))));
        let put_away = json!({
            "id": "20", "type": 11, "guild_id": "1", "parent_id": "10", "name": "done", "thread_metadata": { "archived": true },
        });
        directory.hear("THREAD_UPDATE", &put_away);
        assert_eq!(directory.channel(Snowflake(20)).expect("it is kept").name, "done");
        let sync = json!({ "guild_id": "1", "threads": [{ "id": "21", "type": 12, "parent_id": "11" }] });
        directory.hear("THREAD_LIST_SYNC", &sync);
        assert_eq!(directory.channel(Snowflake(21)).expect("it was told").guild, Some(Snowflake(1)));
        directory.hear("THREAD_DELETE", &json!({ "id": "21", "parent_id": "11" }));
        directory.hear("CHANNEL_DELETE", &json!({ "id": "10" }));
        assert_eq!(ids(&directory), [9, 11], "a channel takes its threads along");
        directory.hear("GUILD_ROLE_UPDATE", &json!({ "guild_id": "1", "role": { "id": "30", "name": "team" } }));
        assert_eq!(directory.role(Snowflake(30), Snowflake(1)).as_deref(), Some("team"));
        directory.hear("GUILD_ROLE_DELETE", &json!({ "guild_id": "1", "role_id": "30" }));
        assert_eq!(directory.role(Snowflake(30), Snowflake(1)), None);
    }

    #[test]
    fn a_topic_is_new_if_another_one_was_told_before() {
        let directory = heard();
        let update =
            |topic: Value| json!({ "id": "10", "type": 0, "guild_id": "1", "name": "general", "topic": topic });
        let changed = |topic: Value| {
            let new = directory.new_topic(&update(topic.clone()));
            directory.hear("CHANNEL_UPDATE", &update(topic));
            new
        };
        assert_eq!(changed(json!("tea")), None, "nobody knows what it was");
        assert_eq!(changed(json!("tea")), None);
        assert_eq!(changed(json!("coffee")).as_deref(), Some("coffee"));
        directory.hear("CHANNEL_UPDATE", &json!({ "id": "10", "type": 0, "guild_id": "1", "name": "lobby" }));
        assert_eq!(changed(json!(null)).as_deref(), Some(""));
        assert_eq!(directory.new_topic(&json!({ "id": "77", "topic": "x" })), None);
    }

    #[test]
    fn messages_raise_what_was_last() {
        let directory = heard();
        for (message, last) in [("600", 600), ("550", 600)] {
            directory.hear("MESSAGE_CREATE", &json!({ "id": message, "channel_id": "10" }));
            assert_eq!(directory.channel(Snowflake(10)).expect("it was told").last_message, Some(Snowflake(last)));
        }
    }

    #[test]
    fn what_is_odd_is_passed_over() {
        let directory = heard();
        for kind in ["GUILD_CREATE", "GUILD_DELETE", "CHANNEL_UPDATE", "THREAD_LIST_SYNC", "GUILD_ROLE_CREATE", "X"] {
            for data in [json!(null), json!({ "id": {} }), json!([1]), json!({ "guild_id": "1", "threads": {} })] {
                directory.hear(kind, &data);
            }
        }
        assert_eq!(ids(&directory), [9, 10, 11, 20]);
    }

    #[test]
    fn too_many_threads_push_out_those_that_were_silent_for_longest() {
        let directory = heard();
        let threads = (1000..1000 + MOST as u64).map(|id| json!({ "id": id, "type": 11, "parent_id": "10" })).collect();
        directory.hear("THREAD_LIST_SYNC", &json!({ "guild_id": "1", "threads": Value::Array(threads) }));
        let kept = ids(&directory);
        assert!(kept.len() <= MOST, "{}", kept.len());
        assert!(kept.starts_with(&[9, 10, 11]), "channels stay");
        assert!(!kept.contains(&1000) && kept.contains(&(999 + MOST as u64)));
    }
}
