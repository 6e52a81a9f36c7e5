//! The setting `proxy`, and what of a proxy is secret.

use serde::{Deserialize, Deserializer};
use url::Url;

use super::usual::names_a_host;
use crate::driver::{Defaults, ProxyChoice};
use crate::problem::Problem;
use crate::secret::Secret;

/// The setting `proxy`, where `null` and an absent key mean different things.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxySetting {
    /// It is absent: as `global.proxy` says.
    #[default]
    Inherited,
    /// `null`: none, whatever `global.proxy` says.
    Direct,
    /// A URL, or `"environment"`.
    Named(Secret),
}

impl<'de> Deserialize<'de> for ProxySetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Option::<String>::deserialize(deserializer)?;
        Ok(written.map_or(Self::Direct, |text| Self::Named(Secret::new(text))))
    }
}

impl ProxySetting {
    /// The proxy of an instance.
    pub fn resolve(&self, defaults: &Defaults, problems: &mut Vec<Problem>) -> ProxyChoice {
        let written = match self {
            Self::Inherited => return defaults.proxy.clone(),
            Self::Direct => return ProxyChoice::Direct,
            Self::Named(written) => written,
        };
        ProxyChoice::parse(written.reveal()).unwrap_or_else(|| {
            problems.push(
                Problem::error(
                    "`proxy` must be a URL that begins with http://, https:// or socks5:// and names a host",
                )
                .at("proxy")
                .help("`null` means no proxy"),
            );
            ProxyChoice::Direct
        })
    }
}

impl ProxyChoice {
    /// Understands `"environment"`, or a URL that begins with `http://`, `https://`, `socks5://` or `socks5h://` and names
    /// a host. `None` for everything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "environment" {
            return Some(Self::Environment);
        }
        let url = Url::parse(text).ok()?;
        let sound = matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && names_a_host(&url);
        sound.then(|| Self::Url(Secret::new(text)))
    }

    /// What of it must not be shown.
    pub fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Direct | Self::Environment => Vec::new(),
            Self::Url(url) => password_in(url),
        }
    }
}

/// The password within a URL, as it stands there and as it is meant.
pub fn password_in(url: &Secret) -> Vec<Secret> {
    let Some(password) = Url::parse(url.reveal()).ok().and_then(|url| url.password().map(str::to_owned)) else {
        return Vec::new();
    };
    let meant = url::form_urlencoded::parse(format!("p={}", password.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned());
    let mut secrets = vec![Secret::new(password)];
    secrets.extend(meant.map(Secret::new).filter(|secret| *secret != secrets[0]));
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_absent_is_inherited_and_null_is_none() {
        let defaults = Defaults { proxy: ProxyChoice::Environment, ..Defaults::default() };
        let read = |json: &str| {
            let mut problems = Vec::new();
            let setting: ProxySetting = serde_json::from_str(json).expect("a text or null");
            (setting.resolve(&defaults, &mut problems), problems)
        };
        assert!(matches!(ProxySetting::default().resolve(&defaults, &mut Vec::new()), ProxyChoice::Environment));
        assert!(matches!(read("null"), (ProxyChoice::Direct, told) if told.is_empty()));
        assert!(matches!(read(r#""socks5://u:w@p:1""#), (ProxyChoice::Url(_), told) if told.is_empty()));
        for wrong in [r#""ftp://x""#, r#""p:1""#, r#""""#] {
            assert!(read(wrong).1[0].message.contains("`proxy` must be a URL"), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_a_secret_as_written_and_as_meant() {
        let secrets = |url: &str| password_in(&Secret::new(url));
        assert_eq!(secrets("http://u:a%20+b@p:1"), ["a%20+b", "a +b"].map(Secret::new));
        assert_eq!(secrets("http://u:plain@p"), [Secret::new("plain")]);
        assert!(secrets("http://p:1").is_empty() && secrets("http://u:@p").is_empty() && secrets("p").is_empty());
    }
}
