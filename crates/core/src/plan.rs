//! The rule engine: which channels an event goes to, and why not to others.
//!
//! A [`Plan`] is made once from checked rules and never changes; a reload makes a new one. Routing is a pure function of
//! plan and event. (Copies that we sent ourselves are known by their links; the outbox looks there in the same
//! transaction that commits the event, see [`Outbox::accept`](crate::outbox::Outbox::accept).)

use std::collections::HashMap;
use std::sync::Arc;

use crate::driver::SourcePattern;
use crate::event::{Body, Event};
use crate::frame::NamedFrame;
use crate::id::{Channel, ChannelKey, InstanceId, RuleId};
use crate::outbox::{Planned, Routing};

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
}

/// A target of a rule.
#[derive(Debug, Clone)]
pub struct Target {
    /// How messages are said there; it names the channel.
    pub frame: Arc<NamedFrame>,
    /// Other names of the same channel, as a source.
    pub also_known_as: Vec<ChannelKey>,
}

/// Which events beside messages are relayed.
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

/// Checked rules, indexed by source.
#[derive(Debug, Default)]
pub struct Plan {
    rules: Vec<Rule>,
    /// Rules that name a channel, by it; each list ascends.
    by_channel: HashMap<InstanceId, HashMap<ChannelKey, Vec<u32>>>,
    /// Rules that take every channel of an instance; each list ascends.
    by_instance: HashMap<InstanceId, Vec<u32>>,
}

/// What a rule says to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The rule.
    pub rule: RuleId,
    /// The first condition that failed; `None` if the rule matched.
    pub refusal: Option<String>,
    /// What it says to each of its targets, if it matched: the channel, and why it gets nothing from this rule.
    pub targets: Vec<(Channel, Option<String>)>,
}
