//! A connection to a host and port, through a proxy or not, with TLS or not.
//!
//! Which proxy is taken, and who resolves the name, is decided as the HTTP client does it. Through an HTTP proxy there is
//! always a tunnel (`CONNECT`), also to plain ports, as RFC 6455 (section 4.1) asks of WebSocket clients.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tieline_core::driver::ProxyChoice;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::client::{ClientError, proxy_url};
use crate::failure::describe_other;
use crate::tls::http1_config;

/// Bytes in both directions, whatever is below.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

type Connected = Box<dyn Stream>;

/// Where to.
#[derive(Debug)]
pub(crate) struct Place {
    /// A name or an address; IPv6 in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

/// Why there is no connection; a sentence without any address in it.
#[derive(Debug)]
pub(crate) enum DialError {
    Proxy(ClientError),
    Failed(String),
}

impl DialError {
    fn failed(what: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed(format!("{what}{}", describe_other(error)))
    }
}

/// Connects. There is no time limit in here.
pub(crate) async fn dial(to: &Place, proxy: &ProxyChoice) -> Result<Connected, DialError> {
    let stream = match intercept(to, proxy)? {
        None => tcp(&to.host, to.port).await.map_err(|error| DialError::failed("", &error))?,
        Some(proxy) => through(to, &proxy).await?,
    };
    if to.tls { tls(&to.host, stream).await.map_err(|error| DialError::failed("", &error)) } else { Ok(stream) }
}

/// The proxy for a place, if there is to be one.
fn intercept(to: &Place, proxy: &ProxyChoice) -> Result<Option<Intercept>, DialError> {
    let matcher = match proxy {
        ProxyChoice::Direct => return Ok(None),
        ProxyChoice::Environment => Matcher::from_env(),
        ProxyChoice::Url(url) => Matcher::builder().all(proxy_url(url).map_err(DialError::Proxy)?.as_str()).build(),
    };
    Ok(matcher.intercept(&destination(to)?))
}

/// Whether nothing stands between us and a place.
pub(crate) fn is_direct(to: &Place, proxy: &ProxyChoice) -> Result<bool, ClientError> {
    match intercept(to, proxy) {
        Ok(proxy) => Ok(proxy.is_none()),
        Err(DialError::Proxy(error)) => Err(error),
        Err(DialError::Failed(why)) => Err(ClientError::Build(why)),
    }
}

fn destination(to: &Place) -> Result<Uri, DialError> {
    let scheme = if to.tls { "https" } else { "http" };
    let uri = format!("{scheme}://{}:{}", to.host, to.port).parse();
    uri.map_err(|_| DialError::Failed("the host name is none".to_owned()))
}

async fn through(to: &Place, proxy: &Intercept) -> Result<Connected, DialError> {
    let uri = proxy.uri();
    let refuse = |why: &str| DialError::Proxy(ClientError::Proxy(why.to_owned()));
    let scheme = uri.scheme_str().unwrap_or_default();
    let standard = match scheme {
        "http" => 80,
        "https" => 443,
        "socks5" | "socks5h" => 1080,
        _ => return Err(refuse("its scheme is unknown")),
    };
    let host = uri.host().ok_or_else(|| refuse("it names no host"))?;
    let lost = |error: &(dyn std::error::Error + 'static)| DialError::failed("the proxy: ", error);
    let mut stream = tcp(host, uri.port_u16().unwrap_or(standard)).await.map_err(|error| lost(&error))?;
    if scheme == "https" {
        stream = tls(host, stream).await.map_err(|error| lost(&error))?;
    }
    let destination = destination(to)?;
    let there = There(Some(stream));
    let stream = if scheme.starts_with("socks5") {
        let mut socks = SocksV5::new(uri.clone(), there).local_dns(scheme == "socks5");
        if let Some((user, password)) = proxy.raw_auth() {
            socks = socks.with_auth(user.to_owned(), password.to_owned());
        }
        socks.call(destination).await.map_err(|error| lost(&error))?
    } else {
        let mut tunnel = Tunnel::new(uri.clone(), there);
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        tunnel.call(destination).await.map_err(|error| lost(&error))?
    };
    Ok(stream.into_inner())
}

async fn tcp(host: &str, port: u16) -> io::Result<Connected> {
    let stream = TcpStream::connect((bare(host), port)).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

async fn tls(host: &str, stream: Connected) -> io::Result<Connected> {
    let name = ServerName::try_from(bare(host).to_owned()).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(http1_config()).connect(name, stream).await?))
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// A connection that is there already, for those who want to make it themselves.
struct There(Option<Connected>);

impl Service<Uri> for There {
    type Response = TokioIo<Connected>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Connected>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.take().ok_or_else(|| io::Error::other("the connection was taken already"));
        Box::pin(std::future::ready(stream.map(TokioIo::new)))
    }
}
