//! The channels and threads that the bot can see.

use std::collections::HashMap;

use serde_json::Value;
use tieline_core::address::Address;
use tieline_core::driver::{DriverError, Room};

use crate::address::CHANNEL;
use crate::driver::DiscordDriver;
use crate::fields::{id, list};
use crate::guild::Guild;
use crate::kind::ChannelKind;
use crate::permission::VIEW_CHANNEL;
use crate::refusal::Failure;
use crate::snowflake::Snowflake;

/// How many servers one answer lists at most.
const PAGE: usize = 200;

impl DiscordDriver {
    /// Every text and announcement channel, every forum, and every thread that is not archived, of all servers.
    pub(crate) async fn list_rooms(&self) -> Result<Vec<Room>, DriverError> {
        self.all_rooms().await.map_err(|failure| DriverError(failure.to_string()))
    }

    async fn all_rooms(&self) -> Result<Vec<Room>, Failure> {
        let me = self.api.get("users/@me").await?;
        let me = id(&me, "id").ok_or_else(|| Failure::Unusable("Discord does not say who the bot is".to_owned()))?;
        let mut rooms = Vec::new();
        for guild in self.guilds().await? {
            rooms.extend(self.rooms_of(guild, me).await?);
        }
        Ok(rooms)
    }

    async fn guilds(&self) -> Result<Vec<Snowflake>, Failure> {
        let mut all: Vec<Snowflake> = Vec::new();
        loop {
            let after = all.last().map(|last| format!("&after={last}")).unwrap_or_default();
            let page = self.api.get(&format!("users/@me/guilds?limit={PAGE}{after}")).await?;
            let page: Vec<Snowflake> =
                page.as_array().into_iter().flatten().filter_map(|guild| id(guild, "id")).collect();
            let newest = all.last().copied();
            all.extend(page.iter().filter(|guild| newest.is_none_or(|newest| **guild > newest)));
            if page.len() < PAGE || all.last().copied() == newest {
                return Ok(all);
            }
        }
    }

    async fn rooms_of(&self, guild: Snowflake, me: Snowflake) -> Result<Vec<Room>, Failure> {
        let about = Guild::ask(&self.api, guild, me).await?;
        let channels = self.api.get(&format!("guilds/{guild}/channels")).await?;
        let active = self.api.get(&format!("guilds/{guild}/threads/active")).await?;
        let visible = |channel: &&Value| about.membership.rights(channel).has(VIEW_CHANNEL);
        let channels: Vec<&Value> = channels.as_array().into_iter().flatten().filter(visible).collect();
        let by_id: HashMap<Snowflake, &Value> =
            channels.iter().filter_map(|channel| Some((id(channel, "id")?, *channel))).collect();
        let own = channels.iter().filter_map(|channel| {
            let kind = ChannelKind::of(channel);
            matches!(kind, ChannelKind::Text | ChannelKind::News | ChannelKind::Forum)
                .then(|| room(&about, channel, None))
                .flatten()
        });
        let threads = list(&active, "threads").iter().filter_map(|thread| {
            let parent = by_id.get(&id(thread, "parent_id")?)?;
            room(&about, thread, Some(parent))
        });
        Ok(own.chain(threads).collect())
    }
}

fn room(guild: &Guild, channel: &Value, parent: Option<&Value>) -> Option<Room> {
    let address = Address::of([(CHANNEL, id(channel, "id")?.to_string().as_str())]);
    let kind = match parent.map(ChannelKind::of) {
        Some(ChannelKind::Forum) => "forum post",
        _ => ChannelKind::of(channel).word(),
    };
    Some(Room { name: guild.called(channel, parent), kind: kind.to_owned(), address })
}
