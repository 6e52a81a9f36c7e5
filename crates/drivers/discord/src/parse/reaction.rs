//! Reactions.

use serde_json::Value;
use tieline_core::event::{Author, Authorship, Body, Reaction};

use crate::fields::{id, name, part, text};
use crate::missing::Own;
use crate::parse::{Listener, author};
use crate::snowflake::Snowflake;

/// Somebody reacted, or took it back. Who took it back is told by the id alone.
pub(super) fn one(
    listener: &Listener<'_>,
    data: &Value,
    added: bool,
    guild: Option<Snowflake>,
) -> Option<(Author, Option<Own>, Body)> {
    let user = id(data, "user_id")?;
    let member = part(data, "member");
    let mut who = author::of_user(listener.instance, part(member, "user"), member, guild);
    who.id = user.to_string();
    let own = (listener.me.map(|me| me.bot) == Some(user)).then_some(Own::Bot);
    if own.is_some() {
        who.kind = Authorship::BotOrOurs;
    }
    Some((who, own, Body::Reaction(Reaction { emoji: emoji(data)?, added })))
}

/// All reactions to a message were removed at once, or all with one emoji: nobody's in particular. An empty `emoji` stands
/// for all of them.
pub(super) fn all(data: &Value) -> Body {
    Body::Reaction(Reaction { emoji: emoji(data).unwrap_or_default(), added: false })
}

/// The emoji itself, or the name of one of the guild's own.
fn emoji(data: &Value) -> Option<String> {
    let emoji = part(data, "emoji");
    name(emoji, "name").or_else(|| text(emoji, "id").map(std::borrow::Cow::into_owned))
}
