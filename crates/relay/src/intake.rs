//! The intake: dedupe, route, commit, and only then answer.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tieline_core::driver::{Inbound, InboundError};
use tieline_core::event::{Authorship, Body, Event};
use tieline_core::id::{Channel, ChannelKey, EventSeq};
use tieline_core::outbox::{Accepted, Intake, OutboxError, Routing};
use tieline_core::plan::{Links, Plan};

use crate::exchange::{Exchange, Running, Stopping};

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
        let event = Arc::new(by_ours(&exchange, event));
        // Look for sends under way before committing: one that begins later cannot be what this event echoes or answers.
        let wait = sends_under_way(&exchange, &event);
        let wait = if may_belong_to_a_send(&exchange, &event, wait.is_some()).await? { wait } else { None };
        let routing = if is_under_way(&exchange, &event) {
            Routing::Filtered("a copy that tieline is sending".into())
        } else if wait.is_some() {
            Routing::Hold
        } else {
            route(&exchange, &event).await.map_err(refused)?
        };
        let accepted = match exchange.outbox.accept(intake(&exchange, &event, routing)).await {
            Ok(accepted) => accepted,
            Err(error) => {
                exchange.disk_refused("accepting an event", &error);
                return Err(refused(error));
            }
        };
        exchange.telemetry.accepted(&event, &accepted);
        match (&accepted, wait) {
            (Accepted::Planned { seq, .. }, _) => complete_early(&exchange, *seq, &event),
            (Accepted::Held { seq }, Some(wait)) => {
                let seq = *seq;
                let later = Arc::clone(&exchange);
                exchange.tasks.spawn(async move {
                    tokio::select! {
                        () = wait => {}
                        () = later.shutdown.cancelled() => return, // it is held on disk
                    }
                    if let Err(Stopping) = release(&later, seq, &event).await {
                        tracing::debug!(trace = %seq, "A held event is left for the next start");
                    }
                });
            }
            _ => {}
        }
        Ok(accepted)
    }
}

/// Takes up the events that the last process left held: they are planned once the sends that are under suspicion since
/// then are settled.
pub(crate) async fn take_up_held(exchange: &Arc<Exchange>) -> Result<(), OutboxError> {
    for (seq, event) in exchange.outbox.held(None).await? {
        let wait = sends_under_way(exchange, &event);
        let later = Arc::clone(exchange);
        exchange.tasks.spawn(async move {
            if let Some(wait) = wait {
                tokio::select! {
                    () = wait => {}
                    () = later.shutdown.cancelled() => return,
                }
            }
            if let Err(Stopping) = release(&later, seq, &Arc::new(event)).await {
                tracing::debug!(trace = %seq, "A held event is left for the next start");
            }
        });
    }
    Ok(())
}

/// The end of the sends that are under way now into the realm of an event; `None` if there are none.
fn sends_under_way(exchange: &Exchange, event: &Event) -> Option<impl Future<Output = ()> + Send + use<>> {
    exchange.instances.get(&event.instance).and_then(|of| exchange.unsettled.wait(&of.realm))
}

/// Notes that an event's author is an account of ours, which the instance that saw it cannot know.
fn by_ours(exchange: &Exchange, mut event: Event) -> Event {
    let realm = exchange.instances.get(&event.instance).map(|of| &of.realm);
    let writes = |one: &Running| {
        Some(&one.realm) == realm && one.driver.account().is_some_and(|account| account == event.author.id)
    };
    if !event.author.kind.may_be_ours() && exchange.instances.values().any(writes) {
        event.author.kind = if event.author.kind.is_bot() { Authorship::BotOrOurs } else { Authorship::PersonOrOurs };
    }
    event
}

async fn release(exchange: &Arc<Exchange>, seq: EventSeq, event: &Arc<Event>) -> Result<(), Stopping> {
    let accepted = exchange
        .insist("planning a held event", || async {
            exchange.outbox.release(seq, intake(exchange, event, route(exchange, event).await?)).await
        })
        .await?;
    exchange.telemetry.accepted(event, &accepted);
    if let Accepted::Planned { seq, .. } = &accepted {
        complete_early(exchange, *seq, event);
    }
    Ok(())
}

/// Whether an event cannot be judged before the sends under way are settled: it may be the echo of one, or answer one.
async fn may_belong_to_a_send(exchange: &Exchange, event: &Event, any: bool) -> Result<bool, InboundError> {
    let parent = event.message().and_then(|message| message.reply_to.as_ref());
    match (exchange.instances.get(&event.instance), parent) {
        _ if !any => Ok(false),
        _ if event.author.kind.may_be_ours() => Ok(true),
        (Some(of), Some(parent)) => Ok(!exchange.outbox.is_known(&of.realm, parent).await.map_err(refused)?),
        _ => Ok(false),
    }
}

/// Whether a message is one of ours that is being sent: seen by an account that does not know its author.
fn is_under_way(exchange: &Exchange, event: &Event) -> bool {
    let new = matches!(event.body, Body::Message(_) | Body::Files(_));
    let realm = exchange.instances.get(&event.instance).map(|of| &of.realm);
    new && realm.is_some_and(|realm| exchange.unsettled.is_sending(realm, &event.message_id))
}

async fn route(exchange: &Exchange, event: &Event) -> Result<Routing, OutboxError> {
    if event.message_id.is_ours() {
        return Ok(Routing::Filtered("its id is one that only tieline gives".into()));
    }
    Ok(match event.body {
        Body::Message(_) | Body::Files(_) => {
            let plan = exchange.plan.load_full();
            plan.route(event, &links(exchange, &plan, event).await?)
        }
        // Said plainly instead of relayed wrongly; what these need is described in docs/ARCHITECTURE.md.
        Body::Edit(_) => Routing::Filtered("edits are not relayed by this version".into()),
        Body::Delete => Routing::Filtered("deletions are not relayed by this version".into()),
        Body::Reaction(_) => Routing::Filtered("reactions are not relayed by this version".into()),
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
    Ok(Links { parent: parent_places })
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
    let (realm, target_names) = match exchange.instances.get(&event.instance) {
        Some(instance) => (Arc::clone(&instance.realm), instance.config.target_names(event)),
        None => (Arc::from(""), Vec::new()),
    };
    Intake { event: Arc::clone(event), realm, target_names, received: exchange.now(), routing }
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
