//! Which calls share a limit.

use http::Method;

/// A call as its limits see it: what is called, and the channel, guild or webhook that it is about. No token is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    /// The method, and the path with `{}` for what differs from call to call: `GET channels/{}/messages/{}`.
    pub(crate) pattern: String,
    /// The resource that is counted apart, `channels/123`; empty if the call is about none.
    pub(crate) resource: String,
}

impl Route {
    /// The route of a path below the API's URL, with or without a query.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let kind = segments.first().copied().unwrap_or_default();
        let resource = match segments.get(1) {
            Some(id) if matches!(kind, "channels" | "guilds" | "webhooks") => format!("{kind}/{id}"),
            _ => String::new(),
        };
        let mut pattern = method.to_string();
        for (index, segment) in segments.iter().enumerate() {
            let is_token = kind == "webhooks" && index == 2;
            let is_emoji = index > 0 && segments[index - 1] == "reactions";
            let differs = is_token || is_emoji || segment.bytes().all(|byte| byte.is_ascii_digit());
            pattern.push(if index == 0 { ' ' } else { '/' });
            pattern.push_str(if differs { "{}" } else { segment });
        }
        Self { pattern, resource }
    }

    /// What it is about, for people: the resource, else the call itself.
    pub(crate) fn about(&self) -> &str {
        if self.resource.is_empty() { &self.pattern } else { &self.resource }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_call_to_call_is_left_out() {
        let route = |method: Method, path: &str| {
            let Route { pattern, resource } = Route::of(&method, path);
            (pattern, resource)
        };
        let pair = |pattern: &str, resource: &str| (pattern.to_owned(), resource.to_owned());
        assert_eq!(route(Method::POST, "channels/12/messages?x=1"), pair("POST channels/{}/messages", "channels/12"));
        assert_eq!(route(Method::POST, "webhooks/34/t0k-en?wait=true"), pair("POST webhooks/{}/{}", "webhooks/34"));
        assert_eq!(
            route(Method::PATCH, "webhooks/34/t/messages/5"),
            pair("PATCH webhooks/{}/{}/messages/{}", "webhooks/34")
        );
        assert_eq!(
            route(Method::PUT, "channels/1/messages/2/reactions/%F0%9F%94%A5/@me"),
            pair("PUT channels/{}/messages/{}/reactions/{}/@me", "channels/1")
        );
        assert_eq!(route(Method::GET, "gateway/bot"), pair("GET gateway/bot", ""));
        assert_eq!(route(Method::GET, "users/@me"), pair("GET users/@me", ""));
    }

    #[test]
    fn a_call_about_nothing_is_named_itself() {
        assert_eq!(Route::of(&Method::GET, "channels/1/messages").about(), "channels/1");
        assert_eq!(Route::of(&Method::GET, "gateway/bot").about(), "GET gateway/bot");
    }
}
