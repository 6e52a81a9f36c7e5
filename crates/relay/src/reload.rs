//! Another configuration for a relay that runs: taken over whole, or not at all.
//!
//! Instances whose settings are the same keep their drivers, connections and limits. One that changed gets a new driver,
//! which begins when the old one has stopped to receive; one that is new begins; one that is gone ends. What was accepted
//! goes on: a delivery carries all that its send needs. A send under way ends with the driver that began it, and its next
//! try is the new one's; what leads to an instance that is gone becomes a dead letter.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tieline_core::id::InstanceId;

use crate::exchange::HouseRules;
use crate::instances::Running;
use crate::relay::{Relay, Settings, StartError};
use crate::supervisor;

/// How long a driver that is replaced or dropped may take to stop receiving.
const FAREWELL: Duration = Duration::from_secs(10);

/// What a reload changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reloaded {
    /// The instances that are new.
    pub added: Vec<InstanceId>,
    /// Those that run with other settings now.
    pub changed: Vec<InstanceId>,
    /// Those that are gone.
    pub removed: Vec<InstanceId>,
    /// How many rules there are.
    pub rules: usize,
}

impl Relay {
    /// Takes over another configuration. `Err`: nothing has changed.
    pub async fn reload(&self, settings: Settings) -> Result<Reloaded, StartError> {
        let _turn = self.reloading.lock().await;
        let exchange = &self.exchange;
        let before = exchange.instances.all();
        let mut reloaded = Reloaded { rules: settings.plan.rules().len(), ..Reloaded::default() };
        let mut now = HashMap::new();
        let mut begin = Vec::new();
        for config in settings.instances {
            let id = config.id().clone();
            let fingerprint = settings.fingerprints.get(&id).copied();
            let known = before.get(&id);
            if let Some(known) = known.filter(|known| fingerprint.is_some() && known.fingerprint == fingerprint) {
                now.insert(id, Arc::clone(known));
                continue;
            }
            let running = Arc::new(Running::build(config, fingerprint, &self.services, &exchange.shutdown)?);
            if known.is_some() {
                reloaded.changed.push(id.clone());
            } else {
                reloaded.added.push(id.clone());
            }
            begin.push(Arc::clone(&running));
            now.insert(id, running);
        }
        reloaded.removed = before.keys().filter(|id| !now.contains_key(*id)).cloned().collect();
        // Nothing can fail from here on. Secrets first: what the new rules send is guarded by them.
        exchange.guard.add(&settings.secrets);
        exchange.house_rules.store(Arc::new(HouseRules {
            secret_guard: settings.secret_guard,
            give_up_after: settings.give_up_after,
            retention: settings.retention,
            alerts: settings.alerts,
        }));
        exchange.commands.begin_with(settings.command_prefix);
        // The new rules may lead to new instances, and the old ones to those that are gone: for a moment there are all.
        let mut all = HashMap::clone(&before);
        all.extend(now.iter().map(|(id, running)| (id.clone(), Arc::clone(running))));
        exchange.instances.replace(all);
        exchange.plan.store(settings.plan);
        exchange.instances.replace(now);
        let anew = [reloaded.added.as_slice(), &reloaded.changed].concat();
        let ids: Vec<InstanceId> = exchange.instances.all().keys().cloned().collect();
        exchange.health.renew(&ids, &anew, exchange.now());
        for id in &anew {
            exchange.credentials.taken(id);
        }
        // The old driver lets go of its place before the new one takes it.
        let ends = reloaded.removed.iter().chain(&reloaded.changed).filter_map(|id| before.get(id));
        let ends: Vec<&Arc<Running>> = ends.collect();
        for running in &ends {
            running.stop.cancel();
        }
        for running in ends {
            if tokio::time::timeout(FAREWELL, running.ended.cancelled()).await.is_err() {
                tracing::warn!(instance = %running.config.id(), "The driver does not stop to receive; its successor begins all the same");
            }
        }
        for running in &begin {
            supervisor::begin(exchange, running, &self.webhooks);
        }
        exchange.telemetry.reloaded(&reloaded);
        Ok(reloaded)
    }
}
