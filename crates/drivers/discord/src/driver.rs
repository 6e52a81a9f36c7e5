//! One running bot.

use std::sync::Arc;

use async_trait::async_trait;
use tieline_core::address::Address;
use tieline_core::claims::Claims;
use tieline_core::driver::{
    BuildError, CompleteError, Completed, Driver, DriverContext, DriverError, Finding, Room, Services,
};
use tieline_core::event::Event;
use tieline_core::send::{CutError, Outgoing, Part, Reconciled, Scope, SendError, Sending, Sent};
use tieline_core::throttle::Throttle;

use crate::account::Accounts;
use crate::api::Api;
use crate::change::{CustomEmoji, TakenAway};
use crate::cut;
use crate::deferred::Deferred;
use crate::directory::Directory;
use crate::doubts::Doubts;
use crate::gateway::Identified;
use crate::instance::Instance;
use crate::intent::ContentIntent;
use crate::look_up::LookUps;
use crate::me::Me;
use crate::media::Files;
use crate::place::scope;
use crate::typing::Shown;
use crate::webhooks::Webhooks;

/// The driver of one instance.
pub(crate) struct DiscordDriver {
    pub(crate) instance: Arc<Instance>,
    pub(crate) services: Services,
    pub(crate) api: Api,
    pub(crate) me: Me,
    pub(crate) directory: Directory,
    pub(crate) webhooks: Webhooks,
    pub(crate) claims: Claims,
    pub(crate) doubts: Doubts,
    pub(crate) look_ups: LookUps,
    pub(crate) deferred: Deferred,
    pub(crate) content: ContentIntent,
    pub(crate) files: Files,
    pub(crate) identified: Identified,
    pub(crate) accounts: Accounts,
    pub(crate) custom_emoji: CustomEmoji,
    pub(crate) taken_away: TakenAway,
    pub(crate) typing: Shown,
    /// The warning of events that cannot be relayed.
    pub(crate) odd: Throttle,
}

impl DiscordDriver {
    pub(crate) fn new(instance: Arc<Instance>, services: Services) -> Result<Self, BuildError> {
        let api = Api::new(Arc::clone(&instance), Arc::clone(&services.clock))?;
        let files = Files::new(&instance)?;
        Ok(Self {
            instance,
            services,
            api,
            me: Me::default(),
            directory: Directory::default(),
            webhooks: Webhooks::default(),
            claims: Claims::default(),
            doubts: Doubts::default(),
            look_ups: LookUps::default(),
            deferred: Deferred::default(),
            content: ContentIntent::default(),
            files,
            identified: Identified::default(),
            accounts: Accounts::default(),
            custom_emoji: CustomEmoji::default(),
            taken_away: TakenAway::default(),
            typing: Shown::default(),
            odd: Throttle::default(),
        })
    }
}

#[async_trait]
impl Driver for DiscordDriver {
    async fn run(self: Arc<Self>, context: DriverContext) -> Result<(), DriverError> {
        self.receive(&context).await
    }

    async fn complete(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError> {
        self.complete_event(event, last_try).await
    }

    fn cut(&self, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
        cut::cut(&self.instance, outgoing)
    }

    async fn account_named(&self, target: &Address, name: &str) -> Option<String> {
        self.find_account(target, name).await.map(|account| account.to_string())
    }

    async fn show_typing(&self, target: &Address) {
        self.type_there(target).await;
    }

    fn scopes(&self, sending: &Sending) -> Vec<Scope> {
        vec![scope(sending)]
    }

    fn account(&self) -> Option<String> {
        self.me.account().map(|account| account.bot.to_string())
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
