//! From where on the account's history is ours, as it is kept in the outbox.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_core::driver::{CursorError, Cursors};
use tieline_core::id::{ChannelKey, InstanceId};

/// The cursor's name.
const NAME: &str = "history";
/// How much of what was taken is looked at again: the addon tells a message with a file later than what was written after
/// it, and its clock is not ours.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

/// Times are in milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    /// Since when a rule takes every chat; `None`: none ever did.
    every: Option<i64>,
    /// Since when a rule takes a chat that it names.
    chats: BTreeMap<ChannelKey, i64>,
    /// Whatever the addon told until then is on disk.
    until: Option<i64>,
}

impl Place {
    /// Reads it. What cannot be understood counts as none.
    pub(crate) async fn read(cursors: &dyn Cursors, instance: &InstanceId) -> Result<Self, CursorError> {
        let Some(kept) = cursors.get(NAME).await? else { return Ok(Self::default()) };
        Ok(serde_json::from_str(&kept).unwrap_or_else(|error| {
            tracing::warn!(
                %instance, %error,
                "The place in the WhatsApp addon's history cannot be read; what was written while tieline did not run is \
                missed"
            );
            Self::default()
        }))
    }

    /// Keeps it.
    pub(crate) async fn write(&self, cursors: &dyn Cursors) -> Result<(), CursorError> {
        cursors.set(NAME, &serde_json::to_string(self).unwrap_or_default()).await
    }

    /// Notes which chats rules name; `None`: all. Those that are new begin now. Whether any is.
    pub(crate) fn note(&mut self, named: Option<&[ChannelKey]>, now: Timestamp) -> bool {
        let now = now.as_millisecond();
        let Some(named) = named else {
            let new = self.every.is_none();
            self.every.get_or_insert(now);
            return new;
        };
        let mut new = false;
        for chat in named {
            if self.begin(chat).is_none() {
                self.chats.insert(chat.clone(), now);
                new = true;
            }
        }
        new
    }

    /// When a rule first took a chat; what is older is none of ours.
    pub(crate) fn begin(&self, chat: &ChannelKey) -> Option<Timestamp> {
        let begin = [self.every, self.chats.get(chat).copied()].into_iter().flatten().min()?;
        Timestamp::from_millisecond(begin).ok()
    }

    /// When a rule first took any chat.
    pub(crate) fn earliest(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.every.iter().chain(self.chats.values()).copied().min()?).ok()
    }

    /// From when on something of a chat that begins then may not be on disk.
    pub(crate) fn since(&self, begin: Timestamp) -> Timestamp {
        let until = self.until.and_then(|until| Timestamp::from_millisecond(until).ok());
        until.and_then(|until| until.checked_sub(OVERLAP).ok()).map_or(begin, |until| until.max(begin))
    }

    /// Whatever was told until now is on disk. Whether that is to be kept: it moves by whole minutes.
    pub(crate) fn reach(&mut self, now: Timestamp) -> bool {
        let moves = self.until.is_none_or(|until| now.as_millisecond() >= until + 60_000);
        if moves {
            self.until = Some(now.as_millisecond());
        }
        moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn chat(text: &str) -> ChannelKey {
        ChannelKey::new(text).expect("a key")
    }

    #[test]
    fn a_chat_begins_when_a_rule_first_takes_it() {
        let mut place = Place::default();
        let (one, two) = (chat("1@g.us"), chat("2@g.us"));
        assert_eq!((place.begin(&one), place.earliest()), (None, None));
        assert!(place.note(Some(std::slice::from_ref(&one)), at(100)));
        assert!(!place.note(Some(std::slice::from_ref(&one)), at(200)), "it is known");
        assert_eq!((place.begin(&one), place.begin(&two)), (Some(at(100)), None));
        assert!(place.note(None, at(300)) && !place.note(None, at(400)));
        assert_eq!((place.begin(&one), place.begin(&two)), (Some(at(100)), Some(at(300))));
        assert!(!place.note(Some(std::slice::from_ref(&two)), at(500)), "it was taken among all");
        assert_eq!((place.begin(&two), place.earliest()), (Some(at(300)), Some(at(100))));
    }

    #[test]
    fn a_little_of_what_was_taken_is_looked_at_again() {
        let mut place = Place::default();
        assert_eq!(place.since(at(5000)), at(5000));
        assert!(place.reach(at(9000)));
        assert!(!place.reach(at(9059)) && !place.reach(at(8000)));
        assert_eq!((place.since(at(5000)), place.since(at(8900))), (at(8400), at(8900)));
    }
}
