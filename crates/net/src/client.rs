//! The one HTTP client builder.
//!
//! # What a client does by itself
//!
//! - **No redirects, no retries, no referer.** A redirect is a [3xx](reqwest::StatusCode) for the caller to judge, and
//!   whether a send is repeated is decided by the relay, which knows whether it may.
//! - **Proxy**: the one that was asked for, or none. The process environment counts only for
//!   [`ProxyChoice::Environment`]. A SOCKS proxy resolves names itself, whether `socks5://` or `socks5h://` is written:
//!   a machine that needs a proxy often cannot resolve the names behind it.
//! - **Pooled connections.** A request is given to an idle connection only if that is not known to be closed. If it
//!   turns out closed before the first byte of the request was written, hyper takes another connection and nobody
//!   notices; after that the outcome is [`Transport::Unknown`]. To make this rare, idle connections are given up after
//!   4 s: Node, under Rocket.Chat and others, closes them after 5 s.
//! - **TLS**: see [`install_crypto`]; roots are the system's or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
//!
//! What is posted to one address over and over goes through an [`Endpoint`](crate::Endpoint), which keeps the same promises
//! for less.
//!
//! # Timeouts, as reqwest understands them
//!
//! `read_timeout` is the longest time from the start of a request to the head of its answer, and then between two
//! pieces of the answer's body. The first of these includes connecting **and writing the request's body**, so a large
//! upload over a slow line would be cut off by it: use [`ClientSettings::for_uploads`]. There a peer that takes no more
//! bytes is noticed by the kernel (`TCP_USER_TIMEOUT`), and the request as a whole is limited by the caller
//! (`RequestBuilder::timeout`, for which [`upload_time`] gives a fair value).

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Proxy};
use tieline_core::driver::ProxyChoice;
use tieline_core::secret::Secret;
use url::Url;

pub use crate::failure::{Transport, describe, outcome};
pub use crate::tls::install_crypto;

/// Shorter than the 5 s after which Node closes an idle connection.
pub(crate) const POOL_IDLE: Duration = Duration::from_secs(4);
/// As many connections to one host may idle as sends are usually in flight.
pub(crate) const POOL_SIZE: usize = 64;
/// When a silent connection is asked whether it lives.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long bytes that we sent may stay unacknowledged.
pub(crate) const STALLED_WRITE: Duration = Duration::from_secs(30);

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Which proxy requests go through. Default: none.
    pub proxy: ProxyChoice,
    /// How many redirects are followed. Default: 0, a redirect is handed to the caller.
    pub redirects: usize,
    /// Longest time for name, connection, proxy and TLS together. Default: 10 s.
    pub connect_timeout: Duration,
    /// Longest wait for the answer's head, counted from the start of the request, and then for each next piece of its
    /// body. `None`: no limit. Default: 30 s.
    pub read_timeout: Option<Duration>,
    /// Longest time for a whole request with its answer. Default: none.
    pub total_timeout: Option<Duration>,
    /// What we call ourselves. Default: `tieline/<version>`.
    pub user_agent: String,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            proxy: ProxyChoice::Direct,
            redirects: 0,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Some(Duration::from_secs(30)),
            total_timeout: None,
            user_agent: concat!("tieline/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl ClientSettings {
    /// The defaults, through a proxy.
    pub fn through(proxy: ProxyChoice) -> Self {
        Self { proxy, ..Self::default() }
    }

    /// The same for requests with a large body, whose time cannot be told beforehand: no read timeout. Give every
    /// request a total one, [`upload_time`].
    pub fn for_uploads(self) -> Self {
        Self { read_timeout: None, ..self }
    }
}

/// The time after which an upload of `size` bytes is given up: a minute, and as long as a line of 64 KiB/s takes.
pub fn upload_time(size: u64) -> Duration {
    Duration::from_secs(60 + size / (64 * 1024))
}

/// Why a client could not be built. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The proxy's address is not understood.
    #[error("the proxy cannot be used: {0}; write it as http://, https:// or socks5://, with host and port")]
    Proxy(String),
    /// The name we call ourselves, or the system, does not allow it.
    #[error("the HTTP client cannot be built: {0}")]
    Build(String),
}

/// Builds a client. Clones of it share their connections, so one per instance is enough.
pub fn client(settings: &ClientSettings) -> Result<reqwest::Client, ClientError> {
    finish(builder(settings)?)
}

/// A builder with all settings, for those who must add to it.
#[expect(clippy::disallowed_methods, reason = "this is the one place where clients are made")]
pub(crate) fn builder(settings: &ClientSettings) -> Result<ClientBuilder, ClientError> {
    let redirects = if settings.redirects == 0 { Policy::none() } else { Policy::limited(settings.redirects) };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(crate::tls::client_config())
        .user_agent(&settings.user_agent)
        .redirect(redirects)
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(settings.connect_timeout)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEPALIVE)
        .tcp_keepalive_interval(KEEPALIVE)
        .tcp_user_timeout(STALLED_WRITE)
        .http2_keep_alive_interval(KEEPALIVE)
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_SIZE);
    if let Some(limit) = settings.read_timeout {
        builder = builder.read_timeout(limit);
    }
    if let Some(limit) = settings.total_timeout {
        builder = builder.timeout(limit);
    }
    Ok(match &settings.proxy {
        // Without this the environment is obeyed, with or without the feature `system-proxy`.
        ProxyChoice::Direct => builder.no_proxy(),
        ProxyChoice::Environment => builder,
        ProxyChoice::Url(url) => builder.no_proxy().proxy(proxy(url)?),
    })
}

pub(crate) fn finish(builder: ClientBuilder) -> Result<reqwest::Client, ClientError> {
    builder.build().map_err(|error| ClientError::Build(describe(&error)))
}

fn proxy(url: &Secret) -> Result<Proxy, ClientError> {
    Proxy::all(proxy_url(url)?).map_err(|error| ClientError::Proxy(describe(&error)))
}

/// Understands a proxy's address: `http`, `https`, `socks5` or `socks5h`, with user and password if it asks for them.
pub(crate) fn proxy_url(url: &Secret) -> Result<Url, ClientError> {
    let refuse = |why: &str| ClientError::Proxy(why.to_owned());
    let mut url = Url::parse(url.reveal()).map_err(|error| ClientError::Proxy(error.to_string()))?;
    match url.scheme() {
        "http" | "https" | "socks5h" => {}
        "socks5" => url.set_scheme("socks5h").map_err(|()| refuse("its scheme is unknown"))?,
        _ => return Err(refuse("its scheme is unknown")),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("it names no host"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_proxy(url: &str) -> Result<reqwest::Client, ClientError> {
        client(&ClientSettings::through(ProxyChoice::Url(Secret::new(url))))
    }

    #[test]
    fn every_kind_of_proxy_is_taken() {
        for url in ["http://p:3128", "https://u:w@p", "socks5://p:1080", "socks5h://u:w@[::1]:1080"] {
            assert!(with_proxy(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_proxy_that_is_refused_is_not_shown() {
        for url in
            ["ftp://user:hunter22@p", "hunter22", "http://", "socks5://user:hunter22@", "http://u:hunter22@p:99999"]
        {
            let error = with_proxy(url).expect_err(url).to_string();
            assert!(error.starts_with("the proxy cannot be used") && !error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn an_upload_gets_time_by_its_size() {
        assert_eq!(upload_time(0), Duration::from_mins(1));
        assert_eq!(upload_time(50 * 1024 * 1024), Duration::from_secs(860));
    }
}
