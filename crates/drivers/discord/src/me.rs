//! Who we are on Discord.

use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use crate::fields::{id, part};
use crate::snowflake::Snowflake;

/// The bot's account, once it is known: READY names it, and after a session that went on in a new process REST does.
#[derive(Debug, Default)]
pub(crate) struct Me(RwLock<Option<Account>>);

/// The two ids of a bot; they may be one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    /// The user that posts.
    pub(crate) bot: Snowflake,
    /// The application, which owns webhooks.
    pub(crate) application: Snowflake,
}

impl Me {
    /// Who we are, if that is known.
    pub(crate) fn account(&self) -> Option<Account> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns it from READY: `user.id` and `application.id`. Without the latter the former has to do.
    pub(crate) fn hear_ready(&self, ready: &Value) {
        if let Some(bot) = id(part(ready, "user"), "id") {
            self.know(Account { bot, application: id(part(ready, "application"), "id").unwrap_or(bot) });
        }
    }

    /// Keeps who we are.
    pub(crate) fn know(&self, account: Account) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ready_says_who_we_are() {
        let me = Me::default();
        me.hear_ready(&json!({ "user": null }));
        assert_eq!(me.account(), None);
        me.hear_ready(&json!({ "user": { "id": "5" }, "application": { "id": 6, "flags": 0 } }));
        assert_eq!(me.account(), Some(Account { bot: Snowflake(5), application: Snowflake(6) }));
        me.hear_ready(&json!({ "user": { "id": "5" } }));
        assert_eq!(me.account(), Some(Account { bot: Snowflake(5), application: Snowflake(5) }));
    }
}
