//! Whom a mention calls in a room: the member with this username, or with this display name.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tieline_core::address::Address;
use tokio::time::{Instant, timeout};

use crate::dialect::in_name;
use crate::driver::RocketChatDriver;
use crate::refusal::Failure;
use crate::send_hook::room_of;

/// How long an answer is believed: who joined a room is called by name a few minutes later.
const BELIEVED: Duration = Duration::from_mins(5);
/// How long nobody is called after the server could not be asked.
const AFTER_TROUBLE: Duration = Duration::from_secs(30);
/// How long a message waits for the server to say who somebody is.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many names are remembered.
const MOST: usize = 4096;
/// How many members whose names contain what is looked for are read; the server gives no more at once.
const PAGE: &str = "100";

/// A room's id, and a name that was looked for in it.
type Looked = (String, String);

/// The names that were looked for lately.
#[derive(Debug, Default)]
pub(crate) struct Members(Mutex<HashMap<Looked, Found>>);

#[derive(Debug, Clone)]
struct Found {
    /// `None`: the name calls nobody.
    username: Option<String>,
    until: Instant,
}

impl Members {
    /// What was found; `None` if it was not looked for lately.
    fn known(&self, looked: &Looked) -> Option<Found> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(looked).filter(|found| found.until > Instant::now()).cloned()
    }

    fn learn(&self, looked: Looked, username: Option<String>, believed: Duration) {
        let now = Instant::now();
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MOST {
            found.retain(|_, found| found.until > now);
        }
        if found.len() < MOST {
            found.insert(looked, Found { username, until: now + believed });
        }
    }
}

impl RocketChatDriver {
    /// The username of the one member of a room who is called exactly so.
    pub(crate) async fn member_named(&self, target: &Address, name: &str) -> Option<String> {
        let room = room_of(target).filter(|_| self.api.login.is_possible() && !name.trim().is_empty())?;
        let looked = (room.to_string(), name.to_owned());
        if let Some(known) = self.members.known(&looked) {
            return known.username;
        }
        let outcome = match timeout(PATIENCE, self.look_for_member(room.as_str(), name)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err(format!("Rocket.Chat did not answer within {} s", PATIENCE.as_secs())),
        };
        let (username, believed) = match outcome {
            Ok(found) => (found, BELIEVED),
            Err(why) => {
                tracing::debug!(instance = %self.instance.id, %room, why, "The members of a room could not be asked for");
                (None, AFTER_TROUBLE)
            }
        };
        self.members.learn(looked, username.clone(), believed);
        username
    }

    async fn look_for_member(&self, room: &str, name: &str) -> Result<Option<String>, Failure> {
        let facts = self.rooms.enter(&self.api, room).await?;
        let Some(call) = facts.members() else { return Ok(None) };
        let query = [("roomId", room), ("filter", name), ("count", PAGE)];
        let answer = self.api.get(call, &query).await?.body;
        let members = answer.get("members").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // What is on another page may be called so, too.
        let whole = answer.get("total").and_then(Value::as_u64).is_none_or(|total| total <= members.len() as u64);
        Ok(if whole { only_one(members, name) } else { None })
    }
}

/// The username of the one who is called exactly so, by username or display name. The server's own search takes parts of
/// names, and looks elsewhere too.
fn only_one(members: &[Value], name: &str) -> Option<String> {
    let called = |member: &&Value| ["username", "name"].iter().any(|key| member.get(key) == Some(&name.into()));
    let mut called = members.iter().filter(called);
    let username = called.next()?.get("username")?.as_str()?;
    // The server reads no further than this in a mention; and two words call everybody.
    let callable = !username.is_empty() && username.chars().all(in_name) && !matches!(username, "all" | "here");
    (called.next().is_none() && callable).then(|| username.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_an_exact_and_single_name_calls() {
        let members = [
            json!({ "_id": "1", "username": "ann", "name": "Ann Smith" }),
            json!({ "_id": "2", "username": "bob", "name": "Chris" }),
            json!({ "_id": "3", "username": "chris", "name": "Chris" }),
            json!({ "_id": "4", "username": "dora", "name": "ann" }),
            json!({ "_id": "5", "username": "björn", "name": "Björn" }),
            json!({ "_id": "6", "name": "Nameless" }),
            json!({ "_id": "7", "username": "all", "name": "All" }),
        ];
        let found = |name: &str| only_one(&members, name);
        assert_eq!(found("Ann Smith").as_deref(), Some("ann"));
        assert_eq!(found("bob").as_deref(), Some("bob"));
        for nobody in ["ann", "Chris", "Ann", "smith", "Björn", "Nameless", "All", ""] {
            assert_eq!(found(nobody), None, "{nobody}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_is_believed_for_a_while() {
        let members = Members::default();
        let looked = ("R".to_owned(), "ann".to_owned());
        assert!(members.known(&looked).is_none());
        members.learn(looked.clone(), None, AFTER_TROUBLE);
        assert!(members.known(&looked).is_some_and(|found| found.username.is_none()));
        tokio::time::advance(AFTER_TROUBLE).await;
        assert!(members.known(&looked).is_none());
        members.learn(looked.clone(), Some("ann".to_owned()), BELIEVED);
        tokio::time::advance(2 * AFTER_TROUBLE).await;
        assert_eq!(members.known(&looked).and_then(|found| found.username).as_deref(), Some("ann"));
    }
}
