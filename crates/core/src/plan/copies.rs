//! The copies of one event: at most one in each target channel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::id::Channel;
use crate::outbox::Planned;
use crate::plan::place::Place;
use crate::plan::refusal::Refusal;
use crate::plan::{Rule, Target};

/// The copies that rules asked for so far.
#[derive(Default)]
pub(super) struct Copies<'p> {
    planned: Vec<Planned>,
    by_target: HashMap<&'p Channel, Copy<'p>>,
}

/// The copy that one channel gets.
struct Copy<'p> {
    /// Its index among the planned.
    at: usize,
    /// The rule that says it for certain; `None` while every candidate's filter may still refuse.
    settled: Option<&'p Rule>,
}

impl<'p> Copies<'p> {
    /// Offers a target of a matching rule. `Err`: why it gets nothing from this rule.
    pub(super) fn offer(&mut self, rule: &'p Rule, target: &'p Target, place: &Place<'_>) -> Result<(), Refusal<'p>> {
        let channel = target.channel();
        if place.is_target(target) {
            return Err(Refusal::Origin(channel));
        }
        let known = self.by_target.entry(channel);
        if let Entry::Occupied(copy) = &known
            && let Some(earlier) = copy.get().settled
        {
            return Err(Refusal::HasCopy(channel, earlier));
        }
        let filter = &target.frame.frame.filter;
        if let Some(reason) = filter.refuses(place.event) {
            return Err(Refusal::Filter(reason));
        }
        let copy = known.or_insert_with(|| {
            self.planned.push(Planned { target: channel.clone(), frames: Vec::with_capacity(1) });
            Copy { at: self.planned.len() - 1, settled: None }
        });
        self.planned[copy.at].frames.push(Arc::clone(&target.frame));
        if !filter.is_undecided(place.event) {
            copy.settled = Some(rule);
        }
        Ok(())
    }

    pub(super) fn into_planned(self) -> Vec<Planned> {
        self.planned
    }
}
