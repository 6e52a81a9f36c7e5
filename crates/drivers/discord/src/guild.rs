//! A server as the bot sees it by REST: its name, and what the bot may do there.

use serde_json::Value;

use crate::api::Api;
use crate::fields::name;
use crate::permission::Membership;
use crate::refusal::Failure;
use crate::snowflake::Snowflake;

/// A server that the bot is in.
#[derive(Debug, Clone)]
pub(crate) struct Guild {
    /// As people call it, or its id.
    pub(crate) name: String,
    pub(crate) membership: Membership,
}

impl Guild {
    /// Asks for it. `me`: the bot's user id.
    pub(crate) async fn ask(api: &Api, guild: Snowflake, me: Snowflake) -> Result<Self, Failure> {
        let found = api.get(&format!("guilds/{guild}")).await?;
        let member = api.get(&format!("guilds/{guild}/members/{me}")).await?;
        Ok(Self {
            name: name(&found, "name").unwrap_or_else(|| guild.to_string()),
            membership: Membership::read(guild, &found, me, &member),
        })
    }

    /// How a channel of it is called: `#general (Server)`. `parent`: of a thread, the channel that it belongs to.
    pub(crate) fn called(&self, channel: &Value, parent: Option<&Value>) -> String {
        let own = name(channel, "name").unwrap_or_default();
        match parent {
            Some(parent) => format!("{own} in #{} ({})", name(parent, "name").unwrap_or_default(), self.name),
            None => format!("#{own} ({})", self.name),
        }
    }
}
