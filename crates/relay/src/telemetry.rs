//! What is counted is logged, what is logged is named: one function for each happening.
//!
//! Labels are ids of instances and rules, never users or text.

use std::fmt::Display;
use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tieline_core::event::Event;
use tieline_core::id::{EventSeq, InstanceId};
use tieline_core::outbox::{Accepted, Delivery, Tallies};

use crate::health::{InstanceHealth, State};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    instance: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    instance: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

pub(crate) struct Telemetry {
    registry: Registry,
    events: Family<Outcome, Counter>,
    deliveries: Family<Outcome, Counter>,
    failures: Family<Outcome, Counter>,
    ready: Family<Of, Gauge>,
    messages: Family<InState, Gauge<i64, AtomicI64>>,
    restarts: Family<Of, Counter>,
    incomplete: Family<Of, Counter>,
    disk_refusals: Counter,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("tieline");
        let events = Family::default();
        registry.register("events", "Events received, by instance and what became of them", events.clone());
        let deliveries = Family::default();
        registry.register("deliveries", "Deliveries settled, by target instance and outcome", deliveries.clone());
        let failures = Family::default();
        registry.register(
            "send_failures",
            "Attempts that did not succeed, by target instance and end",
            failures.clone(),
        );
        let ready = Family::default();
        registry.register("instance_ready", "1 while the instance is ready", ready.clone());
        let messages = Family::default();
        registry.register("messages", "Messages in the outbox by state, since it was made", messages.clone());
        let restarts = Family::default();
        registry.register("driver_restarts", "How often a driver stopped and was run again", restarts.clone());
        let incomplete = Family::default();
        registry.register(
            "incomplete_events",
            "Events sent on as they stood, since a part could not be had",
            incomplete.clone(),
        );
        let disk_refusals = Counter::default();
        registry.register("disk_refusals", "Writes that the disk refused", disk_refusals.clone());
        Self { registry, events, deliveries, failures, ready, messages, restarts, incomplete, disk_refusals }
    }

    /// The OpenMetrics text.
    pub(crate) fn encode(&self, tallies: &Tallies) -> String {
        for (state, count) in [
            ("planned", tallies.planned),
            ("delivered", tallies.delivered),
            ("filtered", tallies.filtered),
            ("dead", tallies.dead),
            ("dropped", tallies.dropped),
            ("pending", tallies.pending),
            ("repeats", tallies.repeats),
            ("possible_duplicates", tallies.possible_duplicates),
            ("held", tallies.held),
        ] {
            self.messages.get_or_create(&InState { state }).set(count);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }

    fn count(family: &Family<Outcome, Counter>, instance: &InstanceId, outcome: &'static str) {
        family.get_or_create(&Outcome { instance: instance.to_string(), outcome }).inc();
    }

    pub(crate) fn accepted(&self, event: &Event, accepted: &Accepted) {
        let instance = &event.instance;
        let outcome = match accepted {
            Accepted::Planned { seq, deliveries } => {
                tracing::debug!(trace = %seq, %instance, channel = %event.channel, kind = event.kind(),
                    message_id = %event.message_id, deliveries, "Event accepted");
                "planned"
            }
            Accepted::Filtered { seq, reason } => {
                tracing::debug!(trace = %seq, %instance, channel = %event.channel, kind = event.kind(),
                    message_id = %event.message_id, reason, "Event filtered");
                "filtered"
            }
            Accepted::Held { seq } => {
                tracing::debug!(trace = %seq, %instance, channel = %event.channel, message_id = %event.message_id,
                    "Event held: it may be our own, and a send is under way");
                "held"
            }
            Accepted::Repeat { seq } => {
                tracing::debug!(trace = %seq, %instance, channel = %event.channel, message_id = %event.message_id,
                    "Event came again");
                "repeat"
            }
        };
        Self::count(&self.events, instance, outcome);
    }

    pub(crate) fn delivered(&self, delivery: &Delivery, rule: &dyn Display) {
        Self::count(&self.deliveries, &delivery.ends.target.instance, "delivered");
        tracing::info!(trace = %delivery.seq, %rule, from = %delivery.ends.source, to = %delivery.ends.target,
            "Message delivered");
    }

    pub(crate) fn filtered(&self, delivery: &Delivery, reason: &str) {
        Self::count(&self.deliveries, &delivery.ends.target.instance, "filtered");
        tracing::debug!(trace = %delivery.seq, to = %delivery.ends.target, reason, "Message filtered");
    }

    pub(crate) fn died(&self, delivery: &Delivery, reason: &str) {
        Self::count(&self.deliveries, &delivery.ends.target.instance, "dead");
        tracing::warn!(trace = %delivery.seq, dead_letter = %delivery.id, from = %delivery.ends.source,
            to = %delivery.ends.target, reason, "Message could not be delivered; see `tieline dead`");
    }

    pub(crate) fn failed(&self, delivery: &Delivery, end: &'static str, attempts: u32, reason: &str) {
        Self::count(&self.failures, &delivery.ends.target.instance, end);
        tracing::warn!(trace = %delivery.seq, to = %delivery.ends.target, attempts, end, reason,
            "Send failed; it is tried again");
    }

    pub(crate) fn waits(&self, delivery: &Delivery, until: jiff::Timestamp) {
        Self::count(&self.failures, &delivery.ends.target.instance, "rate_limited");
        tracing::info!(trace = %delivery.seq, to = %delivery.ends.target, %until, "The platform asked to wait");
    }

    pub(crate) fn completion_waits(&self, seq: EventSeq, instance: &InstanceId, until: jiff::Timestamp) {
        Self::count(&self.failures, instance, "rate_limited");
        tracing::info!(trace = %seq, %instance, %until, "The platform asked to wait before the event is completed");
    }

    pub(crate) fn may_double(&self, delivery: &Delivery) {
        Self::count(&self.failures, &delivery.ends.target.instance, "possible_duplicate");
        tracing::warn!(trace = %delivery.seq, to = %delivery.ends.target,
            "Nobody can tell whether the message arrived; it is sent again and may be there twice");
    }

    pub(crate) fn completed(&self, seq: EventSeq, instance: &InstanceId, notes: &[String]) {
        if !notes.is_empty() {
            self.incomplete.get_or_create(&Of { instance: instance.to_string() }).inc();
            tracing::info!(trace = %seq, %instance, notes = notes.join("; "), "Event completed as far as possible");
        }
    }

    pub(crate) fn health(&self, instance: &InstanceId, health: &InstanceHealth) {
        let ready = health.state == State::Ready;
        self.ready.get_or_create(&Of { instance: instance.to_string() }).set(i64::from(ready));
        if let (Some(error), false) = (&health.error, ready) {
            tracing::warn!(%instance, error, "Instance is failing");
        } else {
            tracing::info!(%instance, "Instance is ready");
        }
    }

    pub(crate) fn driver_stopped(&self, instance: &InstanceId, reason: &str, again: std::time::Duration) {
        self.restarts.get_or_create(&Of { instance: instance.to_string() }).inc();
        tracing::error!(%instance, reason, again_in_ms = again.as_millis() as u64, "Driver stopped; it is run again");
    }

    pub(crate) fn disk_refused(&self, what: &str, error: &dyn Display) {
        self.disk_refusals.inc();
        tracing::error!(what, %error, "The outbox could not be written");
    }
}
