//! What a room said while nobody listened: `chat.syncMessages`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::sleep;

use super::memory::millis;
use crate::driver::RocketChatDriver;
use crate::refusal::Failure;

/// So many tries to fetch what one room said.
const TRIES: u32 = 3;

/// What changed in a room since a time.
#[derive(Debug, Default)]
pub(crate) struct Missed {
    /// Messages that were posted or changed, in the order in which they were posted.
    pub(crate) messages: Vec<Value>,
    /// The ids of those that are gone.
    pub(crate) deleted: Vec<String>,
}

impl RocketChatDriver {
    /// Asks what changed in a room since a time, in milliseconds since 1970. `Err`: nobody could say, and somebody may
    /// later. What the server refuses for good is told to the operator, and is nothing.
    pub(crate) async fn missed(&self, room: &str, since: i64) -> Result<Missed, String> {
        let since = Timestamp::from_millisecond(since).unwrap_or_default();
        let since = since.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let mut tries = 0;
        loop {
            let failure = match self.api.get("chat.syncMessages", &[("roomId", room), ("lastUpdate", &since)]).await {
                Ok(answer) => return Ok(Missed::read(&answer.body["result"])),
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
                    return Ok(self.not_told(room, &failure));
                }
                Failure::Unusable { .. } => return Ok(self.not_told(room, &failure)),
                _ if tries >= TRIES => return Err(failure.to_string()),
                _ => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    fn not_told(&self, room: &str, failure: &Failure) -> Missed {
        tracing::warn!(
            instance = %self.instance.id, room, %failure,
            "Rocket.Chat does not tell what was written in a room while nobody listened; it is missed"
        );
        Missed::default()
    }
}

impl Missed {
    fn read(result: &Value) -> Self {
        let mut messages = result["updated"].as_array().cloned().unwrap_or_default();
        messages.sort_by_key(|message| millis(&message["ts"]));
        let deleted = result["deleted"].as_array().into_iter().flatten();
        let deleted = deleted.filter_map(|gone| gone["_id"].as_str()).map(str::to_owned).collect();
        Self { messages, deleted }
    }
}
