//! One running account.

use std::sync::Arc;

use async_trait::async_trait;
use tieline_core::address::Address;
use tieline_core::claims::Claims;
use tieline_core::driver::{
    BuildError, CompleteError, Completed, Driver, DriverContext, DriverError, Finding, Inbound, InboundError, Room,
    Services,
};
use tieline_core::event::Event;
use tieline_core::outbox::Accepted;
use tieline_core::send::{CutError, Outgoing, Part, Reconciled, Scope, SendError, Sending, Sent};
use tieline_core::webhook::{ListenAt, Mount};

use crate::api::Api;
use crate::cut;
use crate::doubts::Doubts;
use crate::health::Pulse;
use crate::history::History;
use crate::inbound::{BODY_LIMIT, Receiver};
use crate::instance::Instance;
use crate::jid::Jid;
use crate::names::Names;
use crate::offer::Offers;
use crate::registered::Registered;
use crate::typing::Typing;

/// The driver of one instance.
pub(crate) struct WhatsAppDriver {
    pub(crate) instance: Arc<Instance>,
    pub(crate) services: Services,
    pub(crate) api: Api,
    pub(crate) names: Names,
    pub(crate) registered: Registered,
    pub(crate) claims: Claims,
    pub(crate) doubts: Doubts,
    pub(crate) offers: Offers,
    pub(crate) pulse: Pulse,
    pub(crate) typing: Typing,
}

impl WhatsAppDriver {
    pub(crate) fn new(instance: Arc<Instance>, services: Services) -> Result<Self, BuildError> {
        let api = Api::new(Arc::clone(&instance), Arc::clone(&services.clock))?;
        Ok(Self {
            instance,
            services,
            api,
            names: Names::default(),
            registered: Registered::default(),
            claims: Claims::default(),
            doubts: Doubts::default(),
            offers: Offers::default(),
            pulse: Pulse::default(),
            typing: Typing::default(),
        })
    }
}

#[async_trait]
impl Driver for WhatsAppDriver {
    async fn run(self: Arc<Self>, context: DriverContext) -> Result<(), DriverError> {
        let clock = Arc::clone(&self.services.clock);
        let heard: Arc<dyn Inbound> =
            Arc::new(Heard { driver: Arc::clone(&self), inbound: Arc::clone(&context.inbound) });
        let history = History::begin(&self, &heard, &context).await;
        let history = history.map_err(|error| DriverError(error.to_string()))?;
        let handler = Arc::new(Receiver::new(Arc::clone(&self.instance), heard, history.clone(), clock));
        let mount = Mount { at: self.instance.listen.clone(), body_limit: BODY_LIMIT, handler };
        let mounted = context.webhooks.mount(mount).await.map_err(|error| DriverError(error.to_string()))?;
        let at = ListenAt { port: mounted.local.port(), ..self.instance.listen.clone() };
        self.offers.at(Some((Arc::clone(&context.webhooks), at)));
        tokio::select! {
            () = context.shutdown.cancelled() => {}
            () = self.watch(&context, history.as_deref()) => {}
            () = follow(history.as_deref()) => {}
        }
        self.offers.at(None);
        Ok(())
    }

    async fn complete(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError> {
        self.complete_event(event, last_try).await
    }

    fn cut(&self, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
        cut::cut(&self.instance, outgoing)
    }

    async fn show_typing(&self, target: &Address) {
        self.compose(target).await;
    }

    /// The addon limits no sends, and what stands before it limits all.
    fn scopes(&self, _sending: &Sending) -> Vec<Scope> {
        Vec::new()
    }

    /// Two accounts of ours may be in one group: each sees what the other one sends.
    fn account(&self) -> Option<String> {
        self.names.account()
    }

    async fn send(&self, sending: &Sending) -> Result<Sent, SendError> {
        self.send_part(sending).await
    }

    async fn reconcile(&self, sending: &Sending, held: &[Event]) -> Result<Reconciled, SendError> {
        self.find_out(sending, held).await
    }

    async fn rooms(&self) -> Result<Vec<Room>, DriverError> {
        self.list_rooms().await
    }

    async fn doctor(&self, rooms: &[Address]) -> Vec<Finding> {
        self.examine(rooms).await
    }
}

/// Catches up as often as it is needed, if that is wanted.
async fn follow(history: Option<&History>) {
    match history {
        Some(history) => history.follow().await,
        None => std::future::pending().await,
    }
}

/// Hands events on, and notes the chats that they come from: whoever writes to us has WhatsApp.
struct Heard {
    driver: Arc<WhatsAppDriver>,
    inbound: Arc<dyn Inbound>,
}

#[async_trait]
impl Inbound for Heard {
    async fn accept(&self, event: Event) -> Result<Accepted, InboundError> {
        // Our own echo proves nothing: it comes whether anybody is there or not.
        if !event.author.kind.may_be_ours()
            && let Some(chat) = Jid::parse(event.channel.as_str())
        {
            self.driver.registered.note(&chat);
        }
        self.inbound.accept(event).await
    }
}
