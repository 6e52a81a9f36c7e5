//! One running account.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tieline_core::address::Address;
use tieline_core::driver::{
    BuildError, CompleteError, Completed, Driver, DriverContext, DriverError, Finding, InstanceConfig, Room, Services,
};
use tieline_core::event::{Author, Event};
use tieline_core::send::{CutError, Outgoing, Part, Reconciled, Scope, SendError, Sending, Sent};
use tieline_core::throttle::Throttle;
use tieline_core::webhook::Mount;

use crate::api::Api;
use crate::change::{DELETE, REACT, UPDATE};
use crate::cut;
use crate::doctor::{CHECK, REFUSED};
use crate::gate::Gate;
use crate::instance::{Instance, Sender};
use crate::mask::Mask;
use crate::members::Members;
use crate::openers::{self, Opener};
use crate::part::{Change, Step, Work};
use crate::realtime::TypingLine;
use crate::receive::Receiver;
use crate::refusal::Failure;
use crate::room::RoomBook;
use crate::settings::ReceiveMethod;
use crate::turns::Turns;

/// A payload holds one message with its attachments; the longest text is 5,000 characters, a thumbnail some kilobytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// How long a failed check of the credentials waits for the next one, at first and at most.
const RECHECK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));

/// The driver of one instance.
pub(crate) struct RocketChatDriver {
    pub(crate) instance: Arc<Instance>,
    pub(crate) services: Services,
    pub(crate) api: Api,
    pub(crate) rooms: RoomBook,
    pub(crate) mask: Mask,
    pub(crate) members: Members,
    pub(crate) turns: Turns,
    pub(crate) typing: TypingLine,
    /// Whether the latest lookup of a message had no answer.
    pub(crate) silent: AtomicBool,
    pub(crate) wrong_tokens: Throttle,
    pub(crate) bad_calls: Throttle,
}

impl RocketChatDriver {
    pub(crate) fn new(instance: Arc<Instance>, services: Services) -> Result<Self, BuildError> {
        let api = Api::new(Arc::clone(&instance), Arc::clone(&services.clock))?;
        Ok(Self {
            instance,
            services,
            api,
            rooms: RoomBook::default(),
            mask: Mask::default(),
            members: Members::default(),
            turns: Turns::default(),
            typing: TypingLine::default(),
            silent: AtomicBool::new(false),
            wrong_tokens: Throttle::default(),
            bad_calls: Throttle::default(),
        })
    }

    pub(crate) fn realm(&self) -> &str {
        self.instance.realm()
    }

    /// Our user id, if messages of that account are ours: by REST they are. A login tells it only once it was made, and
    /// until then nothing may be taken in, or we would relay ourselves.
    pub(crate) async fn own_id(&self) -> Result<Option<String>, String> {
        if self.instance.hook().is_some() {
            return Ok(None);
        }
        if self.api.login.user_id().is_none() {
            self.api.session().await.map_err(|failure| format!("the bot cannot log in yet: {failure}"))?;
        }
        Ok(self.api.login.user_id().map(str::to_owned))
    }

    /// Asks the server who we are. `Err`: what is wrong, for people.
    async fn check(&self) -> Result<(), String> {
        match self.api.get("me", &[]).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(refusal)) if refusal.is_login() => Err(format!("{REFUSED}: {CHECK}")),
            Err(failure) => Err(format!("Rocket.Chat at {} cannot be used: {failure}", self.instance.server)),
        }
    }

    /// Checks the credentials until they are good. Nothing waits at the gate meanwhile.
    async fn get_ready(&self, context: &DriverContext, gate: &Gate) {
        if !self.api.login.is_possible() {
            context.health.ready();
            return;
        }
        let mut wait = RECHECK.0;
        while let Err(why) = self.check().await {
            gate.open();
            context.health.failing(&why);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RECHECK.1);
        }
        context.health.ready();
    }

    async fn send_step(&self, sending: &Sending, step: Step) -> Result<Sent, SendError> {
        match (step, &self.instance.sender) {
            (Step::Hook { said, attachments }, Sender::Hook(_)) => self.send_hook(sending, &said, &attachments).await,
            (Step::Hook { .. }, Sender::Api) | (_, Sender::Hook(_)) => {
                let reason = "the instance's `send_method` was changed since the message was cut; retry it".to_owned();
                Err(SendError::Permanent { reason })
            }
            (Step::Text(said), Sender::Api) => self.send_text(sending, &said).await,
            (Step::Upload(file), Sender::Api) => self.send_upload(sending, &file).await,
            (Step::Confirm { said, file, label }, Sender::Api) => {
                self.send_confirm(sending, &said, &file, &label).await
            }
        }
    }

    /// Says something, in the delivery's thread if it has one.
    pub(crate) async fn say(&self, sending: &Sending, step: Step) -> Result<Sent, SendError> {
        let (step, opener) = openers::in_thread(sending, step);
        let before = self.look_for(opener).await;
        if before == Opener::Gone {
            return Err(SendError::ThreadGone);
        }
        let outcome = self.send_step(sending, step).await;
        self.settled(opener, before, outcome).await
    }

    fn work(sending: &Sending) -> Result<Work, SendError> {
        let unknown =
            |error| SendError::Permanent { reason: format!("this part was stored by another version: {error}") };
        Work::deserialize(&sending.part.body).map_err(unknown)
    }
}

#[async_trait]
impl Driver for RocketChatDriver {
    async fn run(self: Arc<Self>, context: DriverContext) -> Result<(), DriverError> {
        if self.instance.receive == ReceiveMethod::Realtime {
            return self.receive_realtime(&context).await;
        }
        let gate = Arc::new(Gate::shut());
        if !self.catches_up() {
            gate.open();
        }
        let (driver, inbound) = (Arc::clone(&self), Arc::clone(&context.inbound));
        let handler = Arc::new(Receiver { driver, inbound, gate: Arc::clone(&gate) });
        let mount = Mount { at: self.instance.listen.clone(), body_limit: BODY_LIMIT, handler };
        let _mounted = context.webhooks.mount(mount).await.map_err(|error| DriverError(error.to_string()))?;
        let receive = async {
            self.get_ready(&context, &gate).await;
            if self.catches_up() {
                self.catch_up(&context, &gate).await;
            }
        };
        tokio::select! {
            () = context.shutdown.cancelled() => return Ok(()),
            () = receive => {}
        }
        context.shutdown.cancelled().await;
        Ok(())
    }

    async fn complete(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError> {
        self.complete_event(event, last_try).await
    }

    fn cut(&self, outgoing: &Outgoing) -> Result<Vec<Part>, CutError> {
        cut::cut(&self.instance, outgoing)
    }

    /// Only a session of the realtime API can say it.
    async fn show_typing(&self, target: &Address) {
        if let Some(room) = target.text("room_id") {
            self.typing.show(room);
        }
    }

    async fn account_named(&self, target: &Address, name: &str) -> Option<String> {
        self.member_named(target, name).await
    }

    fn scopes(&self, sending: &Sending) -> Vec<Scope> {
        let names = match Self::work(sending) {
            Ok(Work::Say(step)) => vec![step.limit()],
            // An edit may become a correction.
            Ok(Work::Change(Change::Edit { said, .. })) => vec![UPDATE, Step::say(&self.instance, said).limit()],
            Ok(Work::Change(Change::Delete { .. })) => vec![DELETE],
            Ok(Work::Change(Change::React { .. })) => vec![REACT],
            Err(_) => Vec::new(),
        };
        names.into_iter().map(|name| Scope::Named(name.to_owned())).collect()
    }

    /// A login tells the id once it is made; the account that a hook posts as is the server's secret.
    fn account(&self) -> Option<String> {
        if self.instance.hook().is_some() { None } else { self.api.login.user_id().map(str::to_owned) }
    }

    fn is_own(&self, author: &Author) -> bool {
        let named = || !author.username.is_empty() && self.api.login.username() == Some(author.username.as_str());
        self.account().is_some_and(|account| account == author.id || named())
    }

    async fn send(&self, sending: &Sending) -> Result<Sent, SendError> {
        match Self::work(sending)? {
            Work::Say(step) => self.say(sending, step).await,
            Work::Change(change) => self.send_change(sending, change).await,
        }
    }

    async fn reconcile(&self, sending: &Sending, held: &[Event]) -> Result<Reconciled, SendError> {
        match Self::work(sending)? {
            Work::Say(step) => self.find_out(sending, &step, held).await,
            // It may have become a correction.
            Work::Change(Change::Edit { said, .. }) => {
                self.find_out(sending, &Step::say(&self.instance, said.corrected()), held).await
            }
            Work::Change(Change::Delete { .. } | Change::React { .. }) => Ok(Reconciled::Missing),
        }
    }

    async fn rooms(&self) -> Result<Vec<Room>, DriverError> {
        self.list_rooms().await
    }

    async fn doctor(&self, rooms: &[Address]) -> Vec<Finding> {
        self.examine(rooms).await
    }
}
