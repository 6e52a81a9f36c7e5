//! Whether the server lets the bot show other names than its own.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// How long a refusal is believed before the name is shown as an alias again: somebody may have given the role since.
const BELIEVED: SignedDuration = SignedDuration::from_mins(10);

/// What the server last said about it.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    /// Since when it refuses; kept after the belief has run out, so that people are warned once.
    refused: Mutex<Option<Timestamp>>,
}

impl Mask {
    /// Whether it is worth a try.
    pub(crate) fn may_be_worn(&self, now: Timestamp) -> bool {
        self.refused().is_none_or(|since| now.duration_since(since) >= BELIEVED)
    }

    /// Notes a refusal. Returns whether it is the first.
    pub(crate) fn refuse(&self, now: Timestamp) -> bool {
        self.refused().replace(now).is_none()
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<Timestamp>> {
        self.refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_believed_for_a_while_and_told_once() {
        let mask = Mask::default();
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        assert!(mask.may_be_worn(at(0)));
        assert!(mask.refuse(at(0)));
        assert!(!mask.may_be_worn(at(9)));
        assert!(mask.may_be_worn(at(10)));
        assert!(!mask.refuse(at(10)), "people were warned before");
        assert!(!mask.may_be_worn(at(19)));
    }
}
