//! The bench on which a driver lies: its harness, and all that it is run with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tieline_core::clock::Clock;
use tieline_core::driver::{Driver, Services};
use tieline_core::id::DeliveryId;
use tieline_core::markup::Markup;
use tieline_core::send::{Outgoing, Part, Reconciled, SendError, Sending, Sent};

use super::harness::Harness;
use crate::clock::SystemClock;
use crate::inbound::RecordingInbound;
use crate::running::{Running, first_part, on_its_way};
use crate::spool::TempSpool;
use crate::standins::{KnownIds, RecordingHealth};
use crate::webhooks::LocalWebhooks;

/// How long one step of a check may take before the driver is said to hang.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// One driver with everything that it is given.
pub struct Bench {
    /// The driver's side.
    pub harness: Box<dyn Harness>,
    /// Where files wait.
    pub spool: Arc<TempSpool>,
    /// Which messages the driver is told are known.
    pub known: Arc<KnownIds>,
    /// Where events arrive.
    pub inbound: Arc<RecordingInbound>,
    /// What the driver says about itself.
    pub health: Arc<RecordingHealth>,
    /// Where it receives webhooks.
    pub webhooks: Arc<LocalWebhooks>,
    deliveries: AtomicI64,
}

impl Bench {
    /// Makes a bench for the driver of a harness.
    pub async fn new<H: Harness, F: Future<Output = H>>(harness: impl FnOnce(Services) -> F) -> Self {
        let spool = Arc::new(TempSpool::new().expect("a temporary folder can be had"));
        let known = Arc::new(KnownIds::default());
        let services =
            Services { spool: Arc::clone(&spool) as _, links: Arc::clone(&known) as _, clock: Arc::new(SystemClock) };
        Self {
            harness: Box::new(harness(services).await),
            spool,
            known,
            inbound: Arc::default(),
            health: Arc::default(),
            webhooks: Arc::default(),
            deliveries: AtomicI64::new(1),
        }
    }

    pub(super) fn driver(&self) -> Arc<dyn Driver> {
        self.harness.driver()
    }

    /// Lets the driver receive.
    pub(super) async fn run(&self) -> Running {
        let running = Running::start(self.driver(), &self.inbound, &self.webhooks, &self.health);
        within("to connect", self.harness.connect(&self.webhooks, &self.health)).await;
        running
    }

    /// A new message, with a delivery of its own, that says a plain text under a name.
    pub(super) fn outgoing(&self, text: &str, name: &str) -> Outgoing {
        let instance = self.harness.instance();
        let rendered = instance.dialect().render(&Markup::plain(text));
        Outgoing {
            delivery: DeliveryId(self.deliveries.fetch_add(1, Ordering::Relaxed)),
            action: tieline_core::send::Action::Say,
            mentions: Vec::new(),
            target: self.harness.target(),
            named_text: format!("{}: {rendered}", instance.dialect().escape(name)),
            text: rendered,
            keys: self.harness.identity(name),
            attachments: Vec::new(),
            reply_to: None,
            time: SystemClock.now(),
        }
    }

    /// The parts of a message, which must be cuttable.
    pub(super) fn cut(&self, outgoing: &Outgoing) -> Vec<Part> {
        self.driver().cut(outgoing).expect("the message can be cut into parts")
    }

    /// Sends a message part by part until one fails.
    pub(super) async fn deliver(&self, outgoing: &Outgoing) -> Result<Vec<Sent>, SendError> {
        let mut before = Vec::new();
        for (index, part) in self.cut(outgoing).into_iter().enumerate() {
            let sending = on_its_way(outgoing, part, index as u16, &before);
            before.push(within("to send", self.driver().send(&sending)).await?);
        }
        Ok(before)
    }

    /// The first part of a message, on its way.
    pub(super) fn first(&self, outgoing: &Outgoing) -> Sending {
        first_part(&*self.driver(), outgoing)
    }

    /// Sends a part as the relay does: what is ambiguous is looked for, what is missing is sent again.
    pub(super) async fn settle(&self, sending: &Sending, first: SendError) -> Option<Sent> {
        let mut outcome = Err(first);
        for _ in 0..3 {
            match outcome {
                Ok(sent) => return Some(sent),
                Err(SendError::Ambiguous { .. }) => match self.reconcile(sending).await {
                    Ok(Reconciled::Arrived(sent)) => return Some(sent),
                    Ok(Reconciled::Missing | Reconciled::Unknowable) | Err(_) => {}
                },
                Err(SendError::Permanent { .. } | SendError::Impossible { .. } | SendError::ThreadGone) => return None,
                Err(SendError::Retryable { .. } | SendError::RateLimited(_)) => {}
            }
            outcome = within("to send", self.driver().send(sending)).await;
        }
        outcome.ok()
    }

    pub(super) async fn reconcile(&self, sending: &Sending) -> Result<Reconciled, SendError> {
        within("to reconcile", self.driver().reconcile(sending, &[])).await
    }

    /// That no secret of the instance stands in a text.
    pub(super) fn assert_no_secret(&self, text: &str) {
        for secret in self.harness.instance().secrets() {
            // The secret itself is not printed, not even here.
            assert!(secret.is_empty() || !text.contains(secret.reveal()), "a secret of the instance stands in a text");
        }
    }
}

/// Waits for a step, and says which one hung.
pub(super) async fn within<T>(what: &str, step: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, step).await;
    done.unwrap_or_else(|elapsed| panic!("the driver took more than {} s {what}: {elapsed}", PATIENCE.as_secs()))
}
