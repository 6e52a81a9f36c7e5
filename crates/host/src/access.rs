//! Who may talk to the control listener.
//!
//! With a token, a request that needs it must carry it. Without one the listener is on loopback, where every web page that
//! a person on this machine looks at can send requests too: by a foreign origin, or under a name of its own that it
//! lets point to 127.0.0.1. Both are refused.

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use subtle::ConstantTimeEq;
use tieline_core::secret::Secret;

/// Whether a request carries the bearer token. How long the comparison takes says nothing about where they differ.
pub(crate) fn bears(headers: &HeaderMap, token: &Secret) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return false };
    let value = value.as_bytes();
    let Some((scheme, given)) = value.split_at_checked("Bearer ".len()) else { return false };
    scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(given.trim_ascii().ct_eq(token.reveal().as_bytes()))
}

/// Why a request without any token is refused; `None` if it comes from this machine and from no foreign page.
pub(crate) fn foreign(headers: &HeaderMap, uri: &Uri) -> Option<&'static str> {
    let host = headers.get(header::HOST).and_then(text);
    let named = uri.authority().map(axum::http::uri::Authority::as_str);
    let Some(host) = host.or(named) else { return Some("the request names no host") };
    if ![Some(host), named].into_iter().flatten().all(is_loopback) {
        return Some("without a token (`global.http.token`) only requests to a loopback host are answered");
    }
    match headers.get(header::ORIGIN) {
        None => None,
        Some(origin) if text(origin).is_some_and(|origin| is_own(origin, host)) => None,
        Some(_) => Some("without a token (`global.http.token`) requests of other web pages are refused"),
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// Whether `Host` names this machine: `localhost`, `127.0.0.0/8` or `[::1]`, with or without port.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, after)) if after.is_empty() || is_port(after) => {
                return name.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
            }
            _ => return false,
        },
        None => match host.find(':') {
            Some(colon) if is_port(&host[colon..]) => &host[..colon],
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a page of this origin came from us: the very host and port that is asked.
fn is_own(origin: &str, host: &str) -> bool {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).is_some_and(|own| own == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        let name = |name: &'static str| header::HeaderName::from_static(name);
        entries.iter().map(|(key, value)| (name(key), HeaderValue::from_static(value))).collect()
    }

    fn refused(entries: &[(&'static str, &'static str)]) -> bool {
        foreign(&headers(entries), &Uri::from_static("/readyz")).is_some()
    }

    #[test]
    fn only_this_machine_is_answered_without_a_token() {
        for host in ["127.0.0.1:8090", "localhost", "LOCALHOST:1", "[::1]:8090", "[::1]", "127.1.2.3"] {
            assert!(!refused(&[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.5:8090",
            "localhost.evil.example",
            "[::2]:1",
            "[::1",
            "localhost:x",
            "::1",
            "127.0.0.1:80@evil",
            "0.0.0.0:8090",
            "",
        ] {
            assert!(refused(&[("host", host)]), "{host}");
        }
        assert!(refused(&[]), "no host at all");
        assert!(foreign(&headers(&[("host", "localhost")]), &Uri::from_static("http://evil.example/")).is_some());
    }

    #[test]
    fn pages_of_others_are_refused_without_a_token() {
        let host = ("host", "127.0.0.1:8090");
        assert!(!refused(&[host, ("origin", "http://127.0.0.1:8090")]));
        for origin in ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8090", ""] {
            assert!(refused(&[host, ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn a_token_must_be_whole() {
        let token = Secret::new("s3cr3t-token");
        let bears = |value| bears(&headers(&[("authorization", value)]), &token);
        assert!(bears("Bearer s3cr3t-token"));
        assert!(bears("bearer s3cr3t-token"));
        for wrong in ["Bearer s3cr3t-toke", "Bearer s3cr3t-token2", "Basic s3cr3t-token", "s3cr3t-token", "Bearer", ""]
        {
            assert!(!bears(wrong), "{wrong}");
        }
        assert!(!super::bears(&HeaderMap::new(), &token));
    }
}
