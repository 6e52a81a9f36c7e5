//! Which account a name calls: that of exactly one member of the server who is called so.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tieline_core::address::Address;
use tokio::time::{Instant, timeout};
use url::form_urlencoded::byte_serialize;

use crate::driver::DiscordDriver;
use crate::fields::{id, name, part};
use crate::place::channel_of;
use crate::snowflake::Snowflake;

/// How long an answer counts.
const FRESH: Duration = Duration::from_mins(10);
/// How long a question rests that Discord did not answer.
const REST: Duration = Duration::from_mins(1);
/// How many names are remembered.
const MOST: usize = 1_000;
/// How long a message may wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many members whose names begin so are asked for; with more of them nobody knows who is meant.
const PAGE: usize = 100;
/// The longest name, in characters (D/resources/user).
const LONGEST: usize = 32;

/// What Discord answered lately.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<HashMap<(Snowflake, String), Answer>>);

#[derive(Debug, Clone, Copy)]
struct Answer {
    account: Option<Snowflake>,
    until: Instant,
}

impl Accounts {
    fn get(&self, asked: &(Snowflake, String)) -> Option<Answer> {
        self.answers().get(asked).filter(|answer| answer.until > Instant::now()).copied()
    }

    fn keep(&self, asked: (Snowflake, String), account: Option<Snowflake>, fresh: Duration) {
        let mut answers = self.answers();
        if answers.len() >= MOST {
            let now = Instant::now();
            answers.retain(|_, answer| answer.until > now);
        }
        if answers.len() < MOST {
            answers.insert(asked, Answer { account, until: Instant::now() + fresh });
        }
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<(Snowflake, String), Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiscordDriver {
    /// The account of the only member of the target's server who is called so, if persons may be called at all.
    pub(crate) async fn find_account(&self, target: &Address, name: &str) -> Option<Snowflake> {
        if !self.instance.mentions.users || self.instance.bot_token.is_none() || !is_name(name) {
            return None;
        }
        let asked = async {
            let guild = self.guild_of(channel_of(target)?, target).await?;
            if let Some(account) = self.directory.member_called(guild, name) {
                return Some(account);
            }
            self.ask_for_account(guild, name).await
        };
        timeout(PATIENCE, asked).await.ok().flatten()
    }

    async fn ask_for_account(&self, guild: Snowflake, called: &str) -> Option<Snowflake> {
        let asked = (guild, called.to_owned());
        if let Some(answer) = self.accounts.get(&asked) {
            return answer.account;
        }
        // Kept before the answer is here, so that a slow one holds up one message only.
        self.accounts.keep(asked.clone(), None, REST);
        let query: String = byte_serialize(called.as_bytes()).collect();
        let path = format!("guilds/{guild}/members/search?query={query}&limit={PAGE}");
        match self.api.get(&path).await {
            Ok(found) => {
                let account = only_one_called(called, found.as_array().map_or(&[], Vec::as_slice));
                self.accounts.keep(asked, account, FRESH);
                account
            }
            Err(failure) => {
                tracing::debug!(instance = %self.instance.id, %failure, "Who is mentioned cannot be asked for");
                None
            }
        }
    }
}

/// The one member who is called so.
fn only_one_called(called: &str, members: &[Value]) -> Option<Snowflake> {
    // There may be more of them behind the end of a full page.
    if members.len() >= PAGE {
        return None;
    }
    let is_called = |member: &&Value| {
        let user = part(member, "user");
        [name(member, "nick"), name(user, "global_name"), name(user, "username")]
            .iter()
            .flatten()
            .any(|own| own == called)
    };
    let mut accounts: Vec<Snowflake> =
        members.iter().filter(is_called).filter_map(|member| id(part(member, "user"), "id")).collect();
    accounts.dedup();
    if let [account] = accounts[..] { Some(account) } else { None }
}

/// Whether anybody can be called so.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= LONGEST && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn member(id: u64, nick: Option<&str>, shown: Option<&str>, username: &str) -> Value {
        json!({ "nick": nick, "user": { "id": id.to_string(), "global_name": shown, "username": username } })
    }

    #[test]
    fn a_name_calls_only_one_and_only_who_is_called_exactly_so() {
        let members = [
            member(1, Some("Ann"), Some("Ann S."), "ann.smith"),
            member(2, None, Some("Annette"), "ann"),
            member(3, None, Some("Bob"), "bob"),
            member(4, Some("Bob"), None, "robert"),
        ];
        let called = |name: &str| only_one_called(name, &members);
        for (name, account) in [("Ann", 1), ("Ann S.", 1), ("ann.smith", 1), ("ann", 2), ("Annette", 2), ("bob", 3)] {
            assert_eq!(called(name), Some(Snowflake(account)), "{name}");
        }
        assert_eq!([called("Bob"), called("An"), called("ANN")], [None; 3], "two are called so, or nobody");
        assert_eq!(only_one_called("Ann", &vec![members[0].clone(); PAGE]), None, "there may be more");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_kept_for_a_while_and_few_of_them() {
        let accounts = Accounts::default();
        let asked = |name: String| (Snowflake(1), name);
        accounts.keep(asked("Ann".to_owned()), Some(Snowflake(7)), FRESH);
        assert_eq!(accounts.get(&asked("Ann".to_owned())).expect("fresh").account, Some(Snowflake(7)));
        tokio::time::advance(FRESH).await;
        assert!(accounts.get(&asked("Ann".to_owned())).is_none());
        for n in 0..2 * MOST {
            accounts.keep(asked(n.to_string()), None, FRESH);
        }
        assert!(accounts.answers().len() <= MOST);
    }
}
