//! The emoji that servers have of their own, by their names. They are asked for when one is to be given.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tieline_core::send::{SendError, Sending};
use tokio::time::Instant;

use crate::driver::DiscordDriver;
use crate::fields::{id, list, name};
use crate::place::scope;
use crate::snowflake::Snowflake;

/// For how long a server's emoji are taken as they were told, and a name that it does not have is not asked for again.
const FRESH: Duration = Duration::from_mins(1);

/// What is known of servers.
#[derive(Debug, Default)]
pub(crate) struct CustomEmoji(Mutex<HashMap<Snowflake, Told>>);

#[derive(Debug)]
struct Told {
    at: Instant,
    ids: HashMap<String, Snowflake>,
}

impl CustomEmoji {
    /// The emoji with a name; `Err`: the server must be asked.
    fn find(&self, guild: Snowflake, name: &str) -> Result<Option<Snowflake>, Unknown> {
        let known = self.known();
        let told = known.get(&guild).ok_or(Unknown)?;
        match told.ids.get(name) {
            Some(id) => Ok(Some(*id)),
            None if told.at.elapsed() < FRESH => Ok(None),
            None => Err(Unknown),
        }
    }

    /// Takes in what a guild object tells. Of several with one name the oldest counts.
    fn hear(&self, guild: Snowflake, told: &Value) {
        let mut ids = HashMap::new();
        for emoji in list(told, "emojis") {
            if let (Some(id), Some(name)) = (id(emoji, "id"), name(emoji, "name")) {
                let known: &mut Snowflake = ids.entry(name).or_insert(id);
                *known = (*known).min(id);
            }
        }
        self.known().insert(guild, Told { at: Instant::now(), ids });
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Snowflake, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server was not asked yet, or long ago.
struct Unknown;

impl DiscordDriver {
    /// One of the server's own emoji as a reaction names it, `name:id`; `None` if it has none of this name.
    pub(super) async fn custom_emoji(
        &self,
        sending: &Sending,
        channel: Snowflake,
        name: &str,
    ) -> Result<Option<String>, SendError> {
        let Some(guild) = self.guild_of(channel, &sending.target).await else { return Ok(None) };
        let found = if let Ok(found) = self.custom_emoji.find(guild, name) {
            found
        } else {
            let told = self.api.get(&format!("guilds/{guild}")).await;
            let told = told.map_err(|failure| failure.before_send(&scope(sending)))?;
            self.custom_emoji.hear(guild, &told);
            self.custom_emoji.find(guild, name).unwrap_or(None)
        };
        Ok(found.map(|id| format!("{name}:{id}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn a_server_is_asked_again_for_what_it_did_not_have() {
        let (emoji, guild) = (CustomEmoji::default(), Snowflake(1));
        assert!(emoji.find(guild, "cat").is_err());
        emoji.hear(guild, &json!({ "emojis": [{ "id": "8", "name": "cat" }, { "id": "7", "name": "cat" }, null] }));
        assert!(matches!(emoji.find(guild, "cat"), Ok(Some(Snowflake(7)))));
        assert!(matches!(emoji.find(guild, "dog"), Ok(None)));
        tokio::time::advance(FRESH).await;
        assert!(matches!(emoji.find(guild, "cat"), Ok(Some(_))) && emoji.find(guild, "dog").is_err());
    }
}
