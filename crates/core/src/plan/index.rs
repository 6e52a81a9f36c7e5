//! Rules by where they take messages from, so that 100,000 rules cost what ten cost.

use std::collections::HashMap;
use std::iter::Peekable;

use crate::id::{ChannelKey, InstanceId};
use crate::plan::place::Place;
use crate::plan::refusal::{Refusal, nearest};
use crate::plan::{Rule, Source};

/// Every source of every rule, by instance and channel.
#[derive(Debug, Default)]
pub(super) struct Index {
    instances: HashMap<InstanceId, Sources>,
}

/// The sources in one instance. Each list ascends by rule, then by source.
#[derive(Debug, Default)]
struct Sources {
    /// Those that name a channel.
    named: HashMap<ChannelKey, Vec<Entry>>,
    /// Those that take every channel.
    every: Vec<Entry>,
}

/// A source, by its place in the plan: the rule's index and the source's index in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    rule: usize,
    source: usize,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut instances = HashMap::<InstanceId, Sources>::new();
        for (rule, Rule { from, .. }) in rules.iter().enumerate() {
            for (source, Source { instance, pattern, .. }) in from.iter().enumerate() {
                let sources = instances.entry(instance.clone()).or_default();
                let entries = match &pattern.channel {
                    Some(channel) => sources.named.entry(channel.clone()).or_default(),
                    None => &mut sources.every,
                };
                entries.push(Entry { rule, source });
            }
        }
        Self { instances }
    }

    /// Whether a rule takes messages from this channel by name.
    pub(super) fn names(&self, instance: &InstanceId, channel: &ChannelKey) -> bool {
        self.instances.get(instance).is_some_and(|sources| sources.named.contains_key(channel))
    }

    /// Whether a rule takes messages from every channel of the instance.
    pub(super) fn takes_every(&self, instance: &InstanceId) -> bool {
        self.instances.get(instance).is_some_and(|sources| !sources.every.is_empty())
    }

    /// The rules with a source whose instance and channel fit, in their order.
    pub(super) fn hits(&self, place: &Place<'_>) -> Hits<'_> {
        let sources = self.instances.get(&place.event.instance);
        let named = sources.and_then(|sources| sources.named.get(place.origin)).map_or(&[][..], Vec::as_slice);
        let every = sources.map_or(&[][..], |sources| &sources.every);
        Hits { entries: Merged { left: named, right: every }.peekable() }
    }
}

/// A rule with the sources in it that name a place.
pub(super) struct Hit {
    /// The rule's index in the plan.
    pub(super) rule: usize,
    /// Indexes of its sources, at least one.
    sources: Vec<usize>,
}

impl Hit {
    /// Why none of these sources takes messages from the place; `None` if one does.
    pub(super) fn refusal<'p>(&self, rule: &'p Rule, place: &Place<'_>) -> Option<Refusal<'p>> {
        nearest(self.sources.iter().map(|source| &rule.from[*source]), place)
    }
}

/// Hits in the order of rules.
pub(super) struct Hits<'i> {
    entries: Peekable<Merged<'i>>,
}

impl Iterator for Hits<'_> {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        let Entry { rule, source } = self.entries.next()?;
        let mut sources = vec![source];
        while let Some(next) = self.entries.next_if(|next| next.rule == rule) {
            sources.push(next.source);
        }
        Some(Hit { rule, sources })
    }
}

/// Two ascending lists as one.
struct Merged<'i> {
    left: &'i [Entry],
    right: &'i [Entry],
}

impl Iterator for Merged<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let from = match (self.left.first(), self.right.first()) {
            (Some(left), Some(right)) if right < left => &mut self.right,
            (None, _) => &mut self.right,
            (Some(_), _) => &mut self.left,
        };
        let (first, rest) = from.split_first()?;
        *from = rest;
        Some(*first)
    }
}
