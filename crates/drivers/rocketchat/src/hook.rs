//! The Incoming Webhook's URL, and which parts of it are secret.

use tieline_core::secret::Secret;
use url::Url;

/// An Incoming Webhook: `{server}/hooks/{integration id}/{token}`, on older servers with a user id in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    /// The whole URL.
    pub(crate) url: Secret,
    /// The integration's id. It marks every message that the hook posts, and is no secret.
    pub(crate) integration: String,
    token: Secret,
    /// The server's base URL.
    pub(crate) server: Url,
}

impl Hook {
    /// Understands a hook's URL. The error says what is wrong without showing it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let shape = "an Incoming Webhook's URL looks like https://chat.example.com/hooks/ID/TOKEN";
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error}); {shape}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!("it must begin with http:// or https:// and name a host; {shape}"));
        }
        let (base, hook) =
            url.path().split_once("/hooks/").ok_or_else(|| format!("`/hooks/` is not in it; {shape}"))?;
        let pieces: Vec<&str> = hook.trim_end_matches('/').split('/').collect();
        let (integration, token) = match pieces.as_slice() {
            [integration, token] | [integration, _, token] if !integration.is_empty() && !token.is_empty() => {
                ((*integration).to_owned(), Secret::new(*token))
            }
            _ => return Err(format!("behind `/hooks/` an id and a token must stand; {shape}")),
        };
        let mut server = url.clone();
        server.set_path(base);
        server.set_query(None);
        server.set_fragment(None);
        Ok(Self { url: Secret::new(url.as_str()), integration, token, server })
    }

    /// What must not be shown: the token, and with it the URL.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        vec![self.token.clone()]
    }

    /// The name of the hook as a channel, for those who name no channel or another one than the hook's own.
    pub(crate) fn channel(&self, overridden: Option<&str>) -> String {
        match overridden {
            Some(channel) => format!("hook:{}/{channel}", self.integration),
            None => format!("hook:{}", self.integration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_understood() {
        let hook = Hook::parse("https://chat.example.com/sub/hooks/abc/t0ken").expect("sound");
        assert_eq!((hook.integration.as_str(), hook.server.as_str()), ("abc", "https://chat.example.com/sub"));
        assert_eq!(hook.secrets(), [Secret::new("t0ken")]);
        assert_eq!(Hook::parse("https://c/hooks/abc/user/t0ken").expect("legacy").secrets(), [Secret::new("t0ken")]);
        assert!(!format!("{hook:?}").contains("t0ken"));
    }

    #[test]
    fn others_are_refused_without_being_shown() {
        for text in
            ["t0ken", "ftp://c/hooks/a/t0ken", "https://c/t0ken", "https://c/hooks/t0ken", "https://c/hooks//t0ken"]
        {
            let why = Hook::parse(text).expect_err(text);
            assert!(why.contains("/hooks/ID/TOKEN") && !why.contains("t0ken"), "{why}");
        }
    }
}
