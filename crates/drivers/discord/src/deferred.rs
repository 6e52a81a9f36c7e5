//! Answers of bots that were announced before they say something (flag LOADING): their text comes as a change.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::snowflake::Snowflake;

/// How many are waited for. A bot has a quarter of an hour for its text.
const MOST: usize = 1_000;

/// The answers whose text is still to come.
#[derive(Debug, Default)]
pub(crate) struct Deferred(Mutex<VecDeque<Snowflake>>);

impl Deferred {
    /// An answer was announced.
    pub(crate) fn note(&self, message: Snowflake) {
        let mut waiting = self.waiting();
        if !waiting.contains(&message) {
            waiting.push_back(message);
        }
        if waiting.len() > MOST {
            waiting.pop_front();
        }
    }

    /// Whether this one was only announced so far.
    pub(crate) fn contains(&self, message: Snowflake) -> bool {
        self.waiting().contains(&message)
    }

    /// It has said something, or is gone.
    pub(crate) fn settle(&self, message: Snowflake) {
        self.waiting().retain(|waiting| *waiting != message);
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Snowflake>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_waited_for() {
        let deferred = Deferred::default();
        for message in 0..=MOST as u64 {
            deferred.note(Snowflake(message));
            deferred.note(Snowflake(message));
        }
        assert!(!deferred.contains(Snowflake(0)) && deferred.contains(Snowflake(1)));
        deferred.settle(Snowflake(1));
        assert!(!deferred.contains(Snowflake(1)));
    }
}
