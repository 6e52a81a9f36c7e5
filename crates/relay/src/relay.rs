//! The relay as a whole: it starts, it can be asked, it stops.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jiff::tz::TimeZone;
use tieline_core::clock::Clock;
use tieline_core::driver::{BuildError, Driver, DriverError, InstanceConfig, KnownMessages, Room, Services};
use tieline_core::id::{Channel, InstanceId, MessageId};
use tieline_core::outbox::{Outbox, OutboxError, Retention};
use tieline_core::plan::Plan;
use tieline_core::secret::Secret;
use tieline_core::spool::MediaSpool;
use tieline_core::webhook::Webhooks;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alerts::{self, Alerts};
use crate::commands::Commands;
use crate::completion::Completions;
use crate::credentials::Credentials;
use crate::disk::{self, Disk};
use crate::exchange::{Exchange, HouseRules};
use crate::gates::Gates;
use crate::health::{HealthBoard, InstanceHealth};
use crate::instances::{Fingerprint, Instances, Running};
use crate::intake::take_up_held;
use crate::lanes::{LaneFeed, Lanes};
use crate::mentions::Names;
use crate::overtaken::{Endings, Overtaken};
use crate::retention;
use crate::secret_guard::Guard;
use crate::stored_messages::StoredMessages;
use crate::supervisor;
use crate::telemetry::Telemetry;
use crate::threads::Threads;
use crate::unsettled::Unsettled;

/// What the relay is to do, out of the checked configuration.
#[derive(Debug)]
pub struct Settings {
    /// The rules.
    pub plan: Arc<Plan>,
    /// The instances, each id once.
    pub instances: Vec<Arc<dyn InstanceConfig>>,
    /// What tells whether an instance's settings changed, at a [reload](Relay::reload); one that has none always did.
    pub fingerprints: HashMap<InstanceId, Fingerprint>,
    /// Every configured secret.
    pub secrets: Vec<Secret>,
    /// Whether a message that contains a secret is stopped.
    pub secret_guard: bool,
    /// Where to tell of trouble; `None`: nowhere but in the log.
    pub alerts: Option<Alerts>,
    /// The word that commands in chat begin with, behind a `/`.
    pub command_prefix: String,
    /// How long a delivery is tried, from the receipt of its message.
    pub give_up_after: Duration,
    /// How long things are kept.
    pub retention: Retention,
}

/// The rooms of the house that the relay works with.
#[derive(Clone)]
pub struct Rooms {
    /// The store.
    pub outbox: Arc<dyn Outbox>,
    /// Where files wait.
    pub spool: Arc<dyn MediaSpool>,
    /// Where webhooks are received.
    pub webhooks: Arc<dyn Webhooks>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Why the relay did not start. A platform that cannot be reached is no such reason.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A driver could not be built.
    #[error("the instance `{0}` cannot be built: {1}")]
    Build(InstanceId, BuildError),
    /// The outbox could not be read.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// A running relay.
pub struct Relay {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) services: Services,
    pub(crate) webhooks: Arc<dyn Webhooks>,
    /// One reload at a time.
    pub(crate) reloading: tokio::sync::Mutex<()>,
}

struct Known(Arc<dyn Outbox>);

#[async_trait]
impl KnownMessages for Known {
    async fn is_known(&self, realm: &str, message: &MessageId) -> bool {
        match self.0.is_known(realm, message).await {
            Ok(known) => known,
            Err(error) => {
                // Taking a known message for a copy of ours would hide one that is missing.
                tracing::error!(%error, "The outbox could not be asked for a message; it is taken as known");
                true
            }
        }
    }

    async fn latest(&self, channel: &Channel, most: usize) -> Vec<MessageId> {
        self.0.latest(channel, most).await.unwrap_or_else(|error| {
            tracing::error!(%error, "The outbox could not be asked what stands in a channel; what was deleted stays there");
            Vec::new()
        })
    }
}

impl Relay {
    /// Builds every driver and starts: first the lanes with what the last process left, then the drivers.
    pub async fn start(settings: Settings, rooms: Rooms) -> Result<Arc<Self>, StartError> {
        let Rooms { outbox, spool, webhooks, clock } = rooms;
        let services = Services {
            spool: Arc::clone(&spool),
            links: Arc::new(Known(Arc::clone(&outbox))),
            clock: Arc::clone(&clock),
        };
        let shutdown = CancellationToken::new();
        let mut instances = HashMap::new();
        for config in settings.instances {
            let fingerprint = settings.fingerprints.get(config.id()).copied();
            let running = Running::build(config, fingerprint, &services, &shutdown)?;
            instances.insert(running.config.id().clone(), Arc::new(running));
        }
        let exchange = Arc::new(Exchange {
            plan: ArcSwap::new(settings.plan),
            health: HealthBoard::new(instances.keys().cloned(), clock.now()),
            instances: Instances::new(instances),
            outbox,
            spool,
            clock,
            zone: TimeZone::system(),
            guard: Guard::new(&settings.secrets),
            house_rules: ArcSwap::from_pointee(HouseRules {
                secret_guard: settings.secret_guard,
                give_up_after: settings.give_up_after,
                retention: settings.retention,
                alerts: settings.alerts,
            }),
            gates: Gates::default(),
            credentials: Credentials::default(),
            unsettled: Arc::new(Unsettled::default()),
            completions: Completions::default(),
            disk: Disk::default(),
            threads: Threads::default(),
            commands: Commands::new(settings.command_prefix),
            names: Names::default(),
            overtaken: Overtaken::default(),
            endings: Endings::default(),
            telemetry: Telemetry::new(),
            shutdown,
            tasks: TaskTracker::new(),
            discarded: Mutex::default(),
            unclean: AtomicBool::new(false),
        });
        let lanes = Lanes::new(Handle::current());
        exchange.outbox.feed(Arc::new(LaneFeed(Arc::clone(&lanes))));
        exchange.restore_gates().await?;
        let left = exchange.outbox.pending_lanes().await?;
        lanes.open(&exchange, left, !exchange.outbox.was_closed());
        take_up_held(&exchange).await?;
        alerts::begin(&exchange).await?;
        for running in exchange.instances.all().values() {
            supervisor::begin(&exchange, running, &webhooks);
        }
        exchange.tasks.spawn(disk::watch(Arc::clone(&exchange)));
        exchange.tasks.spawn(retention::run(Arc::clone(&exchange)));
        Ok(Arc::new(Self { exchange, services, webhooks, reloading: tokio::sync::Mutex::default() }))
    }

    /// How each instance is.
    pub fn health(&self) -> BTreeMap<InstanceId, InstanceHealth> {
        self.exchange.health.show()
    }

    /// The metrics as OpenMetrics text.
    pub async fn metrics(&self) -> Result<String, OutboxError> {
        Ok(self.exchange.telemetry.encode(&self.exchange.outbox.tallies().await?))
    }

    /// A text for people, every configured secret in it replaced.
    pub fn mask(&self, text: &str) -> String {
        self.exchange.guard.mask(text)
    }

    /// The stored messages, for people who look at them or decide about them.
    pub fn stored(&self) -> StoredMessages {
        StoredMessages::of_relay(Arc::clone(&self.exchange))
    }

    /// The driver of an instance, to be asked for rooms or findings.
    pub fn driver(&self, instance: &InstanceId) -> Option<Arc<dyn Driver>> {
        self.exchange.instances.get(instance).map(|running| Arc::clone(&running.driver))
    }

    /// The rooms that an instance's account can see; `None` if there is no such instance.
    pub async fn rooms(&self, instance: &InstanceId) -> Option<Result<Vec<Room>, DriverError>> {
        match self.driver(instance) {
            Some(driver) => Some(driver.rooms().await),
            None => None,
        }
    }

    /// Stops: nothing new is begun, sends under way may finish within the grace period, then the outbox is closed.
    /// Returns whether everything came to its end in time.
    pub async fn stop(&self, grace: Duration) -> Result<bool, OutboxError> {
        self.exchange.shutdown.cancel();
        self.exchange.tasks.close();
        let in_time = tokio::time::timeout(grace, self.exchange.tasks.wait()).await.is_ok();
        let clean = in_time && !self.exchange.unclean.load(Ordering::Relaxed);
        self.exchange.outbox.close(clean).await?;
        Ok(in_time)
    }
}
