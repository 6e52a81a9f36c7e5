//! The instances that run, as the configuration in force names them.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tieline_core::driver::{Driver, InstanceConfig, Services};
use tieline_core::id::InstanceId;
use tokio_util::sync::CancellationToken;

use crate::relay::StartError;

/// What tells whether an instance's settings are the same as before: a hash of them, defaults included.
pub type Fingerprint = [u8; 32];

/// One instance with its driver.
pub(crate) struct Running {
    pub(crate) config: Arc<dyn InstanceConfig>,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) realm: Arc<str>,
    /// `None`: nobody can tell, so that it counts as changed.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// Cancelled when it is to end: the relay stops, or a reload replaces or drops it.
    pub(crate) stop: CancellationToken,
    /// Cancelled when its driver receives no more.
    pub(crate) ended: CancellationToken,
}

impl Running {
    /// Builds the driver. Nothing is opened yet.
    pub(crate) fn build(
        config: Arc<dyn InstanceConfig>,
        fingerprint: Option<Fingerprint>,
        services: &Services,
        shutdown: &CancellationToken,
    ) -> Result<Self, StartError> {
        let driver = Arc::clone(&config)
            .build(services.clone())
            .map_err(|error| StartError::Build(config.id().clone(), error))?;
        let realm = Arc::from(config.realm());
        let stop = shutdown.child_token();
        Ok(Self { config, driver, realm, fingerprint, stop, ended: CancellationToken::new() })
    }
}

/// All that run.
pub(crate) struct Instances(ArcSwap<HashMap<InstanceId, Arc<Running>>>);

impl Instances {
    pub(crate) fn new(running: HashMap<InstanceId, Arc<Running>>) -> Self {
        Self(ArcSwap::from_pointee(running))
    }

    /// The instance of an id, as it is now. Whoever keeps it goes on with it after a reload.
    pub(crate) fn get(&self, id: &InstanceId) -> Option<Arc<Running>> {
        self.0.load().get(id).cloned()
    }

    pub(crate) fn all(&self) -> Arc<HashMap<InstanceId, Arc<Running>>> {
        self.0.load_full()
    }

    pub(crate) fn replace(&self, running: HashMap<InstanceId, Arc<Running>>) {
        self.0.store(Arc::new(running));
    }
}
