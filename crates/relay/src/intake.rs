//! The intake: dedupe, route, commit, and only then answer.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tieline_core::driver::{Inbound, InboundError, Typing};
use tieline_core::event::{Authorship, Body, Event, Reaction};
use tieline_core::family::Family;
use tieline_core::id::{Channel, ChannelKey, EventSeq, MessageId};
use tieline_core::outbox::{Accepted, Intake, OutboxError, Routing};
use tieline_core::plan::{Links, Plan};
use tokio::time::Instant;

use crate::change;
use crate::commands;
use crate::exchange::{Exchange, Stopping};
use crate::held::{Head, PATIENCE, Place, Wait};
use crate::instances::Running;
use crate::overtaken::overtake;
use crate::sighting::Sighting;
use crate::typing::show;

/// What drivers hand their events to.
pub(crate) struct Reception {
    exchange: Weak<Exchange>,
}

impl Reception {
    pub(crate) fn new(exchange: &Arc<Exchange>) -> Self {
        Self { exchange: Arc::downgrade(exchange) }
    }
}

#[async_trait]
impl Inbound for Reception {
    async fn accept(&self, event: Event) -> Result<Accepted, InboundError> {
        let exchange = self.exchange.upgrade().ok_or(InboundError::Stopping)?;
        if exchange.shutdown.is_cancelled() {
            return Err(InboundError::Stopping);
        }
        if let Body::Reaction(reaction) = &event.body
            && reaction.emoji.is_empty()
        {
            return self.take_all_back(&exchange, event).await;
        }
        let event = Arc::new(by_ours(&exchange, event));
        // Look for sends under way before committing: one that begins later cannot be what this event echoes or answers.
        let wait = wait_of(&exchange, &event).await?;
        if is_under_way(&exchange, &event) {
            let routing = Routing::Filtered("a copy that tieline is sending".into());
            return commit(&exchange, &event, routing.into()).await;
        }
        let held = &exchange.unsettled.held;
        let place = if let Some(place) = held.enter(&source(&event), wait.is_some()) {
            place
        } else {
            let routed = route(&exchange, &event).await.map_err(refused)?;
            // Meanwhile another event of the channel may have been held, and be committed before this one.
            match held.enter(&source(&event), false) {
                Some(place) => place,
                None => return commit(&exchange, &event, routed).await,
            }
        };
        // A task of its own: whoever handed the event in may leave in the middle, and it must be released all the same.
        let tasks = exchange.tasks.clone();
        tasks.spawn(hold(exchange, event, wait, place)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "Holding an event failed in the middle; please report it");
            Err(InboundError::Stopping)
        })
    }

    async fn typing(&self, typing: Typing) {
        if let Some(exchange) = self.exchange.upgrade() {
            show(&exchange, typing);
        }
    }
}

impl Reception {
    /// All reactions to a message were taken away at once: each emoji that stood there is one event.
    async fn take_all_back(&self, exchange: &Arc<Exchange>, event: Event) -> Result<Accepted, InboundError> {
        let here = source(&event);
        let mut standing = Vec::new();
        if let Some(instance) = exchange.instances.get(&event.instance)
            && let Some(family) =
                exchange.outbox.family(&instance.realm, &event.message_id, &here).await.map_err(refused)?
        {
            standing = exchange.outbox.reactions(family.seq).await.map_err(refused)?;
        }
        let mut last = None;
        for (emoji, channel) in standing {
            if channel == here {
                let reaction = Reaction { emoji, added: false };
                last = Some(self.accept(Event { body: Body::Reaction(reaction), ..event.clone() }).await?);
            }
        }
        if let Some(accepted) = last {
            return Ok(accepted);
        }
        let why = Routing::Filtered("no reaction that was relayed stood there".to_owned());
        commit(exchange, &Arc::new(event), why.into()).await
    }
}

/// What the rules make of an event, and of a change, what it changes.
pub(crate) struct Routed {
    routing: Routing,
    about: Option<Arc<Family>>,
}

/// What a change is about, and where it goes.
type Changed = (Arc<Family>, Vec<Channel>);

impl Routed {
    fn change(&self) -> Option<Changed> {
        let Routing::Deliver(planned) = &self.routing else { return None };
        let targets = || planned.iter().map(|planned| planned.target.clone()).collect();
        self.about.as_ref().map(|family| (Arc::clone(family), targets()))
    }
}

impl From<Routing> for Routed {
    fn from(routing: Routing) -> Self {
        Self { routing, about: None }
    }
}

/// Commits an event.
async fn commit(exchange: &Arc<Exchange>, event: &Arc<Event>, routed: Routed) -> Result<Accepted, InboundError> {
    let change = routed.change();
    let accepted = match exchange.outbox.accept(intake_of(exchange, event, routed)).await {
        Ok(accepted) => accepted,
        Err(error) => {
            exchange.disk_refused("accepting an event", &error);
            return Err(refused(error));
        }
    };
    taken(exchange, event, &accepted, change).await;
    Ok(accepted)
}

/// An event was committed: what follows at once.
async fn taken(exchange: &Arc<Exchange>, event: &Arc<Event>, accepted: &Accepted, change: Option<Changed>) {
    exchange.telemetry.accepted(event, accepted);
    if let Accepted::Planned { seq, .. } = accepted {
        if let Some((family, targets)) = change {
            overtake(exchange, *seq, event, &family, &targets).await;
        }
        complete_early(exchange, *seq, event);
    }
}

/// Commits an event as held, and sees to its release. If it turns out a repeat or our own, its place is free again.
async fn hold(
    exchange: Arc<Exchange>,
    event: Arc<Event>,
    wait: Option<Wait>,
    place: Place,
) -> Result<Accepted, InboundError> {
    let accepted = commit(&exchange, &event, Routing::Hold.into()).await?;
    if let Accepted::Held { seq } = &accepted {
        let channel = source(&event);
        if place.fill(*seq, event, wait) {
            exchange.tasks.clone().spawn(release_all(exchange, channel));
        }
    }
    Ok(accepted)
}

/// Takes up the events that the last process left held: they are planned once the sends that are under suspicion since
/// then are settled. Nothing else may have been accepted before.
pub(crate) async fn take_up_held(exchange: &Arc<Exchange>) -> Result<(), OutboxError> {
    let mut channels = Vec::new();
    for (seq, event) in exchange.outbox.held(None).await? {
        let channel = source(&event);
        let wait = sends_under_way(exchange, &event).and_then(|newest| wait_for(newest, &event));
        let place = exchange.unsettled.held.enter(&channel, true);
        if place.is_some_and(|place| place.fill(seq, Arc::new(event), wait)) {
            channels.push(channel);
        }
    }
    for channel in channels {
        exchange.tasks.spawn(release_all(Arc::clone(exchange), channel));
    }
    Ok(())
}

/// Releases the held events of a channel, one after the other, until there are none.
async fn release_all(exchange: Arc<Exchange>, channel: Channel) {
    loop {
        let (seq, event, wait) = match exchange.unsettled.held.head(&channel) {
            Head::Event(seq, event, wait) => (seq, event, wait),
            Head::Changing(changed) => {
                tokio::select! {
                    () = changed.notified() => continue,
                    () = exchange.shutdown.cancelled() => return, // what is held is on disk
                }
            }
            Head::Empty => return,
        };
        if let (Some(wait), Some(instance)) = (wait, exchange.instances.get(&event.instance)) {
            let seen = Sighting::of(&exchange, &instance, &event);
            let ends = exchange.unsettled.ends(&instance.realm, &seen, wait.newest);
            tokio::select! {
                () = wait.over(ends) => {}
                () = exchange.shutdown.cancelled() => return,
            }
        }
        if let Err(Stopping) = release(&exchange, seq, &event).await {
            tracing::debug!(trace = %seq, "A held event is left for the next start");
            return;
        }
        exchange.unsettled.held.released(&channel, seq);
    }
}

/// The channel that an event comes from.
fn source(event: &Event) -> Channel {
    Channel { instance: event.instance.clone(), key: event.channel.clone() }
}

/// The newest of the sends that are under way now into the channel of an event; `None` if there are none.
fn sends_under_way(exchange: &Exchange, event: &Event) -> Option<u64> {
    let instance = exchange.instances.get(&event.instance)?;
    exchange.unsettled.newest(&instance.realm, &Sighting::of(exchange, &instance, event))
}

/// What an event waits for that cannot be judged before these sends are settled: it may be the echo of one, or answer one.
fn wait_for(newest: u64, event: &Event) -> Option<Wait> {
    if event.author.kind.may_be_ours() {
        return Some(Wait { newest, until: None });
    }
    parent(event).map(|_| Wait { newest, until: Some(Instant::now() + PATIENCE) })
}

/// What a new event waits for; `None` if it can be judged now.
async fn wait_of(exchange: &Exchange, event: &Event) -> Result<Option<Wait>, InboundError> {
    let may_be_ours = event.author.kind.may_be_ours();
    if !may_be_ours && parent(event).is_none() {
        return Ok(None);
    }
    let Some(wait) = sends_under_way(exchange, event).and_then(|newest| wait_for(newest, event)) else {
        return Ok(None);
    };
    // A deletion that follows a send of ours into the channel may be our own: of a part that an edit left out.
    let may_be_echo = may_be_ours || matches!(event.body, Body::Delete);
    let known = match (exchange.instances.get(&event.instance), parent(event)) {
        (Some(of), Some(parent)) if !may_be_echo => {
            exchange.outbox.is_known(&of.realm, parent).await.map_err(refused)?
        }
        _ => false,
    };
    Ok(Some(wait).filter(|_| !known))
}

/// The message that an event answers, or changes.
fn parent(event: &Event) -> Option<&MessageId> {
    if event.is_change() {
        return Some(&event.message_id);
    }
    event.message().and_then(|message| message.reply_to.as_ref())
}

/// Notes that an event's author is an account of ours, which the instance that saw it cannot know.
pub(crate) fn by_ours(exchange: &Exchange, mut event: Event) -> Event {
    let realm = exchange.instances.get(&event.instance).map(|of| Arc::clone(&of.realm));
    let writes = |one: &Running| Some(&one.realm) == realm.as_ref() && one.driver.is_own(&event.author);
    if !event.author.kind.may_be_ours() && exchange.instances.all().values().any(|one| writes(one)) {
        event.author.kind = if event.author.kind.is_bot() { Authorship::BotOrOurs } else { Authorship::PersonOrOurs };
    }
    event
}

async fn release(exchange: &Arc<Exchange>, seq: EventSeq, event: &Arc<Event>) -> Result<(), Stopping> {
    let mut event = event;
    let stored;
    if matches!(event.body, Body::Files(_)) {
        // It was stored without the text that the message before it had.
        stored = exchange.insist("reading a held event", || exchange.outbox.event(seq)).await?;
        event = stored.as_ref().unwrap_or(event);
    }
    let (accepted, change) = exchange
        .insist("planning a held event", || async {
            let routed = route(exchange, event).await?;
            let change = routed.change();
            Ok((exchange.outbox.release(seq, intake_of(exchange, event, routed)).await?, change))
        })
        .await?;
    taken(exchange, event, &accepted, change).await;
    Ok(())
}

/// Whether a message is one of ours that is being sent: seen by an account that does not know its author.
fn is_under_way(exchange: &Exchange, event: &Event) -> bool {
    let new = matches!(event.body, Body::Message(_) | Body::Files(_));
    let realm = exchange.instances.get(&event.instance).map(|of| Arc::clone(&of.realm));
    new && realm.is_some_and(|realm| exchange.unsettled.is_sending(&realm, &event.message_id))
}

async fn route(exchange: &Exchange, event: &Event) -> Result<Routed, OutboxError> {
    if event.message_id.is_ours() {
        return Ok(Routing::Filtered("its id is one that only tieline gives".into()).into());
    }
    if let Some(routing) = commands::hear(exchange, event).await? {
        return Ok(routing.into());
    }
    Ok(match event.body {
        Body::Joined | Body::Left | Body::Topic(_) if event.author.kind.may_be_ours() => {
            Routing::Filtered("it is about an account of tieline's own".into()).into()
        }
        Body::Message(_) | Body::Files(_) | Body::Joined | Body::Left | Body::Topic(_) => {
            let plan = exchange.plan.load_full();
            plan.route(event, &links(exchange, &plan, event).await?).into()
        }
        Body::Edit(_) | Body::Delete | Body::Reaction(_) => {
            let (routing, about) = change::route(exchange, event).await?;
            Routed { routing, about }
        }
    })
}

/// What the rules need to know of the conversation that an event belongs to.
async fn links(exchange: &Exchange, plan: &Plan, event: &Event) -> Result<Links, OutboxError> {
    let (Some(parent), Some(instance)) = (plan.asks_for(event), exchange.instances.get(&event.instance)) else {
        return Ok(Links::default());
    };
    let parent_places = exchange.outbox.places(&instance.realm, parent).await?;
    if !are_around(exchange, event, &parent_places) {
        return Ok(Links::default());
    }
    exchange.outbox.still_used(&instance.realm, parent, exchange.now()).await?;
    Ok(Links { parent: parent_places, ..Links::default() })
}

/// Whether one of these places of a message is where an event happened, so that whoever said the event saw the message.
/// People can name others: by a quotation from another room, or by an id that they made up.
pub(crate) fn are_around(exchange: &Exchange, event: &Event, places: &[Channel]) -> bool {
    let Some(here) = exchange.instances.get(&event.instance) else { return false };
    let names = here.config.target_names(event);
    places.iter().any(|place| {
        let fellow = || exchange.instances.get(&place.instance).is_some_and(|there| there.realm == here.realm);
        let same = |key: &ChannelKey| place.key == *key;
        ([&event.channel].into_iter().chain(&event.parent).any(same) || names.iter().any(same))
            && (place.instance == event.instance || (here.config.is_shared(&place.key) && fellow()))
    })
}

pub(crate) fn intake(exchange: &Exchange, event: &Arc<Event>, routing: Routing) -> Intake {
    intake_of(exchange, event, routing.into())
}

fn intake_of(exchange: &Exchange, event: &Arc<Event>, routed: Routed) -> Intake {
    let Routed { routing, about } = routed;
    let about = about.map(|family| family.seq);
    let instance = exchange.instances.get(&event.instance);
    let realm = instance.as_ref().map_or_else(|| Arc::from(""), |instance| Arc::clone(&instance.realm));
    // Only what a bot posted can be the echo of a copy without an id, and to make the names costs more than the rules do.
    let echo = instance.filter(|_| event.author.kind == Authorship::BotOrOurs);
    let target_names = echo.map(|instance| instance.config.target_names(event)).unwrap_or_default();
    Intake { event: Arc::clone(event), realm, target_names, received: exchange.now(), routing, about }
}

/// Begins to complete an event before its lanes ask for it: links to files grow old while a lane waits.
fn complete_early(exchange: &Arc<Exchange>, seq: EventSeq, event: &Arc<Event>) {
    if event.missing.is_some() {
        let exchange = Arc::clone(exchange);
        let event = Arc::clone(event);
        exchange.tasks.clone().spawn(async move {
            if let Err(Stopping) = exchange.completions.complete(&exchange, seq, &event).await {
                tracing::debug!(trace = %seq, "An incomplete event is left for the next start");
            }
        });
    }
}

fn refused(error: OutboxError) -> InboundError {
    match error {
        OutboxError::Closed => InboundError::Stopping,
        OutboxError::Disk(reason) | OutboxError::Damaged(reason) => InboundError::Disk(reason),
    }
}
