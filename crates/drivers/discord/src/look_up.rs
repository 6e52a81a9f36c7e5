//! What is asked of REST because the gateway did not tell it: a session that goes on in a new process brings neither
//! `READY` nor `GUILD_CREATE`, and no guild tells of threads that were archived before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tieline_core::throttle::Throttle;

use crate::driver::DiscordDriver;
use crate::fields::{id, part};
use crate::me::Account;
use crate::refusal::Failure;
use crate::snowflake::Snowflake;

/// How long a question that was asked in vain rests.
const REST: Duration = Duration::from_mins(1);
/// How many such questions are remembered.
const MOST: usize = 1_000;
/// How often a question is asked that gets no answer, and how long the waits between are.
const TRIES: usize = 3;
const BETWEEN: Duration = Duration::from_millis(500);
/// How long all questions about one event may hold it up.
const PATIENCE: Duration = Duration::from_secs(20);
/// In the place of an id: who we are.
const ME: Snowflake = Snowflake(0);

/// What was asked, and when.
#[derive(Debug, Default)]
pub(crate) struct LookUps {
    asked: Mutex<HashMap<Snowflake, Timestamp>>,
    failed: Throttle,
}

impl LookUps {
    /// Whether to ask about something now; then it counts as asked.
    fn ask(&self, about: Snowflake, now: Timestamp) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = |since: &Timestamp| now.duration_since(*since).unsigned_abs() < REST;
        if asked.get(&about).is_some_and(rests) {
            return false;
        }
        if asked.len() >= MOST {
            asked.retain(|_, since| rests(since));
        }
        if asked.len() < MOST {
            asked.insert(about, now);
        }
        true
    }
}

impl DiscordDriver {
    /// Sees to it that we know who we are, and where an event happened. What cannot be found out now is asked again later;
    /// the event is taken as it stands.
    pub(crate) async fn look_up(&self, data: &Value) {
        let Some(channel) = id(data, "channel_id") else { return };
        if self.me.account().is_some() && self.directory.channel(channel).is_some() {
            return;
        }
        let asked = async {
            self.look_up_me().await;
            if let Some(guild) = id(data, "guild_id").filter(|guild| !self.directory.knows_guild(*guild)) {
                self.look_up_guild(guild).await;
            }
            self.look_up_channel(channel).await;
        };
        if tokio::time::timeout(PATIENCE, asked).await.is_err() {
            self.tell_failed(&format!("no answer within {} s", PATIENCE.as_secs()));
        }
    }

    async fn look_up_me(&self) {
        if self.me.account().is_some() || !self.may_ask(ME) {
            return;
        }
        let (Some(user), Some(application)) = (self.ask("users/@me").await, self.ask("applications/@me").await) else {
            return;
        };
        if let (Some(bot), Some(application)) = (id(&user, "id"), id(&application, "id")) {
            self.me.know(Account { bot, application });
        }
    }

    async fn look_up_guild(&self, guild: Snowflake) {
        if !self.may_ask(guild) {
            return;
        }
        let Some(channels) = self.ask(&format!("guilds/{guild}/channels")).await else { return };
        let threads = self.ask(&format!("guilds/{guild}/threads/active")).await.unwrap_or_default();
        let roles = self.ask(&format!("guilds/{guild}/roles")).await.unwrap_or_default();
        let told = json!({ "id": guild, "channels": channels, "threads": part(&threads, "threads"), "roles": roles });
        self.directory.hear("GUILD_CREATE", &told);
    }

    /// Asks about a channel that is not known.
    pub(crate) async fn look_up_channel(&self, channel: Snowflake) {
        if self.directory.channel(channel).is_some() || !self.may_ask(channel) {
            return;
        }
        if let Some(told) = self.ask(&format!("channels/{channel}")).await {
            self.directory.hear("CHANNEL_UPDATE", &told);
        }
    }

    fn may_ask(&self, about: Snowflake) -> bool {
        self.look_ups.ask(about, self.services.clock.now())
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        let mut tries = 1;
        loop {
            let failure = match self.api.get(path).await {
                Ok(answer) => return Some(answer),
                Err(failure) => failure,
            };
            if tries == TRIES || !may_pass(&failure) {
                self.tell_failed(&failure.to_string());
                return None;
            }
            tries += 1;
            tokio::time::sleep(BETWEEN).await;
        }
    }

    fn tell_failed(&self, why: &str) {
        if let Some(withheld) = self.look_ups.failed.admit(self.services.clock.now()) {
            let id = &self.instance.id;
            tracing::warn!(instance = %id, why, withheld, "Where a message of Discord was written could not be looked up");
        }
    }
}

/// Whether the same question may have an answer in a moment.
fn may_pass(failure: &Failure) -> bool {
    match failure {
        Failure::Lost { .. } => true,
        failure => failure.status().is_some_and(|status| status.is_server_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_rests_for_a_minute_and_few_are_remembered() {
        let look_ups = LookUps::default();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert!(look_ups.ask(Snowflake(1), at(0)) && !look_ups.ask(Snowflake(1), at(59)));
        assert!(look_ups.ask(Snowflake(2), at(0)) && look_ups.ask(Snowflake(1), at(60)));
        for other in 0..2 * MOST as u64 {
            look_ups.ask(Snowflake(other), at(60));
        }
        assert!(look_ups.asked.lock().unwrap().len() <= MOST);
    }
}
