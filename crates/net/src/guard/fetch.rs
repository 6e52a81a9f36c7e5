//! The fetch itself, hop by hop.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use reqwest::Response;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tieline_core::driver::ProxyChoice;
use tokio::time::Instant;
use url::{Host, Origin, Url};

use super::address::is_public;
use crate::client::{ClientError, ClientSettings, builder, client, describe, finish};

/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// Longest time for a fetch with all its redirects, until the last byte.
const TIME: Duration = Duration::from_mins(2);

/// Fetches what strangers name; see the [module](super).
#[derive(Debug, Clone)]
pub struct GuardedFetch {
    /// For strangers' addresses: connects to public addresses only. `None` behind a proxy, where nobody could check.
    strangers: Option<reqwest::Client>,
    /// For origins that the operator configured.
    configured: reqwest::Client,
    origins: Vec<Origin>,
    policy: Policy,
}

/// Which addresses may be connected to. Always [`is_public`], but for tests, which have only loopback.
type Policy = fn(IpAddr) -> bool;

/// Why something was not fetched. No address is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// It is no address that we fetch.
    #[error("the address is not fetched: {0}")]
    Address(&'static str),
    /// It leads into a private network, or to this machine.
    #[error("the address leads into a private network, where only configured servers are fetched from")]
    Private,
    /// The instance goes through a proxy, which would resolve the name unchecked.
    #[error("through a proxy, only configured servers are fetched from")]
    Proxied,
    /// It redirects on and on.
    #[error("the server redirects more than {REDIRECTS} times")]
    Redirects,
    /// The server's answer was no success.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// It is larger than was allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// No answer, or not all of it. It may work later.
    #[error("the file could not be fetched: {0}")]
    Transport(String),
}

impl GuardedFetch {
    /// A guard that goes the way `settings` say. `configured`: addresses of the operator's servers, of which the origin
    /// (scheme, host and port) counts; these may be private.
    pub fn new(settings: &ClientSettings, configured: impl IntoIterator<Item = Url>) -> Result<Self, ClientError> {
        Self::with_policy(settings, configured, is_public)
    }

    fn with_policy(
        settings: &ClientSettings,
        configured: impl IntoIterator<Item = Url>,
        policy: Policy,
    ) -> Result<Self, ClientError> {
        // Redirects are followed here, whatever the settings say, since each hop is checked.
        let settings = ClientSettings { redirects: 0, ..settings.clone() };
        let strangers = match settings.proxy {
            ProxyChoice::Direct => Some(finish(builder(&settings)?.dns_resolver(Filter(policy)))?),
            ProxyChoice::Environment | ProxyChoice::Url(_) => None,
        };
        let origins = configured.into_iter().map(|url| url.origin()).collect();
        Ok(Self { strangers, configured: client(&settings)?, origins, policy })
    }

    /// Fetches at most `limit` bytes. Returns as soon as the head of the answer, a success, is there.
    pub async fn fetch(&self, url: &str, limit: u64) -> Result<Fetched, GuardError> {
        let end = Instant::now() + TIME;
        let mut url = Url::parse(url).map_err(|_| GuardError::Address("it is no URL"))?;
        for _ in 0..=REDIRECTS {
            let response = self.hop(&url, end).await?;
            let status = response.status();
            if status.is_success() {
                if response.content_length().is_some_and(|length| length > limit) {
                    return Err(GuardError::TooLarge { limit });
                }
                return Ok(Fetched { headers: response.headers().clone(), response, left: limit, limit });
            }
            url = match response.headers().get(LOCATION) {
                Some(location) if status.is_redirection() => location
                    .to_str()
                    .ok()
                    .and_then(|location| url.join(location).ok())
                    .ok_or(GuardError::Address("the server redirects to something that is no URL"))?,
                _ => return Err(GuardError::Status(status)),
            };
        }
        Err(GuardError::Redirects)
    }

    async fn hop(&self, url: &Url, end: Instant) -> Result<Response, GuardError> {
        let client = self.judge(url)?;
        let time = end.saturating_duration_since(Instant::now());
        client.get(url.clone()).timeout(time).send().await.map_err(|error| failure(&error))
    }

    /// Checks an address as it is written, and says by which client it may be fetched.
    fn judge(&self, url: &Url) -> Result<&reqwest::Client, GuardError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(GuardError::Address("it is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(GuardError::Address("it holds a user name or password"));
        }
        if self.origins.contains(&url.origin()) {
            return Ok(&self.configured);
        }
        let private = match url.host() {
            None => return Err(GuardError::Address("it names no host")),
            Some(Host::Ipv4(ip)) => !(self.policy)(ip.into()),
            Some(Host::Ipv6(ip)) => !(self.policy)(ip.into()),
            // The resolver would find that out too; but these need not be asked for.
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name.is_empty() || name == "localhost" || name.ends_with(".localhost")
            }
        };
        if private { Err(GuardError::Private) } else { self.strangers.as_ref().ok_or(GuardError::Proxied) }
    }
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Fetched {
    /// The headers of the answer.
    pub headers: HeaderMap,
    response: Response,
    left: u64,
    limit: u64,
}

impl Fetched {
    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, GuardError> {
        let chunk = self.response.chunk().await.map_err(|error| failure(&error))?;
        if let Some(chunk) = &chunk {
            // The declared length was checked; a body without one is cut here.
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or(GuardError::TooLarge { limit: self.limit })?;
        }
        Ok(chunk)
    }

    /// The whole body, piece by piece.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, GuardError>> + Send {
        stream::try_unfold(self, |mut fetched| async move { Ok(fetched.chunk().await?.map(|chunk| (chunk, fetched))) })
    }
}

/// Resolves names as the system does, and hands on only what the policy allows.
struct Filter(Policy);

/// All addresses of a name are private.
#[derive(Debug, thiserror::Error)]
#[error("it has no public address")]
struct OnlyPrivate;

impl Resolve for Filter {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| policy(address.ip())).collect();
            if allowed.is_empty() {
                return Err(OnlyPrivate.into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        })
    }
}

fn failure(error: &reqwest::Error) -> GuardError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<OnlyPrivate>() {
            return GuardError::Private;
        }
        cause = error.source();
    }
    GuardError::Transport(describe(error))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::TryStreamExt;
    use tieline_core::secret::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The tests' Internet: 127.0.0.1 is public, the rest of loopback is private.
    fn in_test(ip: IpAddr) -> bool {
        ip == IpAddr::V4(Ipv4Addr::LOCALHOST) || is_public(ip)
    }

    fn guard() -> GuardedFetch {
        GuardedFetch::with_policy(&ClientSettings::default(), [], in_test).unwrap()
    }

    /// A server that answers every request with these bytes; `{at}` stands for its own address.
    async fn server(answer: &str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let answer = answer.replace("{at}", &at.to_string());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let n = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..n]).to_lowercase();
                assert!(
                    !["authorization", "cookie", "referer"].iter().any(|secret| request.contains(secret)),
                    "{request}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        at
    }

    async fn refusal(guard: &GuardedFetch, url: &str) -> GuardError {
        guard.fetch(url, 100).await.expect_err(url)
    }

    #[tokio::test]
    async fn addresses_are_judged_in_every_spelling() {
        let guard = GuardedFetch::new(&ClientSettings::default(), []).unwrap();
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost:80/",
            "http://169.254.169.254/latest/meta-data/",
            "http://0/",
            "http://１２７.0.0.1/",
            "http://100.100.100.200/",
            "https://[fd00:ec2::254]/",
        ] {
            assert_eq!(refusal(&guard, url).await, GuardError::Private, "{url}");
        }
        for url in ["file:///etc/passwd", "ftp://example.com/", "data:,x", "example.com", "", "http://u:p@example.com/"]
        {
            assert!(matches!(refusal(&guard, url).await, GuardError::Address(_)), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_a_private_address() {
        // Every machine knows its loopback by a name; this one passes the check of the spelling.
        let guard = GuardedFetch::with_policy(&ClientSettings::default(), [], |_| false).unwrap();
        let client = guard.strangers.as_ref().unwrap();
        let error = client.get("http://localhost:1/").send().await.unwrap_err();
        assert_eq!(failure(&error), GuardError::Private);
    }

    #[tokio::test]
    async fn what_is_public_is_fetched() {
        let at = server("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello").await;
        let fetched = guard().fetch(&format!("http://{at}/"), 5).await.unwrap();
        assert_eq!(fetched.headers["content-type"], "text/plain");
        let body: Vec<Bytes> = fetched.into_stream().try_collect().await.unwrap();
        assert_eq!(body.concat(), b"hello");
    }

    #[tokio::test]
    async fn every_redirect_is_checked() {
        for (location, expected) in [
            ("http://127.0.0.2:1/", GuardError::Private),
            ("//[::1]/x", GuardError::Private),
            ("file:///etc/passwd", GuardError::Address("it is neither http nor https")),
            ("http://u:p@{at}/", GuardError::Address("it holds a user name or password")),
            ("http://", GuardError::Address("the server redirects to something that is no URL")),
            ("/again", GuardError::Redirects),
        ] {
            let answer =
                format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let at = server(&answer).await;
            assert_eq!(refusal(&guard(), &format!("http://{at}/")).await, expected, "{location}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_followed() {
        let target = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let at = server(&format!("HTTP/1.1 307 T\r\nlocation: http://{target}/f\r\ncontent-length: 0\r\n\r\n")).await;
        let mut fetched = guard().fetch(&format!("http://{at}/"), 100).await.unwrap();
        assert_eq!(fetched.chunk().await.unwrap(), Some(Bytes::from_static(b"ok")));
    }

    #[tokio::test]
    async fn too_large_and_no_success() {
        let declared = server("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n").await;
        assert_eq!(refusal(&guard(), &format!("http://{declared}/")).await, GuardError::TooLarge { limit: 100 });
        let endless = server(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(5000))).await;
        let endless = guard().fetch(&format!("http://{endless}/"), 100).await.unwrap();
        let error = endless.into_stream().try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error, GuardError::TooLarge { limit: 100 });
        let missing = server("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(refusal(&guard(), &format!("http://{missing}/")).await, GuardError::Status(StatusCode::NOT_FOUND));
    }

    #[tokio::test]
    async fn configured_origins_may_be_private() {
        let at = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let configured = Url::parse(&format!("http://{at}/base/")).unwrap();
        let guard = GuardedFetch::new(&ClientSettings::default(), [configured]).unwrap();
        assert!(guard.fetch(&format!("http://{at}/file"), 100).await.is_ok());
        // Another port of the same machine is another server.
        assert_eq!(refusal(&guard, "http://127.0.0.1:1/").await, GuardError::Private);
    }

    #[tokio::test]
    async fn through_a_proxy_only_configured_origins() {
        let proxy = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let settings = ClientSettings::through(ProxyChoice::Url(Secret::new(format!("http://{proxy}"))));
        let configured = Url::parse("http://chat.internal").unwrap();
        let guard = GuardedFetch::new(&settings, [configured]).unwrap();
        assert!(guard.fetch("http://chat.internal/file", 100).await.is_ok());
        assert_eq!(refusal(&guard, "http://example.com/").await, GuardError::Proxied);
    }
}
