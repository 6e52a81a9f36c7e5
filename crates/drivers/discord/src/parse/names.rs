//! What the ids in a text stand for.

use std::collections::HashMap;

use serde_json::Value;

use crate::directory::Directory;
use crate::fields::{id, list, name, part};
use crate::markup::Names;
use crate::snowflake::Snowflake;

/// How many of those whom a message mentions are read. A text has room for a hundred.
const MENTIONED: usize = 500;

/// Names for one message: those that came along with it, else those of the directory.
pub(super) struct Known<'a> {
    mentioned: HashMap<Snowflake, String>,
    directory: &'a Directory,
    guild: Option<Snowflake>,
}

impl<'a> Known<'a> {
    /// Nobody yet, in a guild.
    pub(super) fn new(directory: &'a Directory, guild: Option<Snowflake>) -> Self {
        Self { mentioned: HashMap::new(), directory, guild }
    }

    /// Adds those whom a message mentions.
    pub(super) fn mentioned(mut self, message: &Value) -> Self {
        let users = list(message, "mentions").iter().take(MENTIONED).filter_map(|user| {
            let shown = name(part(user, "member"), "nick").or_else(|| name(user, "global_name"));
            Some((id(user, "id")?, shown.or_else(|| name(user, "username"))?))
        });
        self.mentioned.extend(users);
        self
    }
}

impl Names for Known<'_> {
    fn user(&self, id: &str) -> Option<String> {
        let user = Snowflake::parse(id)?;
        self.mentioned.get(&user).cloned().or_else(|| self.directory.person(user))
    }

    /// Of this guild only: nobody learns what others call theirs by writing numbers.
    fn role(&self, id: &str) -> Option<String> {
        self.directory.role(Snowflake::parse(id)?, self.guild?)
    }

    /// Of this guild only, as roles.
    fn channel(&self, id: &str) -> Option<String> {
        let channel = self.directory.channel(Snowflake::parse(id)?)?;
        (channel.guild.is_some() && channel.guild == self.guild && !channel.name.is_empty()).then_some(channel.name)
    }
}
