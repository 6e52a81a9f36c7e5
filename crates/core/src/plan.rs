//! The rule engine: which channels an event goes to, and why not to others.
//!
//! A [`Plan`] is made once from checked rules and never changes; a reload makes a new one. Routing is a pure function of
//! plan, event and links. (Copies that we sent ourselves are known by their links too; the outbox looks there in the same
//! transaction that commits the event, see [`Outbox::accept`](crate::outbox::Outbox::accept).)
//!
//! Three questions are asked of each rule, by [`Plan::route`] of the few that the index names and by [`Plan::explain`]
//! of all: does it take messages from this place ([`place`]), does it relay this kind of event, and for each target,
//! does a copy go there ([`copies`])?

mod accounts;
mod conversation;
mod copies;
mod explain;
mod index;
mod place;
mod refusal;

use std::collections::HashSet;
use std::sync::Arc;

use crate::address::Address;
use crate::driver::{InstanceConfig, SourcePattern};
use crate::event::{Body, Event};
use crate::frame::NamedFrame;
use crate::id::{Channel, ChannelKey, InstanceId, MessageId, RuleId};
use crate::outbox::{Planned, Routing};

pub use self::explain::Verdict;

use self::accounts::Accounts;
use self::copies::Copies;
use self::index::Index;
use self::place::Place;
use self::refusal::{Refusal, Refusals};

/// A checked rule. A `connect` rule has all its channels on both sides.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its id, unique in the plan.
    pub id: RuleId,
    /// Where it takes messages from.
    pub from: Vec<Source>,
    /// Where it says them, in the order of the configuration.
    pub to: Vec<Target>,
    /// Which events beside messages it relays.
    pub events: Events,
}

/// A source of a rule.
#[derive(Debug, Clone)]
pub struct Source {
    /// The instance.
    pub instance: InstanceId,
    /// Which of its events.
    pub pattern: SourcePattern,
    /// The address as the rule writes it; empty for every channel of the instance.
    pub address: Address,
}

/// A target of a rule.
#[derive(Debug, Clone)]
pub struct Target {
    /// How messages are said there; it names the channel.
    pub frame: Arc<NamedFrame>,
    /// Other names of the same channel, as a source.
    pub also_known_as: Vec<ChannelKey>,
    /// See [`TargetChannel::open`](crate::driver::TargetChannel::open). Then the frame's own channel is no real one.
    pub open: bool,
}

/// What is known of an event beyond itself and the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The channels that hold the message which it answers, or a copy of that; the original's first.
    /// See [`Outbox::places`](crate::outbox::Outbox::places).
    pub parent: Vec<Channel>,
    /// For a change: the channels that hold the message which it is about, or a copy of that, or may come to. See
    /// [`Family::places`](crate::family::Family::places).
    pub holders: Vec<Channel>,
}

/// Which events beside messages are relayed.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    /// Edits.
    pub edit: bool,
    /// Deletions.
    pub delete: bool,
    /// Reactions.
    pub reaction: bool,
    /// Joins and leaves.
    pub join: bool,
    /// Changes of topic.
    pub topic: bool,
    /// Typing.
    pub typing: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self { edit: true, delete: true, reaction: true, join: false, topic: false, typing: false }
    }
}

impl Events {
    /// Whether an event is relayed. Messages always are.
    fn take(self, event: &Event) -> bool {
        match event.body {
            Body::Message(_) | Body::Files(_) => true,
            Body::Edit(_) => self.edit,
            Body::Delete => self.delete,
            Body::Reaction(_) => self.reaction,
            Body::Joined | Body::Left => self.join,
            Body::Topic(_) => self.topic,
        }
    }
}

/// Checked rules, indexed by source.
#[derive(Debug, Default)]
pub struct Plan {
    rules: Vec<Rule>,
    index: Index,
    accounts: Accounts,
    /// Whether any target follows the conversation.
    has_open: bool,
    wants_typing: bool,
}

impl Plan {
    /// A plan of these rules, in the order of the configuration.
    pub fn new(rules: Vec<Rule>) -> Self {
        let index = Index::new(&rules);
        let has_open = rules.iter().flat_map(|rule| &rule.to).any(|target| target.open);
        let wants_typing = rules.iter().any(|rule| rule.events.typing);
        Self { rules, index, accounts: Accounts::default(), has_open, wants_typing }
    }

    /// The plan with what its instances know of their channels: which of them several accounts share, and whom a text
    /// may name. Without it each account has channels of its own, and nobody can be named.
    #[must_use]
    pub fn among<'c>(self, instances: impl IntoIterator<Item = &'c Arc<dyn InstanceConfig>>) -> Self {
        Self { accounts: Accounts::new(instances), ..self }
    }

    /// The message whose places [`route`](Self::route) must know to route an event that is no change, if it must know any.
    pub fn asks_for<'e>(&self, event: &'e Event) -> Option<&'e MessageId> {
        let parent = event.message().and_then(|message| message.reply_to.as_ref()).filter(|_| self.has_open)?;
        let place = self.place(event);
        let open = |rule: &Rule| rule.to.iter().any(|target| target.open);
        self.index.hits(&place).any(|hit| open(&self.rules[hit.rule])).then_some(parent)
    }

    /// Where an event goes, or why it goes nowhere.
    ///
    /// All matching rules apply, in their order. A target channel gets one copy: the first rule that names it and whose
    /// filter takes the event says it. While the event is incomplete some filters cannot decide yet; then several frames
    /// may say it, see [`Planned::frames`](crate::outbox::Planned::frames). Costs what the matching rules cost, however
    /// many others there are.
    ///
    /// A change of a message ([`Event::is_change`]) goes the same way, but only to where that message or a copy of it is.
    pub fn route(&self, event: &Event, links: &Links) -> Routing {
        self.route_if(event, links, |events| events.take(event))
    }

    /// Where somebody is to be shown as typing who is typing where an event of theirs would happen.
    pub fn route_typing(&self, event: &Event) -> Vec<Planned> {
        match self.route_if(event, &Links::default(), |events| events.typing) {
            Routing::Deliver(planned) => planned,
            Routing::Filtered(_) | Routing::Hold => Vec::new(),
        }
    }

    /// Whether any rule relays that somebody is typing.
    pub fn wants_typing(&self) -> bool {
        self.wants_typing
    }

    fn route_if(&self, event: &Event, links: &Links, takes: impl Fn(Events) -> bool) -> Routing {
        if let Some(reason) = self.accounts.declines(event) {
            return Routing::Filtered(reason);
        }
        let place = self.place(event);
        let mut copies = Copies::new(links, &self.accounts);
        let mut refusals = Refusals::default();
        for hit in self.index.hits(&place) {
            let rule = &self.rules[hit.rule];
            if let Some(refusal) = hit.refusal(rule, &place).or_else(|| refuses_kind(takes(rule.events), event)) {
                refusals.add(rule, refusal);
                continue;
            }
            for target in &rule.to {
                if let Err(refusal) = copies.offer(rule, target, &place) {
                    refusals.add(rule, refusal);
                }
            }
        }
        match copies.into_planned() {
            planned if planned.is_empty() => Routing::Filtered(refusals.to_string()),
            planned => Routing::Deliver(planned),
        }
    }

    /// The channel that an event counts as coming from: its own; but what is said in a thread comes from the thread's
    /// parent, unless a rule names the thread.
    pub fn origin(&self, event: &Event) -> Channel {
        Channel { instance: event.instance.clone(), key: self.place(event).origin.clone() }
    }

    /// Whether a rule takes messages of a channel: by its own name, by its parent's, or as every channel of the instance.
    pub fn listens_to(&self, instance: &InstanceId, channel: &ChannelKey, parent: Option<&ChannelKey>) -> bool {
        self.index.takes_every(instance)
            || [Some(channel), parent].into_iter().flatten().any(|channel| self.index.names(instance, channel))
    }

    /// The rules, in the order of the configuration.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Where rules take messages from an instance, in their order.
    pub fn sources<'p>(&'p self, instance: &'p InstanceId) -> impl Iterator<Item = &'p Source> {
        let sources = self.rules.iter().flat_map(|rule| &rule.from);
        sources.filter(move |source| source.instance == *instance)
    }

    /// The targets of rules in an instance, each channel once, in their order.
    pub fn targets<'p>(&'p self, instance: &'p InstanceId) -> impl Iterator<Item = &'p Target> {
        let mut seen = HashSet::new();
        let targets = self.rules.iter().flat_map(|rule| &rule.to);
        targets.filter(move |target| {
            let channel = target.channel();
            channel.instance == *instance && seen.insert(&channel.key)
        })
    }

    fn place<'e>(&self, event: &'e Event) -> Place<'e> {
        Place::new(event, self.index.names(&event.instance, &event.channel))
    }
}

fn refuses_kind(takes: bool, event: &Event) -> Option<Refusal<'static>> {
    (!takes).then(|| Refusal::Kind(event.kind()))
}

impl Target {
    /// The channel it leads to.
    pub fn channel(&self) -> &Channel {
        &self.frame.frame.target
    }
}
