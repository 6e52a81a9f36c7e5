//! What must not be shown, by the name of its key or by its look.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;
use tieline_core::driver::DriverFactory;
use tieline_core::problem::nearest;
use tieline_core::secret::Secret;
use url::Url;

/// Parts of key names whose values are taken for secrets, whatever a driver says. A misspelt key is in no driver's schema,
/// nor is one of a platform that is not known, and a line that is no JSON may not show its secrets either.
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
fn looks_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    TELLING.iter().any(|part| key.contains(part))
}

/// Which keys hold secrets.
#[derive(Debug, Default)]
pub(crate) struct SecretKeys(HashSet<String>);

impl SecretKeys {
    /// The keys that the drivers' schemas mark as `writeOnly`.
    pub(crate) fn of(factories: &[Arc<dyn DriverFactory>]) -> Self {
        let mut keys = Self::default();
        for factory in factories {
            for schema in [factory.instance_schema(), factory.address_schema(false), factory.address_schema(true)] {
                keys.declared_in(&schema);
            }
        }
        keys
    }

    fn declared_in(&mut self, schema: &Value) {
        for (name, part) in schema.as_object().into_iter().flatten() {
            if let (true, Some(properties)) = (name == "properties", part.as_object()) {
                let secret = properties.iter().filter(|(_, property)| property["writeOnly"] == true);
                self.0.extend(secret.map(|(key, _)| key.clone()));
            }
            self.declared_in(part);
        }
        schema.as_array().into_iter().flatten().for_each(|part| self.declared_in(part));
    }

    /// Whether values under this key are secrets.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains(key) || looks_secret(key)
    }

    /// Whether this may be meant to be such a key, though it is misspelt.
    pub(crate) fn may_be(&self, key: &str) -> bool {
        // One slip, and not at the beginning: else a name like `broken` would be taken for `token`.
        let misspelt = |written: &str, meant: &str| {
            written.chars().next() == meant.chars().next() && written.len().abs_diff(meant.len()) < 2
        };
        let near = |written: &str| {
            nearest(written, self.0.iter().map(String::as_str).chain(TELLING))
                .is_some_and(|near| misspelt(written, near))
        };
        self.has(key) || near(key) || key.split(|c: char| !c.is_alphanumeric()).any(near)
    }
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

/// A key up to its value. The value may be of any kind, and the text no JSON at all.
static MEMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""((?:[^"\\\n]|\\.)*)"\s*:\s*"#).expect("the expression is constant"));

/// A text, whose closing quote may be missing.
static TEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^"((?:[^"\\\n]|\\.)*)"#).expect("the expression is constant"));

/// The beginning of a reference, which names where the secret is and is none.
static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^\{\s*"(?:env|file)"\s*:\s*""#).expect("the expression is constant"));

/// What ends a value that is neither text nor list nor object.
static BARE_END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"[\s"{}\[\],]"#).expect("the expression is constant"));

/// User and password of a URL within a text.
static USERINFO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"://([^\s"@]*(?:@[^\s"@]*)*)@"#).expect("the expression is constant"));

/// The bytes of a JSON text that must not be shown, in ascending order, whether the text is well formed or not.
pub(crate) fn in_json(text: &str, keys: &SecretKeys) -> Vec<Range<usize>> {
    let members = MEMBER.captures_iter(text).filter_map(|member| {
        let (key, start) = (member.get(1)?.as_str(), member.get(0)?.end());
        let value = value_at(text, start)?;
        let proxy_with_login = key.to_lowercase().contains("proxy") && text[value.clone()].contains('@');
        (keys.may_be(key) || proxy_with_login).then_some(value)
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

/// Where the value that begins at a byte stands, a text without its quotes; `None` if there is nothing to hide.
fn value_at(text: &str, start: usize) -> Option<Range<usize>> {
    let value = &text[start..];
    match value.bytes().next()? {
        b'"' => TEXT.captures(value)?.get(1).map(|inner| start + inner.start()..start + inner.end()),
        b'{' if REFERENCE.is_match(value) => None,
        b'{' | b'[' => Some(start..start + closed_at(value)),
        _ => Some(start..start + BARE_END.find(value).map_or(value.len(), |end| end.start())),
    }
}

/// How long a list or object is: to its last bracket, or to the end of a text in which that is missing.
fn closed_at(value: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = value.as_bytes().get(at) {
        match byte {
            b'"' => {
                at += TEXT.find(&value[at..]).map_or(1, |text| text.end());
                at += usize::from(value[at..].starts_with('"'));
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut out = text.to_owned();
        for range in in_json(text, &SecretKeys::default()).into_iter().rev() {
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
    fn values_of_the_wrong_kind_are_secrets_too() {
        for (text, shown) in [
            (r#"{"auth_token": ["a]", ["b"]], "n": 1}"#, r#"{"auth_token": #, "n": 1}"#),
            (r#"{"password": {"x": {"y": "s"}}, "n": [1]}"#, r#"{"password": #, "n": [1]}"#),
            (r#"{"webhook_url": {"evn": ""}, "n": 1}"#, r#"{"webhook_url": #, "n": 1}"#),
            ("{\"api_token\": [\n \"a\",\n \"b\" }", "{\"api_token\": #"),
            (r#"{"bot_token": [true, "a\"b"], "n": 1}"#, r#"{"bot_token": #, "n": 1}"#),
            (r#"{"proxy": ["http:u:p@h"], "n": ["a@b"]}"#, r#"{"proxy": #, "n": ["a@b"]}"#),
            (
                r#"{"auth_tokn": "a", "pasword": "b", "webhookurl": "c"}"#,
                r##"{"auth_tokn": "#", "pasword": "#", "webhookurl": "#"}"##,
            ),
            (r#"{"user_id": "u", "broken": {"a": 1}}"#, r#"{"user_id": "u", "broken": {"a": 1}}"#),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn a_drivers_schema_says_what_is_secret() {
        let mut keys = SecretKeys::default();
        keys.declared_in(&serde_json::json!({
            "properties": { "pin": { "$ref": "#/$defs/pin" }, "name": { "type": "string" }, "code": { "writeOnly": true } },
            "$defs": { "x": { "properties": { "inner": { "type": "string", "writeOnly": true } } } },
        }));
        assert!(keys.has("code") && keys.has("inner") && !keys.has("name"));
        assert!(
            keys.may_be("cod") && !keys.has("cod"),
            "a slip may be meant, and a variable under it is no secret yet"
        );
        assert_eq!(in_json(r#"{"code": [1]}"#, &keys).first(), Some(&(9..12)));
    }

    #[test]
    fn a_proxys_password_is_a_secret_as_written_and_as_decoded() {
        let secrets: Vec<String> = of_proxy("http://me:p%40ss@h:1").iter().map(|s| s.reveal().to_owned()).collect();
        assert!(secrets.contains(&"p%40ss".to_owned()), "{secrets:?}");
        assert!(of_proxy("http://h:1").is_empty());
    }
}
