//! What happened in channels while nobody listened, where the gateway does not replay it: what was said, and what became
//! of what was said shortly before. Reactions are not told: a message shows how many there are, not whose.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tieline_core::driver::{CatchUp, Sources};
use tieline_core::id::{Channel, ChannelKey, MessageId};
use tokio::time::sleep;

use crate::code;
use crate::directory::Seen;
use crate::driver::DiscordDriver;
use crate::fields::{id, text};
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

/// What is answered in the place of messages.
const NO_LIST: &str = "Discord answers something that is no list of messages";

/// What happened in a channel meanwhile, as dispatches of the gateway would have told it; or nothing, if that cannot be
/// had.
pub(crate) struct Filled {
    pub(crate) channel: ChannelKey,
    pub(crate) happenings: Vec<(&'static str, Value)>,
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
    /// The channels and threads of a guild that rules listen to and in which something may have happened since a message:
    /// first those in which something was said, then those in which something could have been changed.
    pub(crate) fn channels_to_look_at(&self, guild: Snowflake, since: Snowflake, sources: &dyn Sources) -> Vec<Seen> {
        let Some(catch_up) = self.instance.catch_up else { return Vec::new() };
        let since = earlier(since, OVERLAP);
        let oldest = earlier(Snowflake::at(self.services.clock.now()), catch_up.max_age);
        let key = |channel: Snowflake| ChannelKey::new(&channel.to_string()).ok();
        let listened_to = |channel: &Seen| {
            let parent = channel.parent.and_then(key);
            key(channel.id).is_some_and(|channel| sources.listens_to(&channel, parent.as_ref()))
        };
        let mut channels = self.directory.channels();
        channels.retain(|channel| {
            channel.guild == Some(guild)
                && channel.kind.holds_messages()
                && channel.last_message.is_some_and(|last| last > oldest)
                && listened_to(channel)
        });
        channels.sort_by_key(|channel| channel.last_message <= Some(since));
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

    /// Reads what happened in a channel since a message, as far as the settings want it.
    pub(crate) async fn read_history(&self, key: ChannelKey, channel: Seen, since: Snowflake) -> Filled {
        let Some(catch_up) = self.instance.catch_up else { return Filled { channel: key, happenings: Vec::new() } };
        let oldest = earlier(Snowflake::at(self.services.clock.now()), catch_up.max_age);
        let happenings = match self.happened(&key, &channel, earlier(since, OVERLAP), oldest, catch_up).await {
            Ok(happenings) => happenings,
            Err(why) => {
                tracing::warn!(
                    instance = %self.instance.id, channel = %key, why,
                    "What was written in a channel of Discord while nobody listened cannot be read and is missed"
                );
                Vec::new()
            }
        };
        Filled { channel: key, happenings }
    }

    /// What was said since a message, and what was changed of what was said before; nothing older than `oldest`. In the
    /// order in which it happened, but for deletions, which have no time.
    async fn happened(
        &self,
        key: &ChannelKey,
        channel: &Seen,
        since: Snowflake,
        oldest: Snowflake,
        catch_up: CatchUp,
    ) -> Result<Vec<(&'static str, Value)>, String> {
        let has_news = channel.last_message.is_some_and(|last| last > since);
        let new = if has_news { self.newest(channel, since.max(oldest), catch_up).await? } else { Vec::new() };
        let before = if since > oldest { self.before(channel, since).await? } else { Vec::new() };
        let mut happenings: Vec<(Timestamp, &'static str, Value)> = Vec::new();
        for (index, message) in before.iter().chain(&new).enumerate() {
            let Some(id) = id(message, "id").filter(|id| *id > oldest) else { continue };
            let edited = text(message, "edited_timestamp").and_then(|time| time.parse::<Timestamp>().ok());
            if self.is_known(id).await {
                // The outbox knows those that were told.
                if let Some(edited) = edited.filter(|edited| *edited > since.time()) {
                    happenings.push((edited, "MESSAGE_UPDATE", message.clone()));
                }
            } else if index >= before.len() {
                happenings.push((id.time(), "MESSAGE_CREATE", message.clone()));
            }
        }
        happenings.sort_by_key(|(time, ..)| *time);
        let seen = || before.iter().chain(&new).filter_map(|message| id(message, "id"));
        let first = if before.len() < PAGE { oldest } else { oldest.max(seen().min().unwrap_or(oldest)) };
        let gone = self.gone(key, channel, first, &seen().collect()).await;
        Ok(happenings.into_iter().map(|(_, kind, data)| (kind, data)).chain(gone).collect())
    }

    /// The messages that were there before: those that may have been changed meanwhile.
    async fn before(&self, channel: &Seen, since: Snowflake) -> Result<Vec<Value>, String> {
        let path = format!("channels/{}/messages?limit={PAGE}&before={}", channel.id, Snowflake(since.0 + 1));
        match self.page(&path).await.map_err(|failure| failure.to_string())? {
            Value::Array(page) => Ok(page.into_iter().map(|message| with_guild(message, channel)).collect()),
            _ => Err(NO_LIST.to_owned()),
        }
    }

    /// The known messages after `first` that are not there any more. That the history does not show one is no proof.
    async fn gone(
        &self,
        key: &ChannelKey,
        channel: &Seen,
        first: Snowflake,
        seen: &HashSet<Snowflake>,
    ) -> Vec<(&'static str, Value)> {
        let here = Channel { instance: self.instance.id.clone(), key: key.clone() };
        let known = self.services.links.latest(&here, PAGE).await;
        let missing = known.iter().filter_map(|message| Snowflake::parse(message.as_str()));
        let mut missing: Vec<Snowflake> = missing.filter(|id| *id > first && !seen.contains(id)).collect();
        missing.sort_unstable();
        let mut gone = Vec::new();
        for message in missing {
            let asked = self.page(&format!("channels/{}/messages/{message}", channel.id)).await;
            if asked.is_err_and(|failure| failure.code() == Some(code::UNKNOWN_MESSAGE)) {
                let deletion = json!({ "id": message, "channel_id": channel.id });
                gone.push(("MESSAGE_DELETE", with_guild(deletion, channel)));
            }
        }
        gone
    }

    async fn is_known(&self, message: Snowflake) -> bool {
        match MessageId::new(&message.to_string()) {
            Ok(message) => self.services.links.is_known(&self.instance.realm, &message).await,
            Err(_) => false,
        }
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
                return Err(NO_LIST.to_owned());
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
        Ok(found.into_iter().rev().map(|(_, message)| with_guild(message, channel)).collect())
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

/// What the gateway says beside a message, and the history leaves out.
fn with_guild(mut data: Value, channel: &Seen) -> Value {
    if let (Some(guild), Some(fields)) = (channel.guild, data.as_object_mut()) {
        fields.entry("guild_id").or_insert_with(|| json!(guild));
    }
    data
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
