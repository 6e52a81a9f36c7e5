//! A relay in a folder of its own, which can be left and entered again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tieline_core::id::InstanceId;
use tieline_core::outbox::{Outbox, Retention, Tallies};
use tieline_core::plan::Plan;
use tieline_core::secret::Secret;
use tieline_net::listener::Listeners;
use tieline_net::spool::Spool;
use tieline_outbox::SqliteOutbox;
use tieline_relay::{Alerts, Fingerprint, Relay, Rooms, Settings};

use crate::scripted::{Scripted, SystemClock};

pub(crate) struct House {
    dir: TempDir,
    pub(crate) relay: Arc<Relay>,
    pub(crate) outbox: Arc<SqliteOutbox>,
}

/// What a relay of these instances is told.
pub(crate) fn settings(plan: &Arc<Plan>, instances: &[&Arc<Scripted>], options: Options) -> Settings {
    Settings {
        plan: Arc::clone(plan),
        instances: instances.iter().map(|of| Arc::clone(of) as _).collect(),
        fingerprints: fingerprints(instances),
        secrets: options.secrets,
        secret_guard: true,
        alerts: options.alerts,
        command_prefix: options.command_prefix,
        give_up_after: options.give_up_after,
        retention: Retention { messages_ms: 1_000_000, links_ms: 1_000_000 },
    }
}

/// The scripted instances have a generation in the place of settings.
fn fingerprints(instances: &[&Arc<Scripted>]) -> HashMap<InstanceId, Fingerprint> {
    instances.iter().map(|of| (of.id.clone(), [of.generation; 32])).collect()
}

pub(crate) struct Options {
    pub(crate) give_up_after: Duration,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) alerts: Option<Alerts>,
    pub(crate) command_prefix: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_hours(24),
            secrets: Vec::new(),
            alerts: None,
            command_prefix: "tie".into(),
        }
    }
}

impl House {
    pub(crate) async fn open(plan: &Arc<Plan>, instances: &[&Arc<Scripted>]) -> Self {
        Self::open_with(plan, instances, Options::default()).await
    }

    pub(crate) async fn open_with(plan: &Arc<Plan>, instances: &[&Arc<Scripted>], options: Options) -> Self {
        Self::enter(TempDir::new().unwrap(), plan, instances, options).await
    }

    async fn enter(dir: TempDir, plan: &Arc<Plan>, instances: &[&Arc<Scripted>], options: Options) -> Self {
        let outbox = Arc::new(SqliteOutbox::open(&dir.path().join("outbox.sqlite")).unwrap());
        let settings = settings(plan, instances, options);
        let rooms = Rooms {
            outbox: Arc::clone(&outbox) as _,
            spool: Arc::new(Spool::open(dir.path().join("spool")).unwrap()),
            webhooks: Arc::new(Listeners::default()),
            clock: Arc::new(SystemClock),
        };
        let relay = Relay::start(settings, rooms).await.unwrap();
        Self { dir, relay, outbox }
    }
    /// Leaves the house as a killed process does: nothing is closed, nothing waited for.
    pub(crate) async fn kill_and_enter(self, plan: &Arc<Plan>, instances: &[&Arc<Scripted>]) -> Self {
        let Self { dir, relay, outbox } = self;
        // Stopping without any grace leaves sends under way, and marks the outbox as such.
        relay.stop(Duration::ZERO).await.unwrap();
        drop((relay, outbox));
        for instance in instances {
            instance.context.send_replace(None);
        }
        Self::enter(dir, plan, instances, Options::default()).await
    }

    /// Waits until nothing is pending or held.
    pub(crate) async fn settled(&self) -> Tallies {
        let settled = async {
            loop {
                let tallies = self.outbox.tallies().await.unwrap();
                if tallies.pending == 0 && tallies.held == 0 {
                    return tallies;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), settled).await.expect("it settles")
    }
}
