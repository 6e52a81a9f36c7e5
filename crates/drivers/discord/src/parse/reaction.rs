//! Reactions.

use serde_json::Value;
use tieline_core::emoji::canonical;
use tieline_core::event::{Author, Body, Reaction};

use crate::fields::{id, name, part, text};
use crate::parse::{Listener, author};
use crate::snowflake::Snowflake;

/// Somebody reacted, or took it back. Who took it back is told by the id alone.
pub(super) fn one(
    listener: &Listener<'_>,
    data: &Value,
    added: bool,
    guild: Option<Snowflake>,
) -> Option<(Author, Body)> {
    let user = id(data, "user_id")?;
    let member = part(data, "member");
    let mut who = author::of_user(listener.instance, part(member, "user"), member, guild);
    who.id = user.to_string();
    Some((who, Body::Reaction(Reaction { emoji: emoji(data)?, added })))
}

/// All reactions to a message were removed at once, or all with one emoji: nobody's in particular. An empty `emoji` stands
/// for all of them.
pub(super) fn all(data: &Value) -> Body {
    Body::Reaction(Reaction { emoji: emoji(data).unwrap_or_default(), added: false })
}

/// The emoji itself, or the name of one of the guild's own, which may be called like one of Unicode's.
fn emoji(data: &Value) -> Option<String> {
    let emoji = part(data, "emoji");
    match (name(emoji, "name"), text(emoji, "id")) {
        (Some(name), None) => Some(canonical(&name)),
        (name, id) => name.or_else(|| id.map(std::borrow::Cow::into_owned)),
    }
}
