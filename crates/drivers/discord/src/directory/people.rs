//! The names of people who wrote lately.

use std::collections::HashMap;

use crate::snowflake::Snowflake;

/// How many are kept for certain; up to twice as many are.
const MOST: usize = 5_000;

/// Names by user. When there are too many, those that were not noted for longest go.
#[derive(Debug, Default)]
pub(super) struct People {
    recent: HashMap<Snowflake, Box<str>>,
    before: HashMap<Snowflake, Box<str>>,
}

impl People {
    pub(super) fn name(&self, user: Snowflake) -> Option<&str> {
        self.recent.get(&user).or_else(|| self.before.get(&user)).map(|name| &**name)
    }

    pub(super) fn note(&mut self, user: Snowflake, name: &str) {
        if self.recent.len() >= MOST && !self.recent.contains_key(&user) {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(user, name.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept() {
        let mut people = People::default();
        for user in 0..3 * MOST as u64 {
            people.note(Snowflake(user), &format!("user {user}"));
        }
        assert_eq!(people.name(Snowflake(3 * MOST as u64 - 1)), Some("user 14999"));
        assert_eq!(people.name(Snowflake(0)), None);
        assert!(people.recent.len() + people.before.len() <= 2 * MOST);
        people.note(Snowflake(14_999), "new");
        assert_eq!(people.name(Snowflake(14_999)), Some("new"));
    }
}
