//! What is counted is logged, what is logged is named: one function for each happening.
//!
//! Labels are ids of instances and rules, never users or text.

use std::fmt::{self, Display};
use std::sync::atomic::AtomicI64;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tieline_core::event::Event;
use tieline_core::id::{EventSeq, InstanceId, MessageId};
use tieline_core::outbox::{Accepted, Delivery, Tallies};

use crate::health::{InstanceHealth, State};
use crate::reload::Reloaded;

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

/// What an event of our own making is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnEvent {
    /// It begins the thread of a chat.
    ThreadOpener,
    /// It tells a writer that a message did not arrive.
    Notice,
}

impl OwnEvent {
    /// `None` for what somebody wrote on a platform.
    pub fn of(message: &MessageId) -> Option<Self> {
        if !message.is_ours() {
            return None;
        }
        let notice = MessageId::ours("notice ").is_ok_and(|notice| message.as_str().starts_with(notice.as_str()));
        Some(if notice { Self::Notice } else { Self::ThreadOpener })
    }
}

impl Display for OwnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThreadOpener => "thread opener",
            Self::Notice => "notice to the writer",
        })
    }
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
    reloads: Counter,
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
        let reloads = Counter::default();
        registry.register("reloads", "Configurations that were taken over while the relay ran", reloads.clone());
        Self { registry, events, deliveries, failures, ready, messages, restarts, incomplete, disk_refusals, reloads }
    }

    pub(crate) fn reloaded(&self, reloaded: &Reloaded) {
        self.reloads.inc();
        let names = |ids: &[InstanceId]| ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(", ");
        let Reloaded { added, changed, removed, rules } = reloaded;
        let (added, changed, removed) = (names(added), names(changed), names(removed));
        tracing::info!(rules, added, changed, removed, "Reloaded the configuration");
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
        let (trace, source, to) = (delivery.seq, &delivery.ends.source, &delivery.ends.target);
        // What we made ourselves did not come from anywhere: it is about a chat.
        match OwnEvent::of(&delivery.event.message_id) {
            None => tracing::info!(%trace, %rule, from = %source, %to, "Message delivered"),
            Some(OwnEvent::ThreadOpener) => tracing::info!(%trace, %rule, about = %source, %to, "Thread opened"),
            // Its rule leads the other way.
            Some(OwnEvent::Notice) => tracing::info!(%trace, about = %source, %to, "Notice to the writer delivered"),
        }
    }

    pub(crate) fn filtered(&self, delivery: &Delivery, reason: &str) {
        Self::count(&self.deliveries, &delivery.ends.target.instance, "filtered");
        tracing::debug!(trace = %delivery.seq, to = %delivery.ends.target, reason, "Message filtered");
    }

    pub(crate) fn died(&self, delivery: &Delivery, reason: &str) {
        Self::count(&self.deliveries, &delivery.ends.target.instance, "dead");
        let (trace, source, to) = (delivery.seq, &delivery.ends.source, &delivery.ends.target);
        match OwnEvent::of(&delivery.event.message_id) {
            None => tracing::warn!(%trace, dead_letter = %delivery.id, from = %source, %to, reason,
                "Message could not be delivered; see `tieline dead`"),
            Some(own) => tracing::warn!(%trace, dead_letter = %delivery.id, about = %source, %to, reason,
                "The {own} could not be delivered; see `tieline dead`"),
        }
    }

    /// A try failed, and the next one is at `next`.
    pub(crate) fn failed(&self, delivery: &Delivery, end: &'static str, reason: &str, next: Timestamp) {
        Self::count(&self.failures, &delivery.ends.target.instance, end);
        let (trace, to, attempts) = (delivery.seq, &delivery.ends.target, delivery.attempts);
        if end == "reconcile" {
            tracing::warn!(%trace, %to, attempts, end, reason, %next,
                "It is not known yet whether the message arrived; it is looked up again");
        } else {
            tracing::warn!(%trace, %to, attempts, end, reason, %next, "Send failed; it is tried again");
        }
    }

    /// Nobody answered a send, and it is looked up at once whether the message arrived.
    pub(crate) fn answer_lost(&self, delivery: &Delivery, reason: &str) {
        Self::count(&self.failures, &delivery.ends.target.instance, "ambiguous");
        tracing::warn!(trace = %delivery.seq, to = %delivery.ends.target, end = "ambiguous", reason,
            "The answer to a send was lost; it is looked up whether the message arrived");
    }

    pub(crate) fn waits(&self, delivery: &Delivery, until: Timestamp) {
        Self::count(&self.failures, &delivery.ends.target.instance, "rate_limited");
        tracing::info!(trace = %delivery.seq, to = %delivery.ends.target, %until, "The platform asked to wait");
    }

    pub(crate) fn completion_waits(&self, seq: EventSeq, instance: &InstanceId, until: Timestamp) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_made_ourselves_is_called_what_it_is() {
        let ours = |what: &str| OwnEvent::of(&MessageId::ours(what).unwrap()).map(|own| own.to_string());
        assert_eq!(ours("thread 1.0").as_deref(), Some("thread opener"));
        assert_eq!(ours("notice 17.1").as_deref(), Some("notice to the writer"));
        assert_eq!(OwnEvent::of(&MessageId::new("notice 17.1").unwrap()), None);
    }
}
