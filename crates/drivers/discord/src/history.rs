//! What channels said while nobody listened, where the gateway does not replay it.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;
use tieline_core::driver::{CatchUp, Sources};
use tieline_core::id::ChannelKey;
use tokio::time::sleep;

use crate::directory::Seen;
use crate::driver::DiscordDriver;
use crate::fields::id;
use crate::gateway::backoff::LOST;
use crate::refusal::Failure;
use crate::snowflake::Snowflake;

/// How far before the newest message that is on disk the history is read: messages of several channels are not handed
/// in by their ids. The outbox knows repeats.
pub(crate) const OVERLAP: Duration = Duration::from_mins(1);
/// The most messages that Discord gives at a time.
const PAGE: usize = 100;
/// So many tries to read one page, about five minutes.
const TRIES: u32 = 10;

/// Without the permission Discord gives no messages instead of an error (D/resources/message).
const NOTHING: &str = "Discord says that there are no messages: give the bot `Read Message History` in this channel, unless \
    all of them were deleted";

/// What was missed in a channel, oldest first; or nothing, if that cannot be had.
pub(crate) struct Filled {
    pub(crate) channel: ChannelKey,
    pub(crate) messages: Vec<Value>,
}

/// The smallest id that may be given so much later.
pub(crate) fn later(id: Snowflake, by: Duration) -> Snowflake {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    Snowflake::at(id.time().saturating_add(by).unwrap_or(jiff::Timestamp::MAX))
}

/// The smallest id that may have been given so much earlier.
fn earlier(id: Snowflake, by: Duration) -> Snowflake {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    Snowflake::at(id.time().saturating_sub(by).unwrap_or(jiff::Timestamp::MIN))
}

impl DiscordDriver {
    /// The channels and threads of a guild that rules listen to and in which something was said since a message, or
    /// shortly before it.
    pub(crate) fn channels_with_news(&self, guild: Snowflake, since: Snowflake, sources: &dyn Sources) -> Vec<Seen> {
        let since = earlier(since, OVERLAP);
        let key = |channel: Snowflake| ChannelKey::new(&channel.to_string()).ok();
        let listened_to = |channel: &Seen| {
            let parent = channel.parent.and_then(key);
            key(channel.id).is_some_and(|channel| sources.listens_to(&channel, parent.as_ref()))
        };
        let mut channels = self.directory.channels();
        channels.retain(|channel| {
            channel.guild == Some(guild)
                && channel.kind.holds_messages()
                && channel.last_message.is_some_and(|last| last > since)
                && listened_to(channel)
        });
        channels
    }

    /// Asks which threads of a guild are active, where it was told without them.
    pub(crate) async fn find_threads(&self, guild: Snowflake) {
        let why = match self.api.get(&format!("guilds/{guild}/threads/active")).await {
            Ok(Value::Object(mut found)) => {
                found.insert("guild_id".to_owned(), Value::from(guild.to_string()));
                return self.directory.hear("THREAD_LIST_SYNC", &Value::Object(found));
            }
            Ok(_) => "Discord answers something that is no list of threads".to_owned(),
            Err(failure) => failure.to_string(),
        };
        tracing::warn!(
            instance = %self.instance.id, %guild, why,
            "Discord does not say which threads there are; what was written in them meanwhile is missed"
        );
    }

    /// Reads what was said in a channel since a message, as far as the settings want it.
    pub(crate) async fn read_history(&self, key: ChannelKey, channel: Seen, since: Snowflake) -> Filled {
        let Some(catch_up) = self.instance.catch_up else { return Filled { channel: key, messages: Vec::new() } };
        let oldest = Snowflake::at(self.services.clock.now());
        let since = earlier(since, OVERLAP).max(earlier(oldest, catch_up.max_age));
        let messages = match self.newest(&channel, since, catch_up).await {
            Ok(messages) => messages,
            Err(why) => {
                tracing::warn!(
                    instance = %self.instance.id, channel = %key, why,
                    "What was written in a channel of Discord while nobody listened cannot be read and is missed"
                );
                Vec::new()
            }
        };
        Filled { channel: key, messages }
    }

    /// The newest messages after `since`, oldest first. They are read from the newest back, so that of a long silence no
    /// more is fetched than is wanted.
    async fn newest(&self, channel: &Seen, since: Snowflake, catch_up: CatchUp) -> Result<Vec<Value>, String> {
        let most = catch_up.max_messages as usize;
        let mut found: Vec<(Snowflake, Value)> = Vec::new();
        while found.len() < most {
            let limit = PAGE.min(most - found.len());
            let before = found.last().map(|(oldest, _)| format!("&before={oldest}")).unwrap_or_default();
            let page = self.page(&format!("channels/{}/messages?limit={limit}{before}", channel.id)).await;
            let Value::Array(page) = page.map_err(|failure| failure.to_string())? else {
                return Err("Discord answers something that is no list of messages".to_owned());
            };
            if page.is_empty() && found.is_empty() {
                return Err(NOTHING.to_owned());
            }
            let full = page.len() >= limit;
            let last = found.last().map(|(oldest, _)| *oldest);
            let mut page: Vec<_> =
                page.into_iter().filter_map(|message| Some((id(&message, "id")?, message))).collect();
            page.retain(|(id, _)| last.is_none_or(|last| *id < last));
            page.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
            let ends = !full || page.last().is_none_or(|(oldest, _)| *oldest <= since);
            found.extend(page.into_iter().filter(|(id, _)| *id > since));
            if ends {
                break;
            }
        }
        let guild = channel.guild.map(|guild| Value::from(guild.to_string()));
        let complete = |mut message: Value| {
            // The history leaves out what the gateway says beside a message.
            if let (Some(guild), Some(fields)) = (&guild, message.as_object_mut()) {
                fields.entry("guild_id").or_insert_with(|| guild.clone());
            }
            message
        };
        Ok(found.into_iter().rev().map(|(_, message)| complete(message)).collect())
    }

    /// Asks until there is an answer, or none can be expected.
    async fn page(&self, path: &str) -> Result<Value, Failure> {
        let mut tries = 0;
        loop {
            let failure = match self.api.get(path).await {
                Ok(page) => return Ok(page),
                Err(failure) => failure,
            };
            let wait = if let Some(until) = failure.pause() {
                let wait = until.duration_since(self.services.clock.now());
                Duration::try_from(wait).unwrap_or_default().max(Duration::from_millis(10))
            } else if tries >= TRIES || is_final(&failure) {
                return Err(failure);
            } else {
                tries += 1;
                LOST.after(tries, fastrand::f64())
            };
            sleep(wait).await;
        }
    }
}

/// Whether another try has no other end. A token that is refused may be put right.
fn is_final(failure: &Failure) -> bool {
    failure.status().is_some_and(|status| status.is_client_error()) && !failure.refuses_credentials()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_know_what_is_earlier() {
        let id = Snowflake(175_928_847_299_117_063);
        assert!(earlier(id, Duration::ZERO) <= id && earlier(id, Duration::from_secs(1)) < id);
        assert_eq!(later(earlier(id, OVERLAP), OVERLAP), earlier(id, Duration::ZERO));
        assert_eq!(earlier(id, Duration::MAX), Snowflake(0));
    }
}
