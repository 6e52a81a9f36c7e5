//! One host and port with the mounts on it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tieline_core::webhook::{Mount, WebhookHandler};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::accept::serve;
use super::files::Files;
use super::limits::ListenerLimits;
use super::request::{self, Bounds, Door, Handlers, Limited};

/// The mounts of a port, and whether it still listens.
pub(crate) struct Port {
    pub(crate) local: SocketAddr,
    bounds: Bounds,
    /// What links lead to.
    files: Arc<Files>,
    /// What requests look at.
    paths: RwLock<HashMap<String, Handlers>>,
    /// What `paths` is made from, in the order of mounting. `None`: the port is given up and takes no more mounts.
    mounts: Mutex<Option<Vec<Numbered>>>,
    /// Becomes the time that requests in flight still have, once the port is given up.
    stop: watch::Sender<Option<Duration>>,
    /// Becomes true when the socket is closed.
    closed: watch::Sender<bool>,
}

struct Numbered {
    number: u64,
    path: String,
    body_limit: usize,
    handler: Arc<dyn WebhookHandler>,
}

impl Port {
    pub(crate) fn new(local: SocketAddr, limits: ListenerLimits, files: Arc<Files>) -> Arc<Self> {
        Arc::new(Self {
            local,
            bounds: Bounds::new(limits),
            files,
            paths: RwLock::default(),
            mounts: Mutex::new(Some(Vec::new())),
            stop: watch::channel(None).0,
            closed: watch::channel(false).0,
        })
    }

    /// Serves until the port is given up.
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener) {
        let closed = Closing(Arc::clone(&self));
        let mut stop = self.stop.subscribe();
        let stopped = async move {
            // The sender lives in `self`, which this future outlives, so waiting cannot fail.
            stop.wait_for(Option::is_some).await.ok().and_then(|grace| *grace).unwrap_or_default()
        };
        let listener = Listening { listener, _closing: closed };
        let service = |peer: SocketAddr| {
            let port = Arc::clone(&self);
            hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let port = Arc::clone(&port);
                async move {
                    let door = port.door(request.uri().path());
                    Ok::<_, std::convert::Infallible>(request::answer(request, door, &port.bounds, peer).await)
                }
            })
        };
        serve(listener, service, self.bounds.limits(), stopped).await;
    }

    /// What a path leads to. A mount wins over a link, whatever the operator named it.
    fn door(&self, path: &str) -> Option<Door> {
        let handlers = self.paths.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        handlers.map(Door::Webhook).or_else(|| self.files.at_path(self.local, path).map(Door::File))
    }

    /// Adds a mount. `false`: the port was given up meanwhile.
    pub(crate) fn add(&self, number: u64, mount: Mount) -> bool {
        let mut mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mounts) = mounts.as_mut() else { return false };
        let Mount { at, body_limit, handler } = mount;
        mounts.push(Numbered { number, path: at.path, body_limit, handler });
        self.publish(mounts);
        true
    }

    /// Takes a mount away, and gives up the port with the last one.
    pub(crate) fn remove(&self, number: u64) {
        let mut guard = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mounts) = guard.as_mut() else { return };
        mounts.retain(|mount| mount.number != number);
        self.publish(mounts);
        if mounts.is_empty() {
            *guard = None;
            self.stop.send_replace(Some(self.bounds.limits().grace));
        }
    }

    /// Takes no more connections, and gives requests in flight `grace` to be answered.
    pub(crate) fn give_up(&self, grace: Duration) {
        *self.mounts.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.stop.send_replace(Some(grace));
    }

    /// Whether no mount is possible any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Waits until the socket is closed, so that another one can be bound there.
    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.subscribe();
        // An error would mean that the port itself is gone, and the socket with it.
        if closed.wait_for(|closed| *closed).await.is_err() {
            tracing::debug!("A port was gone before it was closed");
        }
    }

    fn publish(&self, mounts: &[Numbered]) {
        let mut paths: HashMap<String, Vec<Limited>> = HashMap::new();
        for mount in mounts {
            paths.entry(mount.path.clone()).or_default().push((mount.body_limit, Arc::clone(&mount.handler)));
        }
        let paths = paths.into_iter().map(|(path, handlers)| (path, Handlers::from(handlers))).collect();
        *self.paths.write().unwrap_or_else(PoisonError::into_inner) = paths;
    }
}

/// Says that the socket is closed when it is dropped, which it is before the last requests are answered.
struct Closing(Arc<Port>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.closed.send_replace(true);
    }
}

/// The socket; its fields are dropped in this order.
struct Listening {
    listener: TcpListener,
    _closing: Closing,
}

impl super::accept::Accept for Listening {
    type Stream = tokio::net::TcpStream;
    type Peer = SocketAddr;

    fn accept(&mut self) -> impl Future<Output = std::io::Result<(Self::Stream, Self::Peer)>> + Send {
        super::accept::Accept::accept(&mut self.listener)
    }
}
