//! The names of people who wrote lately.

use std::collections::HashMap;

use crate::snowflake::Snowflake;

/// How many are kept for certain; up to twice as many are.
const MOST: usize = 5_000;

/// Names by user. When there are too many, those that were not noted for longest go.
#[derive(Debug, Default)]
pub(super) struct People {
    recent: HashMap<Snowflake, Named>,
    before: HashMap<Snowflake, Named>,
}

/// What somebody is called, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The name that is shown.
    pub(crate) shown: Box<str>,
    /// The account's name; it may be empty.
    pub(crate) username: Box<str>,
    /// The guild in which that was.
    pub(crate) guild: Option<Snowflake>,
}

impl People {
    pub(super) fn get(&self, user: Snowflake) -> Option<&Named> {
        self.recent.get(&user).or_else(|| self.before.get(&user))
    }

    pub(super) fn name(&self, user: Snowflake) -> Option<&str> {
        self.get(user).map(|named| &*named.shown)
    }

    /// The only one in a guild who is called so.
    pub(super) fn called(&self, guild: Snowflake, name: &str) -> Option<Snowflake> {
        let before = self.before.iter().filter(|(user, _)| !self.recent.contains_key(user));
        let is_called =
            |named: &Named| named.guild == Some(guild) && (&*named.shown == name || &*named.username == name);
        let mut called = self.recent.iter().chain(before).filter(|(_, named)| is_called(named)).map(|(user, _)| *user);
        let one = called.next()?;
        called.next().is_none().then_some(one)
    }

    pub(super) fn note(&mut self, user: Snowflake, named: Named) {
        if self.recent.len() >= MOST && !self.recent.contains_key(&user) {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(user, named);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(shown: &str) -> Named {
        Named { shown: shown.into(), username: "u".into(), guild: Some(Snowflake(1)) }
    }

    #[test]
    fn a_name_of_two_is_nobodys_and_a_guilds_people_stay_there() {
        let mut people = People::default();
        people.note(Snowflake(1), Named { username: "ann".into(), ..named("Ann") });
        people.note(Snowflake(2), Named { username: "bob".into(), ..named("Bob") });
        people.note(Snowflake(3), Named { username: "robert".into(), ..named("Bob") });
        let called = |guild: u64, name: &str| people.called(Snowflake(guild), name);
        assert_eq!(
            (called(1, "Ann"), called(1, "ann"), called(1, "bob")),
            (Some(Snowflake(1)), Some(Snowflake(1)), Some(Snowflake(2)))
        );
        assert_eq!((called(1, "Bob"), called(2, "Ann"), called(1, "An")), (None, None, None));
    }

    #[test]
    fn the_latest_are_kept() {
        let mut people = People::default();
        for user in 0..3 * MOST as u64 {
            people.note(Snowflake(user), named(&format!("user {user}")));
        }
        assert_eq!(people.name(Snowflake(3 * MOST as u64 - 1)), Some("user 14999"));
        assert_eq!(people.name(Snowflake(0)), None);
        assert!(people.recent.len() + people.before.len() <= 2 * MOST);
        people.note(Snowflake(14_999), named("new"));
        assert_eq!(people.name(Snowflake(14_999)), Some("new"));
    }
}
