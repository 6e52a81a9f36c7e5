//! What a room said while nobody listened: `chat.syncMessages`.
//!
//! It tells all that changed since a time in one answer, however long; or, newer servers, in pages. A short gap is asked
//! for in one call. A long one, and one whose answer is too large, in pages.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::sleep;

use super::memory::millis;
use super::news::written;
use crate::driver::RocketChatDriver;
use crate::refusal::Failure;

/// So many tries to fetch what one room said.
const TRIES: u32 = 3;
/// Pages are asked for where the gap is longer than this, in milliseconds.
const LONG: i64 = 15 * 60 * 1000;
/// How many messages a page holds.
const PAGE: &str = "100";
/// A time after all that a server has stored, in milliseconds since 1970: the year 9999.
const FAR: &str = "253370764800000";

/// The call.
const CALL: &str = "chat.syncMessages";

/// Why it cannot be had.
#[derive(Debug)]
pub(crate) enum Unheard {
    /// Nobody could say, and somebody may later.
    Later(String),
    /// The server refuses for good.
    Never(Failure),
}

/// Something that changed in a room since a time.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    /// Messages that were posted or changed.
    pub(crate) messages: Vec<Value>,
    /// The ids of those that are gone.
    pub(crate) deleted: Vec<String>,
}

/// The next call. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// All in one.
    Whole,
    /// A page of what changed after this time.
    Updated(i64),
    /// A page of what was deleted after this time.
    Deleted(i64),
    Nothing,
}

/// A question, answer by answer.
pub(crate) struct Pages<'d> {
    driver: &'d RocketChatDriver,
    room: &'d str,
    since: i64,
    next: Next,
    /// Whether the server is known to have pages, or to have none.
    paged: Option<bool>,
}

impl<'d> Pages<'d> {
    /// What changed in a room since a time, in milliseconds since 1970. `unheard`: for how long nobody listened, in
    /// milliseconds.
    pub(crate) fn new(driver: &'d RocketChatDriver, room: &'d str, since: i64, unheard: i64) -> Self {
        let next = if unheard > LONG { Next::Updated(since.max(1)) } else { Next::Whole };
        Self { driver, room, since, next, paged: None }
    }

    /// The next answer; `None`: that was all.
    pub(crate) async fn next(&mut self) -> Result<Option<Missed>, Unheard> {
        loop {
            let answer = match self.next {
                Next::Nothing => return Ok(None),
                Next::Whole => {
                    let since = written(Timestamp::from_millisecond(self.since).unwrap_or_default());
                    self.driver.asked(&[("roomId", self.room), ("lastUpdate", &since)]).await
                }
                Next::Updated(after) => self.page("UPDATED", after).await,
                Next::Deleted(after) => self.page("DELETED", after).await,
            };
            let result = match (answer, self.next) {
                (Ok(result), _) => result,
                // An answer that is too large comes in pages, if the server has any.
                (Err(Unheard::Never(Failure::Unusable { .. })), Next::Whole) if self.paged.is_none() => {
                    self.next = Next::Updated(self.since.max(1));
                    continue;
                }
                (Err(Unheard::Never(_)), Next::Updated(_)) if self.paged.is_none() => {
                    self.paged = Some(false);
                    self.next = Next::Whole;
                    continue;
                }
                (Err(unheard), _) => return Err(unheard),
            };
            self.turn(&result);
            return Ok(Some(Missed::read(&result)));
        }
    }

    async fn page(&self, kind: &str, after: i64) -> Result<Value, Unheard> {
        let after = after.to_string();
        self.driver.asked(&[("roomId", self.room), ("type", kind), ("next", &after), ("count", PAGE)]).await
    }

    /// Goes on behind an answer.
    fn turn(&mut self, result: &Value) {
        let behind = result["cursor"]["next"].as_str().and_then(|next| next.parse::<i64>().ok());
        // A page ends between two changes, which may have happened in the same millisecond.
        let on = |after: i64| behind.map(|next| if next - 1 > after { next - 1 } else { next });
        self.next = match self.next {
            Next::Updated(after) => {
                self.paged = Some(true);
                on(after).map_or(Next::Deleted(self.since.max(1)), Next::Updated)
            }
            Next::Deleted(after) => on(after).map_or(Next::Nothing, Next::Deleted),
            Next::Whole | Next::Nothing => Next::Nothing,
        };
    }
}

impl RocketChatDriver {
    /// When anything in a room changed last, in milliseconds since 1970; 0: there is nothing.
    pub(crate) async fn latest(&self, room: &str) -> Result<i64, Unheard> {
        let result = self.asked(&[("roomId", room), ("type", "UPDATED"), ("previous", FAR), ("count", "1")]).await?;
        Ok(millis(&result["updated"][0]["_updatedAt"]).unwrap_or(0))
    }

    async fn asked(&self, query: &[(&str, &str)]) -> Result<Value, Unheard> {
        let mut tries = 0;
        loop {
            let failure = match self.api.get(CALL, query).await {
                Ok(mut answer) => return Ok(answer.body["result"].take()),
                Err(failure) => failure,
            };
            tries += 1;
            match &failure {
                Failure::Refused(refusal) if refusal.until.is_some() => {
                    let until = refusal.until.unwrap_or_default();
                    let wait = Duration::try_from(until.duration_since(self.services.clock.now())).unwrap_or_default();
                    sleep(wait.max(Duration::from_millis(10))).await;
                }
                Failure::Refused(refusal) if refusal.status.is_client_error() && !refusal.is_login() => {
                    return Err(Unheard::Never(failure));
                }
                Failure::Unusable { .. } => return Err(Unheard::Never(failure)),
                _ if tries >= TRIES => return Err(Unheard::Later(failure.to_string())),
                _ => sleep(Duration::from_secs(1)).await,
            }
        }
    }
}

impl Missed {
    fn read(result: &Value) -> Self {
        let messages = result["updated"].as_array().cloned().unwrap_or_default();
        let deleted = result["deleted"].as_array().into_iter().flatten();
        let deleted = deleted.filter_map(|gone| gone["_id"].as_str()).map(str::to_owned).collect();
        Self { messages, deleted }
    }
}
