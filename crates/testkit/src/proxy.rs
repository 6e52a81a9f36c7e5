//! Fake proxies that remember what they were asked for: HTTP (CONNECT and absolute form) and SOCKS5.

mod http;
mod socks;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::net::TcpStream;

use crate::port::{Port, Talk};

/// A proxy on a port of loopback. It ends when it is dropped.
pub struct FakeProxy {
    scheme: &'static str,
    port: Port,
    record: Arc<Record>,
}

/// How a fake proxy behaves.
#[derive(Debug, Clone, Default)]
pub struct ProxyScript {
    /// User and password that a client must give.
    pub login: Option<(String, String)>,
    /// Whether it refuses everything, after it noted what was asked for.
    pub refuse: bool,
}

struct Record {
    script: ProxyScript,
    targets: Mutex<Vec<String>>,
}

impl Record {
    fn note(&self, target: String) {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).push(target);
    }
}

/// SOCKS5 and HTTP tell a connection differently; both share the record.
struct Speaker(Arc<Record>, Protocol);

#[derive(Clone, Copy)]
enum Protocol {
    Http,
    Socks5,
}

#[async_trait]
impl Talk for Speaker {
    async fn talk(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let ended = match self.1 {
            Protocol::Http => http::talk(&self.0, stream).await,
            Protocol::Socks5 => socks::talk(&self.0, stream).await,
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "A connection through a fake proxy ended early");
        }
    }
}

impl FakeProxy {
    /// An HTTP proxy for everybody. Panics where no port can be had.
    pub async fn http() -> Self {
        Self::start("http", Protocol::Http, ProxyScript::default()).await
    }

    /// A SOCKS5 proxy for everybody. Panics where no port can be had.
    pub async fn socks5() -> Self {
        Self::start("socks5h", Protocol::Socks5, ProxyScript::default()).await
    }

    /// An HTTP proxy with a script. Panics where no port can be had.
    pub async fn http_with(script: ProxyScript) -> Self {
        Self::start("http", Protocol::Http, script).await
    }

    /// A SOCKS5 proxy with a script. Panics where no port can be had.
    pub async fn socks5_with(script: ProxyScript) -> Self {
        Self::start("socks5h", Protocol::Socks5, script).await
    }

    async fn start(scheme: &'static str, protocol: Protocol, script: ProxyScript) -> Self {
        let record = Arc::new(Record { script, targets: Mutex::default() });
        let port = Port::bind(Arc::new(Speaker(Arc::clone(&record), protocol))).await;
        Self { scheme, port: port.expect("a port of loopback can be had"), record }
    }

    /// Its URL, with user and password where it wants them. SOCKS5 is `socks5h`: the proxy resolves names.
    pub fn url(&self) -> String {
        let login = self.record.script.login.as_ref().map(|(user, password)| format!("{user}:{password}@"));
        format!("{}://{}{}", self.scheme, login.unwrap_or_default(), self.port.local())
    }

    /// The targets that it was asked for, as `host:port`, in order; for a request in absolute form, one each.
    pub fn targets(&self) -> Vec<String> {
        self.record.targets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses connections from now on, and cuts off those that are open.
    pub async fn close_port(&self) {
        self.port.close().await;
    }

    /// Listens at the same port again.
    pub async fn open_port(&self) -> std::io::Result<()> {
        self.port.open().await
    }
}
