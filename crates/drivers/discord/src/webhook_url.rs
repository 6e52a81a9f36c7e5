//! A webhook's URL as a rule names it, and which parts of it are secret.

use tieline_core::secret::Secret;
use url::Url;

use crate::snowflake::Snowflake;

/// The hosts under which Discord shows URLs of its own: today's, the one before, and those of its test versions.
const HOSTS: [&str; 4] = ["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"];

/// A webhook: `…/webhooks/ID/TOKEN`, perhaps with `?thread_id=ID` behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookUrl {
    /// The webhook's id. It marks every message that the webhook posts, and is no secret.
    pub(crate) id: Snowflake,
    /// Whoever knows it can post.
    pub(crate) token: Secret,
    /// The thread that it posts into; else it posts into its own channel.
    pub(crate) thread: Option<Snowflake>,
}

impl WebhookUrl {
    /// Understands a webhook's URL. It must lead to `api`, or to Discord itself if `api` does. The error says what is wrong
    /// without showing it.
    pub(crate) fn parse(text: &str, api: &Url) -> Result<Self, String> {
        let shape = "a webhook's URL looks like https://discord.com/api/webhooks/ID/TOKEN; Discord shows it under Edit \
            Channel → Integrations → Webhooks → Copy Webhook URL";
        let wrong = |why: &str| format!("{why}; {shape}");
        let url = Url::parse(text).map_err(|error| wrong(&format!("it is not a URL ({error})")))?;
        if url.origin() != api.origin() && !(is_discord(&url) && is_discord(api)) {
            return Err(wrong("it leads to another server than `api_url`"));
        }
        let (_, webhook) = url.path().split_once("/webhooks/").ok_or_else(|| wrong("`/webhooks/` is not in it"))?;
        let pieces: Vec<&str> = webhook.trim_end_matches('/').split('/').collect();
        let (id, token) = match pieces.as_slice() {
            [id, token] => (Snowflake::parse(id), *token),
            [_, _, "slack" | "github"] => {
                return Err(wrong("it must end behind the token, without `/slack` or `/github`"));
            }
            _ => (None, ""),
        };
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let (Some(id), true) = (id, !token.is_empty() && token.bytes().all(sound)) else {
            return Err(wrong("behind `/webhooks/` an id of digits and a token must stand"));
        };
        let mut thread = None;
        for (key, value) in url.query_pairs() {
            match &*key {
                "thread_id" => {
                    let id = Snowflake::parse(&value).ok_or_else(|| wrong("`thread_id` must be an id of digits"))?;
                    thread = Some(id);
                }
                // Every send waits for the answer, whatever is asked for here.
                "wait" => {}
                _ => return Err(wrong("behind `?` only thread_id=ID may stand")),
            }
        }
        Ok(Self { id, token: Secret::new(token), thread })
    }

    /// What the channel is called that it posts into, where nobody states its id.
    pub(crate) fn channel(&self) -> String {
        match self.thread {
            Some(thread) => format!("webhook:{}/{thread}", self.id),
            None => format!("webhook:{}", self.id),
        }
    }
}

/// Whether a URL leads to Discord itself.
pub(crate) fn is_discord(url: &Url) -> bool {
    url.scheme() == "https" && url.host_str().is_some_and(|host| HOSTS.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::API;

    fn parse(text: &str, api: &str) -> Result<WebhookUrl, String> {
        WebhookUrl::parse(text, &Url::parse(api).expect("a URL"))
    }

    #[test]
    fn every_form_that_discord_shows_is_understood() {
        for host in HOSTS {
            for path in ["api/webhooks", "api/v10/webhooks"] {
                let webhook = parse(&format!("https://{host}/{path}/12/t0-k_en"), API).expect(host);
                assert_eq!((webhook.id, webhook.thread), (Snowflake(12), None));
                assert_eq!(webhook.token, Secret::new("t0-k_en"));
                assert_eq!(webhook.channel(), "webhook:12");
                assert!(!format!("{webhook:?}").contains("t0-k"));
            }
        }
        let threaded = parse("https://discord.com/api/webhooks/12/t?thread_id=34&wait=true", API).expect("sound");
        assert_eq!(threaded.channel(), "webhook:12/34");
    }

    #[test]
    fn a_compatible_server_has_its_own_webhooks_and_not_discords() {
        let own = "http://127.0.0.1:8080/api/v10";
        assert!(parse("http://127.0.0.1:8080/api/webhooks/1/t", own).is_ok());
        for other in ["http://127.0.0.1:8081/api/webhooks/1/t", "https://discord.com/api/webhooks/1/t"] {
            assert!(parse(other, own).expect_err(other).contains("another server"), "{other}");
        }
        assert!(parse("http://127.0.0.1:8080/api/webhooks/1/t", API).is_err());
    }

    #[test]
    fn others_are_refused_without_being_shown() {
        for text in [
            "t0ken",
            "http://discord.com/api/webhooks/1/t0ken",
            "https://discord.com.evil.example/api/webhooks/1/t0ken",
            "https://discord.com/api/hooks/1/t0ken",
            "https://discord.com/api/webhooks/t0ken",
            "https://discord.com/api/webhooks/x/t0ken",
            "https://discord.com/api/webhooks/1/t0ken/slack",
            "https://discord.com/api/webhooks/1/t0ken/messages/1",
            "https://discord.com/api/webhooks/1/t0%20ken",
            "https://discord.com/api/webhooks/1/t0ken?thread_id=x",
            "https://discord.com/api/webhooks/1/t0ken?avatar=x",
        ] {
            let why = parse(text, API).expect_err(text);
            assert!(why.contains("/webhooks/ID/TOKEN") && !why.contains("t0"), "{why}");
        }
    }
}
