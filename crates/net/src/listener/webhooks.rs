//! The webhook listeners of a process.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tieline_core::offer::{FileOffer, OfferError, OfferedFile};
use tieline_core::spool::MediaSpool;
use tieline_core::webhook::{ListenAt, Mount, MountError, Mounted, Webhooks};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::files::Files;
use super::limits::ListenerLimits;
use super::port::Port;

/// How many connections the system may keep until we take them. What they have sent meanwhile is in its memory, not ours.
const QUEUE: i32 = 4096;

/// Ports by host and number, as they were asked for.
type Ports = HashMap<(String, u16), Arc<Port>>;

/// The webhook listeners of this process: one accept loop for each host and port that is asked for, spelt the same.
///
/// Mounts with different paths share it. Those with the same path are asked in the order in which they came, until one
/// answers; if none does, they are asked whether it is unclaimed, and then it is 401. Beside the mounts a port serves the
/// files that are offered there. A port is closed when its last mount is dropped. Every answer is JSON.
pub struct Listeners {
    limits: ListenerLimits,
    /// `None` once stopped.
    ports: Mutex<Option<Ports>>,
    tasks: TaskTracker,
    mounts: AtomicU64,
    files: Arc<Files>,
}

impl Listeners {
    /// Listeners that hold these limits, each for itself.
    pub fn new(limits: ListenerLimits) -> Self {
        Self {
            limits,
            ports: Mutex::new(Some(Ports::new())),
            tasks: TaskTracker::new(),
            mounts: AtomicU64::new(0),
            files: Arc::new(Files::new()),
        }
    }

    /// Names the spool whose files can be [offered](Webhooks::offer). Until then none can; the first one stays.
    pub fn offer_from(&self, spool: Arc<dyn MediaSpool>) {
        self.files.offer_from(spool);
    }

    /// Takes no more connections, gives requests in flight `grace` to be answered, then cuts them off. Returns when
    /// every connection is closed. Later mounts are refused.
    pub async fn stop(&self, grace: Duration) {
        let ports = self.ports.lock().await.take();
        for port in ports.into_iter().flat_map(HashMap::into_values) {
            port.give_up(grace);
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Default for Listeners {
    fn default() -> Self {
        Self::new(ListenerLimits::default())
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for port in self.ports.get_mut().take().into_iter().flat_map(HashMap::into_values) {
            port.give_up(Duration::ZERO);
        }
    }
}

#[async_trait]
impl Webhooks for Listeners {
    async fn mount(&self, mount: Mount) -> Result<Mounted, MountError> {
        let (host, number) = (mount.at.host.clone(), mount.at.port);
        let failed = |reason: String| MountError { host: host.clone(), port: number, reason };
        if !mount.at.path.starts_with('/') {
            return Err(failed(format!("the path {:?} does not begin with /", mount.at.path)));
        }
        let id = self.mounts.fetch_add(1, Ordering::Relaxed);
        // Held while binding, so that two mounts at one new place do not both bind it.
        let mut ports = self.ports.lock().await;
        let ports = ports.as_mut().ok_or_else(|| failed("tieline is stopping".to_owned()))?;
        // Whoever asks for port 0 wants one of its own.
        if number != 0
            && let Some(port) = ports.get(&(host.clone(), number))
        {
            if port.add(id, mount.clone()) {
                return Ok(mounted(port, id));
            }
            port.closed().await;
        }
        let listener = listen(&host, number).await.map_err(|error| failed(error.to_string()))?;
        let local = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let port = Port::new(local, self.limits.clone(), Arc::clone(&self.files));
        port.add(id, mount);
        self.tasks.spawn(Arc::clone(&port).run(listener));
        ports.retain(|_, port| !port.is_given_up());
        ports.insert((host, local.port()), Arc::clone(&port));
        Ok(mounted(&port, id))
    }

    async fn offer(&self, at: &ListenAt, offer: FileOffer) -> Result<OfferedFile, OfferError> {
        let listening = self.ports.lock().await.as_ref().and_then(|ports| {
            let port = ports.get(&(at.host.clone(), at.port)).filter(|port| !port.is_given_up())?;
            Some(port.local)
        });
        let local = listening.ok_or_else(|| OfferError::NotListening { host: at.host.clone(), port: at.port })?;
        Ok(OfferedFile { path: self.files.link(local, &offer).await? })
    }
}

/// Binds a socket with a queue for a flood: the system drops calls that find it full, and the callers' systems try again
/// after 1 s, 2 s, 4 s, until one of both gives up.
async fn listen(host: &str, port: u16) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((host, port)).await?;
    // Listening once more changes the queue's length, up to what the system allows.
    socket2::SockRef::from(&listener).listen(QUEUE)?;
    Ok(listener)
}

fn mounted(port: &Arc<Port>, id: u64) -> Mounted {
    Mounted { local: port.local, guard: Box::new(MountGuard { port: Arc::clone(port), id }) }
}

/// Takes the mount away when it is dropped.
struct MountGuard {
    port: Arc<Port>,
    id: u64,
}

impl Drop for MountGuard {
    fn drop(&mut self) {
        self.port.remove(self.id);
    }
}
