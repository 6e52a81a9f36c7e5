//! What must not be shown, by the name of its key or by its look.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use tieline_core::secret::Secret;
use url::Url;

/// Parts of key names whose values are secrets.
const TELLING: [&str; 10] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "api_key",
    "apikey",
    "private_key",
    "webhook_url",
];

/// Whether values under this key are taken for secrets.
pub(crate) fn looks_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    TELLING.iter().any(|part| key.contains(part))
}

/// The parts of a proxy's URL that must never be shown: the password, and user and password as they stand in the URL.
pub(crate) fn of_proxy(url: &str) -> Vec<Secret> {
    let Ok(parsed) = Url::parse(url) else { return Vec::new() };
    let Some(password) = parsed.password() else { return Vec::new() };
    let written =
        url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map_or("", |(userinfo, _)| userinfo);
    let mut secrets = vec![Secret::new(password), Secret::new(format!("{}:{password}", parsed.username()))];
    if let Some((_, password)) = written.split_once(':') {
        secrets.extend([Secret::new(password), Secret::new(written)]);
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort();
    secrets.dedup();
    secrets
}

/// A key with its text or bare value. The closing quote may be missing: also a line that is no JSON must not show one.
static MEMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""((?:[^"\\\n]|\\.)*)"\s*:\s*("(?:[^"\\\n]|\\.)*|[^\s"{}\[\],]+)"#)
        .expect("the expression is constant")
});

/// User and password of a URL within a text.
static USERINFO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"://([^\s"@]*(?:@[^\s"@]*)*)@"#).expect("the expression is constant"));

/// The bytes of a JSON text that must not be shown, in ascending order, whether the text is well formed or not.
pub(crate) fn in_json(text: &str) -> Vec<Range<usize>> {
    let members = MEMBER.captures_iter(text).filter_map(|member| {
        let (key, value) = (member.get(1)?, member.get(2)?);
        let inner = value.start() + usize::from(value.as_str().starts_with('"'))..value.end();
        let proxy_with_login = key.as_str().to_lowercase().contains("proxy") && value.as_str().contains('@');
        (looks_secret(key.as_str()) || proxy_with_login).then_some(inner)
    });
    let userinfo = USERINFO.captures_iter(text).filter_map(|url| url.get(1)).map(|userinfo| userinfo.range());
    let mut ranges: Vec<Range<usize>> = members.chain(userinfo).filter(|range| !range.is_empty()).collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut out = text.to_owned();
        for range in in_json(text).into_iter().rev() {
            out.replace_range(range, "#");
        }
        out
    }

    #[test]
    fn secrets_are_found_in_whole_and_in_broken_json() {
        assert_eq!(
            masked(r#"{"auth_token": "a\"b", "user_id": "u", "n": 1}"#),
            r##"{"auth_token": "#", "user_id": "u", "n": 1}"##
        );
        assert_eq!(masked("{\"password\": \"abc\n}"), "{\"password\": \"#\n}");
        assert_eq!(masked(r#""password": 1234,"#), r#""password": #,"#);
        assert_eq!(masked(r#""token": {"env": "NAME"}"#), r#""token": {"env": "NAME"}"#);
        assert_eq!(masked(r#""x": "socks5://u:p@ss@host:1""#), "\"x\": \"socks5://#@host:1\"");
        assert_eq!(masked(r#""proxy": "socks5:/u:p@host""#), r##""proxy": "#""##);
    }

    #[test]
    fn a_proxys_password_is_a_secret_as_written_and_as_decoded() {
        let secrets: Vec<String> = of_proxy("http://me:p%40ss@h:1").iter().map(|s| s.reveal().to_owned()).collect();
        assert!(secrets.contains(&"p%40ss".to_owned()), "{secrets:?}");
        assert!(of_proxy("http://h:1").is_empty());
    }
}
