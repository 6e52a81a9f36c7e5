//! What every rule says to an event, for a person who asks why.

use crate::event::Event;
use crate::id::{Channel, RuleId};
use crate::plan::copies::Copies;
use crate::plan::place::Place;
use crate::plan::refusal::nearest;
use crate::plan::{Links, Plan, Rule, Target, refuses_kind};

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

impl Plan {
    /// What every rule says to an event, in their order. Looks at each rule without the index, so it costs what the
    /// configuration is long: it is for people, and [`Plan::route`] for messages.
    pub fn explain(&self, event: &Event, links: &Links) -> Vec<Verdict> {
        let place = self.place(event);
        let mut copies = Copies::new(links, &self.accounts);
        let declined = self.accounts.declines(event);
        self.rules.iter().map(|rule| rule.verdict(&place, declined.clone(), &mut copies)).collect()
    }
}

impl Rule {
    /// `declined`: why the instance that received the event keeps it back.
    fn verdict<'p>(&'p self, place: &Place<'_>, declined: Option<String>, copies: &mut Copies<'p>) -> Verdict {
        let refusal = nearest(&self.from, place).or_else(|| refuses_kind(self.events.take(place.event), place.event));
        let refusal = declined.or_else(|| refusal.map(|refusal| refusal.to_string()));
        // The filter is the rule's, the same in each of its frames.
        let refusal = refusal.or_else(|| self.to.first().and_then(|to| to.frame.frame.filter.refuses(place.event)));
        let targets = if refusal.is_some() { &[][..] } else { &self.to };
        let mut offer = |target: &'p Target| match copies.offer(self, target, place) {
            Ok(channel) => (channel, None),
            Err(refusal) => (target.channel().clone(), Some(refusal.to_string())),
        };
        Verdict { rule: self.id.clone(), refusal, targets: targets.iter().map(&mut offer).collect() }
    }
}
