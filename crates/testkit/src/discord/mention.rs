//! Who is pinged: what the text names, as far as `allowed_mentions` lets it.
//!
//! Code blocks and backslashes do not spare anybody here: Discord's documentation does not say that they do.

use serde_json::Value;

use super::message::Pinged;
use super::snowflake::Snowflake;
use super::state::State;

/// Whom a message may ping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowed {
    everyone: bool,
    users: Kind,
    roles: Kind,
    replied_user: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    All,
    Only(Vec<Snowflake>),
}

impl Kind {
    fn has(&self, id: Snowflake) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&id),
        }
    }
}

impl Allowed {
    /// What a bot or a person pings who says nothing: all.
    pub(crate) fn all() -> Self {
        Self { everyone: true, users: Kind::All, roles: Kind::All, replied_user: true }
    }

    /// What a webhook pings that says nothing: users.
    pub(crate) fn users() -> Self {
        Self { everyone: false, users: Kind::All, roles: Kind::Only(Vec::new()), replied_user: false }
    }

    /// `allowed_mentions` of a form that was found right; `default` where it says nothing.
    pub(crate) fn parse(said: &Value, default: Self) -> Self {
        let Value::Object(said) = said else { return default };
        let parsed = |what: &str| {
            said.get("parse").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == what))
        };
        let kind = |what: &str| {
            if parsed(what) {
                return Kind::All;
            }
            let ids = said.get(what).and_then(Value::as_array).into_iter().flatten();
            Kind::Only(ids.filter_map(|id| id.as_str()?.parse().ok()).collect())
        };
        let replied_user = said.get("replied_user").and_then(Value::as_bool).unwrap_or_default();
        Self { everyone: parsed("everyone"), users: kind("users"), roles: kind("roles"), replied_user }
    }
}

/// Who writes, as far as it matters for pings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) guild: Option<Snowflake>,
    /// Whether it may ping everyone, and roles that are not mentionable.
    pub(crate) may_everyone: bool,
    /// Whose message is answered.
    pub(crate) answered: Option<Snowflake>,
}

/// Who is pinged by a text.
pub(crate) fn pinged(state: &State, text: &str, allowed: &Allowed, writer: Writer) -> Pinged {
    let mut pinged = Pinged::default();
    let everyone = text.contains("@everyone") || text.contains("@here");
    pinged.everyone = everyone && allowed.everyone && writer.may_everyone && writer.guild.is_some();
    if let Some(answered) = writer.answered.filter(|id| allowed.replied_user && state.user(*id).is_some()) {
        pinged.users.push(answered);
    }
    let guild = writer.guild.and_then(|guild| state.guild(guild));
    for mention in mentions(text) {
        match mention {
            Mention::User(id) if state.user(id).is_some() && allowed.users.has(id) && !pinged.users.contains(&id) => {
                pinged.users.push(id);
            }
            Mention::Role(id) if allowed.roles.has(id) && !pinged.roles.contains(&id) => {
                let role = guild.and_then(|guild| guild.roles.iter().find(|role| role.id == id));
                if role.is_some_and(|role| role.mentionable || writer.may_everyone) {
                    pinged.roles.push(id);
                }
            }
            _ => {}
        }
    }
    pinged
}

enum Mention {
    User(Snowflake),
    Role(Snowflake),
}

/// `<@id>`, `<@!id>` and `<@&id>`.
fn mentions(text: &str) -> Vec<Mention> {
    let found = text.split("<@").skip(1).filter_map(|rest| {
        let inner = rest.split_once('>')?.0;
        if let Some(role) = inner.strip_prefix('&') {
            return role.parse().ok().map(Mention::Role);
        }
        inner.strip_prefix('!').unwrap_or(inner).parse().ok().map(Mention::User)
    });
    found.collect()
}
