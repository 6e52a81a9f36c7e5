//! The calls that the fake understands.

use http::Method;

/// A call, whatever its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// `GET /gateway`.
    Gateway,
    /// `GET /gateway/bot`.
    GatewayBot,
    /// `GET /users/@me`.
    Me,
    /// `GET /users/@me/guilds`.
    MyGuilds,
    /// `GET /applications/@me` or `/oauth2/applications/@me`.
    Application,
    /// `GET /guilds/{guild}`.
    Guild,
    /// `GET /guilds/{guild}/channels`.
    GuildChannels,
    /// `GET /guilds/{guild}/roles`.
    GuildRoles,
    /// `GET /guilds/{guild}/members/{user}`.
    GuildMember,
    /// `GET /guilds/{guild}/members/search`.
    SearchMembers,
    /// `GET /guilds/{guild}/webhooks`.
    GuildWebhooks,
    /// `GET /guilds/{guild}/threads/active`.
    ActiveThreads,
    /// `GET /channels/{channel}`.
    Channel,
    /// `GET /channels/{channel}/messages`.
    Messages,
    /// `GET /channels/{channel}/messages/{message}`.
    Message,
    /// `POST /channels/{channel}/messages`.
    CreateMessage,
    /// `PATCH /channels/{channel}/messages/{message}`.
    EditMessage,
    /// `DELETE /channels/{channel}/messages/{message}`.
    DeleteMessage,
    /// `POST /channels/{channel}/messages/bulk-delete`.
    BulkDelete,
    /// `PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me`.
    AddReaction,
    /// `DELETE /channels/{channel}/messages/{message}/reactions/{emoji}/{user or @me}`.
    RemoveReaction,
    /// `POST /channels/{channel}/typing`.
    Typing,
    /// `GET /channels/{channel}/webhooks`.
    ChannelWebhooks,
    /// `POST /channels/{channel}/webhooks`.
    CreateWebhook,
    /// `GET /webhooks/{webhook}`.
    Webhook,
    /// `PATCH /webhooks/{webhook}`.
    ModifyWebhook,
    /// `DELETE /webhooks/{webhook}`.
    DeleteWebhook,
    /// `GET /webhooks/{webhook}/{token}`.
    WebhookByToken,
    /// `PATCH /webhooks/{webhook}/{token}`.
    ModifyWebhookByToken,
    /// `DELETE /webhooks/{webhook}/{token}`.
    DeleteWebhookByToken,
    /// `POST /webhooks/{webhook}/{token}`.
    ExecuteWebhook,
    /// `GET /webhooks/{webhook}/{token}/messages/{message}`.
    WebhookMessage,
    /// `PATCH /webhooks/{webhook}/{token}/messages/{message}`.
    EditWebhookMessage,
    /// `DELETE /webhooks/{webhook}/{token}/messages/{message}`.
    DeleteWebhookMessage,
    /// `GET` of a file from the CDN.
    Cdn,
    /// Anything else: 404.
    Unknown,
}

/// Method and path below `/api/v10/` of each call; `{}` stands for any segment.
const CALLS: [(Method, &str, Route); 35] = [
    (Method::GET, "gateway", Route::Gateway),
    (Method::GET, "gateway/bot", Route::GatewayBot),
    (Method::GET, "users/@me", Route::Me),
    (Method::GET, "users/@me/guilds", Route::MyGuilds),
    (Method::GET, "applications/@me", Route::Application),
    (Method::GET, "oauth2/applications/@me", Route::Application),
    (Method::GET, "guilds/{}", Route::Guild),
    (Method::GET, "guilds/{}/channels", Route::GuildChannels),
    (Method::GET, "guilds/{}/roles", Route::GuildRoles),
    (Method::GET, "guilds/{}/members/search", Route::SearchMembers),
    (Method::GET, "guilds/{}/members/{}", Route::GuildMember),
    (Method::GET, "guilds/{}/webhooks", Route::GuildWebhooks),
    (Method::GET, "guilds/{}/threads/active", Route::ActiveThreads),
    (Method::GET, "channels/{}", Route::Channel),
    (Method::GET, "channels/{}/messages", Route::Messages),
    (Method::GET, "channels/{}/messages/{}", Route::Message),
    (Method::POST, "channels/{}/messages", Route::CreateMessage),
    (Method::PATCH, "channels/{}/messages/{}", Route::EditMessage),
    (Method::DELETE, "channels/{}/messages/{}", Route::DeleteMessage),
    (Method::POST, "channels/{}/messages/bulk-delete", Route::BulkDelete),
    (Method::PUT, "channels/{}/messages/{}/reactions/{}/@me", Route::AddReaction),
    (Method::DELETE, "channels/{}/messages/{}/reactions/{}/{}", Route::RemoveReaction),
    (Method::POST, "channels/{}/typing", Route::Typing),
    (Method::GET, "channels/{}/webhooks", Route::ChannelWebhooks),
    (Method::POST, "channels/{}/webhooks", Route::CreateWebhook),
    (Method::GET, "webhooks/{}", Route::Webhook),
    (Method::PATCH, "webhooks/{}", Route::ModifyWebhook),
    (Method::DELETE, "webhooks/{}", Route::DeleteWebhook),
    (Method::GET, "webhooks/{}/{}", Route::WebhookByToken),
    (Method::PATCH, "webhooks/{}/{}", Route::ModifyWebhookByToken),
    (Method::DELETE, "webhooks/{}/{}", Route::DeleteWebhookByToken),
    (Method::POST, "webhooks/{}/{}", Route::ExecuteWebhook),
    (Method::GET, "webhooks/{}/{}/messages/{}", Route::WebhookMessage),
    (Method::PATCH, "webhooks/{}/{}/messages/{}", Route::EditWebhookMessage),
    (Method::DELETE, "webhooks/{}/{}/messages/{}", Route::DeleteWebhookMessage),
];

/// Where the API is.
pub(crate) const API: &str = "/api/v10/";

/// A call with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) route: Route,
    /// What stands for `{}`, decoded.
    pub(crate) parameters: Vec<String>,
}

impl Target {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let Some(path) = path.strip_prefix(API) else {
            let cdn = !path.starts_with("/api/") && matches!(*method, Method::GET | Method::HEAD);
            return Self { route: if cdn { Route::Cdn } else { Route::Unknown }, parameters: Vec::new() };
        };
        let found = CALLS.iter().filter(|(called, _, _)| called == method);
        let mut found = found.filter_map(|(_, pattern, route)| Some((*route, matched(pattern, path)?)));
        let (route, parameters) = found.next().unwrap_or((Route::Unknown, Vec::new()));
        Self { route, parameters }
    }

    /// A parameter; empty where there is none.
    pub(crate) fn parameter(&self, at: usize) -> &str {
        self.parameters.get(at).map(String::as_str).unwrap_or_default()
    }

    /// The resource that has a rate limit of its own: a channel, a guild, or a webhook with its token.
    pub(crate) fn resource(&self) -> String {
        let by_token = if self.route.is_by_webhook_token() { 2 } else { 1 };
        self.parameters.iter().take(by_token).map(String::as_str).collect::<Vec<_>>().join("/")
    }
}

impl Route {
    /// Whether a webhook's token is all that the caller needs.
    pub(crate) fn is_by_webhook_token(self) -> bool {
        matches!(
            self,
            Self::WebhookByToken
                | Self::ModifyWebhookByToken
                | Self::DeleteWebhookByToken
                | Self::ExecuteWebhook
                | Self::WebhookMessage
                | Self::EditWebhookMessage
                | Self::DeleteWebhookMessage
        )
    }

    /// Whether everybody may call.
    pub(crate) fn is_open(self) -> bool {
        self.is_by_webhook_token() || matches!(self, Self::Gateway)
    }

    /// Whether the body may hold files.
    pub(crate) fn takes_files(self) -> bool {
        matches!(self, Self::CreateMessage | Self::EditMessage | Self::ExecuteWebhook | Self::EditWebhookMessage)
    }
}

fn matched(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (patterns, segments): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let fits =
        |(pattern, segment): (&&str, &&str)| if *pattern == "{}" { !segment.is_empty() } else { pattern == segment };
    if patterns.len() != segments.len() || !patterns.iter().zip(&segments).all(fits) {
        return None;
    }
    let values = patterns.iter().zip(&segments).filter(|(pattern, _)| **pattern == "{}");
    Some(values.map(|(_, segment)| decoded(segment)).collect())
}

/// A segment of a path without its percent signs.
pub(crate) fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart() {
        let target = Target::of(&Method::PUT, "/api/v10/channels/1/messages/2/reactions/%F0%9F%94%A5/@me");
        assert_eq!((target.route, target.parameters), (Route::AddReaction, vec!["1".into(), "2".into(), "🔥".into()]));
        assert_eq!(Target::of(&Method::POST, "/api/v10/webhooks/1/abc").resource(), "1/abc");
        assert_eq!(Target::of(&Method::POST, "/api/v10/channels/1/messages").resource(), "1");
        assert_eq!(Target::of(&Method::POST, "/api/v10/channels/1/messages/").route, Route::Unknown);
        assert_eq!(Target::of(&Method::GET, "/api/v9/gateway").route, Route::Unknown);
        assert_eq!(Target::of(&Method::GET, "/embed/avatars/1.png").route, Route::Cdn);
    }
}
