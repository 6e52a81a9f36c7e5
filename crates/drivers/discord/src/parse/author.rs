//! Who wrote a message.

use serde_json::Value;
use tieline_core::event::{Author, Authorship};

use crate::cdn;
use crate::fields::{flag, id, name, part, text};
use crate::instance::Instance;
use crate::message::Message;
use crate::missing::Own;
use crate::parse::Listener;
use crate::snowflake::Snowflake;

/// The author of a message, and whether that was us. Of a webhook's post the author is the webhook, under the name that
/// it took for this message.
pub(super) fn of_message(
    listener: &Listener<'_>,
    message: &Message<'_>,
    guild: Option<Snowflake>,
) -> (Author, Option<Own>) {
    let account = message.author();
    let mut author = of_user(listener.instance, account, part(message.raw, "member"), guild);
    let own = own(listener, message);
    author.kind = match message.webhook {
        // Another instance of ours may have posted it.
        Some(_) => Authorship::BotOrOurs,
        None if own.is_some() => Authorship::BotOrOurs,
        None if author.id.is_empty() => Authorship::PersonOrOurs,
        None if flag(account, "bot") && listener.me.is_none() => Authorship::BotOrOurs,
        None if flag(account, "bot") || flag(account, "system") => Authorship::Bot,
        None => Authorship::Person,
    };
    (author, own)
}

fn own(listener: &Listener<'_>, message: &Message<'_>) -> Option<Own> {
    if let Some(webhook) = message.webhook {
        let application = listener.me.map(|me| me.application);
        let ours = listener.webhooks.is_ours(webhook) || (application.is_some() && message.application == application);
        return ours.then_some(Own::Webhook);
    }
    let author = id(message.author(), "id");
    (author.is_some() && author == listener.me.map(|me| me.bot)).then_some(Own::Bot)
}

/// Somebody by the account, and by what they are called in the guild.
pub(super) fn of_user(instance: &Instance, account: &Value, member: &Value, guild: Option<Snowflake>) -> Author {
    let user = id(account, "id");
    Author {
        id: user.map(|user| user.to_string()).unwrap_or_default(),
        username: name(account, "username").unwrap_or_default(),
        display_name: name(member, "nick").or_else(|| name(account, "global_name")).unwrap_or_default(),
        alias: String::new(),
        avatar: user.map(|user| picture(instance, user, account, member, guild)).unwrap_or_default(),
        kind: Authorship::default(),
    }
}

fn picture(instance: &Instance, user: Snowflake, account: &Value, member: &Value, guild: Option<Snowflake>) -> String {
    let in_guild = guild.and_then(|guild| cdn::member_avatar(instance, guild, user, &text(member, "avatar")?));
    in_guild
        .or_else(|| cdn::avatar(instance, user, &text(account, "avatar")?))
        .unwrap_or_else(|| cdn::default_avatar(instance, user))
}
