//! Webhooks as a test holds them.

use serde_json::json;

use super::inside::Inside;
use super::server::FakeDiscord;
use super::snowflake::Snowflake;
use super::state::{State, WebhookState};
use super::world::Bot;

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id: the author of what it posts.
    pub id: Snowflake,
    /// The channel that it posts into.
    pub channel: Snowflake,
    /// Its name.
    pub name: String,
    /// Its token.
    pub token: String,
    /// Its URL, with the token.
    pub url: String,
    /// The application that made it; `None`: a person did.
    pub application: Option<Snowflake>,
}

/// What a new webhook is.
pub(crate) struct NewWebhook<'a> {
    pub(crate) kind: u64,
    pub(crate) channel: Snowflake,
    pub(crate) name: &'a str,
    pub(crate) avatar: Option<String>,
    pub(crate) user: Snowflake,
    pub(crate) application: Option<Snowflake>,
}

impl Inside {
    /// Makes a webhook.
    pub(crate) fn new_webhook(&self, state: &mut State, new: NewWebhook<'_>) -> WebhookState {
        let webhook = WebhookState {
            id: state.new_id(self.now()),
            kind: new.kind,
            guild: state.channel(new.channel).and_then(|channel| channel.guild),
            channel: new.channel,
            name: new.name.to_owned(),
            avatar: new.avatar,
            token: self.new_token(),
            user: new.user,
            application: new.application,
        };
        state.webhooks.push(webhook.clone());
        webhook
    }

    fn held(&self, webhook: WebhookState) -> Webhook {
        let WebhookState { id, channel, name, token, application, .. } = webhook;
        let url = format!("{}/api/v10/webhooks/{id}/{token}", self.links.origin);
        Webhook { id, channel, name, token, url, application }
    }
}

impl FakeDiscord {
    /// A person makes a webhook in a channel.
    pub fn add_webhook(&self, channel: Snowflake, person: Snowflake, name: &str) -> Webhook {
        self.new_webhook(NewWebhook { kind: 1, channel, name, avatar: None, user: person, application: None })
    }

    /// A bot made a webhook in a channel; it belongs to the bot's application.
    pub fn add_webhook_of(&self, channel: Snowflake, bot: &Bot, name: &str) -> Webhook {
        let application = Some(bot.application);
        self.new_webhook(NewWebhook { kind: 1, channel, name, avatar: None, user: bot.user, application })
    }

    /// A person lets a channel follow another one: a webhook of type 2, which nobody can use.
    pub fn add_follower(&self, channel: Snowflake, person: Snowflake, name: &str) -> Webhook {
        self.new_webhook(NewWebhook { kind: 2, channel, name, avatar: None, user: person, application: None })
    }

    fn new_webhook(&self, new: NewWebhook<'_>) -> Webhook {
        let webhook = self.inside.act(|state, events| {
            let webhook = self.inside.new_webhook(state, new);
            events.tell_webhooks(state, webhook.channel);
            webhook
        });
        self.inside.held(webhook)
    }

    /// Somebody deletes a webhook in the settings.
    pub fn delete_webhook(&self, id: Snowflake) {
        self.inside.act(|state, events| {
            let channel = state.webhooks.iter().find(|webhook| webhook.id == id).map(|webhook| webhook.channel);
            state.webhooks.retain(|webhook| webhook.id != id);
            if let Some(channel) = channel {
                events.tell_webhooks(state, channel);
            }
        });
    }

    /// The webhooks of a channel, in the order in which they were made.
    pub fn webhooks(&self, channel: Snowflake) -> Vec<Webhook> {
        let state = self.inside.state();
        let there = state.webhooks.iter().filter(|webhook| webhook.channel == channel);
        there.cloned().map(|webhook| self.inside.held(webhook)).collect()
    }
}

/// Whether a name is not allowed for a webhook: the code and text of what is wrong.
pub(crate) fn refused_name(name: &str) -> Option<(&'static str, String)> {
    let lower = name.to_lowercase();
    let length = name.trim().chars().count();
    if !(1..=80).contains(&length) {
        return Some(("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length.".to_owned()));
    }
    if let Some(barred) = ["clyde", "discord"].into_iter().find(|barred| lower.contains(barred)) {
        return Some(("USERNAME_INVALID_CONTAINS", format!("Username cannot contain \"{barred}\"")));
    }
    let exact = ["everyone", "here"].contains(&name.trim());
    exact.then(|| ("USERNAME_INVALID", format!("Username cannot be {}", json!(name.trim()))))
}

#[cfg(test)]
mod tests {
    use super::refused_name;

    #[test]
    fn names_are_refused_as_discord_refuses_them() {
        let long = "ä".repeat(81);
        let refused = [
            ("", "BASE_TYPE_BAD_LENGTH"),
            ("  ", "BASE_TYPE_BAD_LENGTH"),
            (long.as_str(), "BASE_TYPE_BAD_LENGTH"),
            ("My Discord Bot", "USERNAME_INVALID_CONTAINS"),
            ("cLyDe", "USERNAME_INVALID_CONTAINS"),
            ("everyone", "USERNAME_INVALID"),
            ("here", "USERNAME_INVALID"),
        ];
        for (name, code) in refused {
            assert_eq!(refused_name(name).map(|(code, _)| code), Some(code), "{name}");
        }
        for name in [&*"ä".repeat(80), "x", "Disc ord", "everyone here", "Ann: @home #1"] {
            assert_eq!(refused_name(name), None, "{name}");
        }
    }
}
