//! The copies of one event: at most one in each target channel.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::frame::{Addressed, NamedFrame};
use crate::id::{Channel, ChannelKey};
use crate::outbox::Planned;
use crate::plan::accounts::{Accounts, Domain};
use crate::plan::conversation::Reached;
use crate::plan::place::Place;
use crate::plan::refusal::Refusal;
use crate::plan::{Links, Rule, Target};

/// The copies that rules asked for so far.
pub(super) struct Copies<'p> {
    links: &'p Links,
    accounts: &'p Accounts,
    planned: Vec<Planned>,
    /// By channel, whichever account names it.
    by_target: HashMap<(Domain<'p>, Cow<'p, ChannelKey>), Copy<'p>>,
}

/// The copy that one channel gets.
struct Copy<'p> {
    /// Its index among the planned.
    at: usize,
    /// The rule that says it for certain; `None` while every candidate's filter may still refuse.
    settled: Option<&'p Rule>,
}

impl<'p> Copies<'p> {
    pub(super) fn new(links: &'p Links, accounts: &'p Accounts) -> Self {
        Self { links, accounts, planned: Vec::new(), by_target: HashMap::new() }
    }

    /// Offers a target of a matching rule. Returns the channel that gets a copy; `Err`: why none does from this rule.
    pub(super) fn offer(
        &mut self,
        rule: &'p Rule,
        target: &'p Target,
        place: &Place<'_>,
    ) -> Result<Channel, Refusal<'p>> {
        let reached = Reached::new(target, place.event, self.links, self.accounts)?;
        let channel = reached.channel();
        if place.is_target(&reached, self.accounts) {
            return Err(Refusal::Origin(channel.clone()));
        }
        if place.event.is_change() && !self.links.holders.iter().any(|holder| reached.is(holder)) {
            return Err(Refusal::NoCopy(channel.clone()));
        }
        let domain = self.accounts.domain(&target.channel().instance, &channel.key);
        let key = if target.open { Cow::Owned(channel.key.clone()) } else { Cow::Borrowed(&target.channel().key) };
        let known = self.by_target.entry((domain, key));
        let frame = reached.frame();
        let filter = &frame.frame.filter;
        // A rule that may write there comes before one that may not, whichever is the first.
        let may_write = !is_refused(frame) && !filter.is_undecided(place.event);
        let overrules = |earlier: &Planned| may_write && earlier.frames.iter().all(is_refused);
        if let Entry::Occupied(copy) = &known
            && let Some(earlier) = copy.get().settled
            && !overrules(&self.planned[copy.get().at])
        {
            return Err(Refusal::HasCopy(channel.clone(), earlier));
        }
        if let Some(reason) = filter.refuses(place.event) {
            return Err(Refusal::Filter(reason));
        }
        let copy = known.or_insert_with(|| {
            self.planned.push(Planned { target: channel.clone(), frames: Vec::with_capacity(1) });
            Copy { at: self.planned.len() - 1, settled: None }
        });
        if overrules(&self.planned[copy.at]) {
            self.planned[copy.at] = Planned { target: channel.clone(), frames: Vec::with_capacity(1) };
        }
        // Frames of another account into the same channel cannot stand in for one another: a delivery has one target.
        if self.planned[copy.at].target != *channel {
            return Err(Refusal::Sharing(channel.clone()));
        }
        self.planned[copy.at].frames.push(Arc::clone(frame));
        if !filter.is_undecided(place.event) {
            copy.settled = Some(rule);
        }
        Ok(channel.clone())
    }

    pub(super) fn into_planned(self) -> Vec<Planned> {
        self.planned
    }
}

/// Whether a frame's recipient may not be written to.
fn is_refused(frame: &Arc<NamedFrame>) -> bool {
    matches!(frame.frame.addressed, Some(Addressed::Refused(_)))
}
