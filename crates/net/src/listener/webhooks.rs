//! The webhook listeners of a process.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tieline_core::webhook::{Mount, MountError, Mounted, Webhooks};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::limits::ListenerLimits;
use super::port::Port;

/// Ports by host and number, as they were asked for.
type Ports = HashMap<(String, u16), Arc<Port>>;

/// The webhook listeners of this process: one accept loop for each host and port that is asked for, spelt the same.
///
/// Mounts with different paths share it. Those with the same path are asked in the order in which they came, until one
/// answers; if none does, it is 401. A port is closed when its last mount is dropped. Every answer is JSON.
pub struct Listeners {
    limits: ListenerLimits,
    /// `None` once stopped.
    ports: Mutex<Option<Ports>>,
    tasks: TaskTracker,
    mounts: AtomicU64,
}

impl Listeners {
    /// Listeners that hold these limits, each for itself.
    pub fn new(limits: ListenerLimits) -> Self {
        Self { limits, ports: Mutex::new(Some(Ports::new())), tasks: TaskTracker::new(), mounts: AtomicU64::new(0) }
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
        let listener = TcpListener::bind((host.as_str(), number)).await.map_err(|error| failed(error.to_string()))?;
        let local = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let port = Port::new(local, self.limits.clone());
        port.add(id, mount);
        self.tasks.spawn(Arc::clone(&port).run(listener));
        ports.retain(|_, port| !port.is_given_up());
        ports.insert((host, local.port()), Arc::clone(&port));
        Ok(mounted(&port, id))
    }
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
