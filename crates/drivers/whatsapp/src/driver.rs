//! One running account.

use std::sync::Arc;

use async_trait::async_trait;
use tieline_core::address::Address;
use tieline_core::driver::{
    BuildError, CompleteError, Completed, Driver, DriverContext, DriverError, Finding, Room, Services,
};
use tieline_core::event::Event;
use tieline_core::send::{Outgoing, Part, Reconciled, Scope, SendError, Sending, Sent};
use tieline_core::webhook::Mount;

use crate::inbound::{BODY_LIMIT, Receiver};
use crate::instance::Instance;

/// The driver of one instance.
pub(crate) struct WhatsAppDriver {
    pub(crate) instance: Arc<Instance>,
    pub(crate) services: Services,
}

impl WhatsAppDriver {
    #[expect(clippy::unnecessary_wraps, reason = "the client of the outbound half can fail to be built")]
    pub(crate) fn new(instance: Arc<Instance>, services: Services) -> Result<Self, BuildError> {
        Ok(Self { instance, services })
    }
}

#[async_trait]
impl Driver for WhatsAppDriver {
    async fn run(self: Arc<Self>, context: DriverContext) -> Result<(), DriverError> {
        let clock = Arc::clone(&self.services.clock);
        let handler = Arc::new(Receiver::new(Arc::clone(&self.instance), Arc::clone(&context.inbound), clock));
        let mount = Mount { at: self.instance.listen.clone(), body_limit: BODY_LIMIT, handler };
        let _mounted = context.webhooks.mount(mount).await.map_err(|error| DriverError(error.to_string()))?;
        context.health.ready();
        context.shutdown.cancelled().await;
        Ok(())
    }

    async fn complete(&self, event: &Event, _last_try: bool) -> Result<Completed, CompleteError> {
        Ok(Completed { event: Event { missing: None, ..event.clone() }, notes: Vec::new() })
    }

    fn cut(&self, _outgoing: &Outgoing) -> Result<Vec<Part>, String> {
        Err("sending is not built yet".to_owned())
    }

    fn scopes(&self, _sending: &Sending) -> Vec<Scope> {
        Vec::new()
    }

    async fn send(&self, _sending: &Sending) -> Result<Sent, SendError> {
        Err(SendError::Permanent { reason: "sending is not built yet".to_owned() })
    }

    async fn reconcile(&self, _sending: &Sending, _held: &[Event]) -> Result<Reconciled, SendError> {
        Ok(Reconciled::Unknowable)
    }

    async fn rooms(&self) -> Result<Vec<Room>, DriverError> {
        Err(DriverError("listing rooms is not built yet".to_owned()))
    }

    async fn doctor(&self, _rooms: &[Address]) -> Vec<Finding> {
        Vec::new()
    }
}
