//! The rules: from what is written to what the rule engine takes.

mod addresses;
mod filters;
mod identity;
mod phrasing;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use tieline_core::address::Address;
use tieline_core::compose::default_format;
use tieline_core::driver::DriverFactory;
use tieline_core::frame::{Frame, NamedFrame};
use tieline_core::id::{Channel, RuleId};
use tieline_core::plan::{Events, Rule, Source, Target};
use tieline_core::problem::{Problem, nearest, unknown_keys};
use tieline_core::secret::Secret;
use tieline_core::template::Template;

use crate::corrected::meant;
use crate::document::Documents;
use crate::findings::{At, Findings};
use crate::instances::Instances;
use crate::references::References;

use addresses::{Entry, Side};
use filters::Sieve;
use phrasing::Phrasing;

/// Every key of a rule.
pub(crate) const KEYS: [&str; 8] = ["id", "type", "from", "to", "channels", "msg", "filter", "events"];

/// Every key of `filter`.
pub(crate) const FILTER_KEYS: [&str; 4] = ["users", "text", "bots", "replace"];

/// Every key of `filter.users` and `filter.text`.
pub(crate) const CHOICE_KEYS: [&str; 2] = ["include", "exclude"];

/// Every event that `events` may name.
pub(crate) const EVENTS: [&str; 6] = ["edit", "delete", "reaction", "join", "topic", "typing"];

/// What rules are checked against.
pub(crate) struct Ground<'c> {
    pub(crate) factories: &'c [Arc<dyn DriverFactory>],
    pub(crate) instances: &'c Instances<'c>,
    pub(crate) references: &'c References,
    pub(crate) documents: &'c Documents,
}

/// What came of checking.
#[derive(Default)]
pub(crate) struct Checked {
    /// The rules in which nothing is wrong.
    pub(crate) rules: Vec<Rule>,
    /// Secrets within addresses.
    pub(crate) secrets: Vec<Secret>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Forward,
    Connect,
}

/// Checks every rule, also those on instances that are broken themselves.
pub(crate) fn resolve(written: Option<&Value>, ground: &Ground<'_>, findings: &mut Findings) -> Checked {
    let mut checked = Checked::default();
    let root = At::Root;
    let at = root.key("rules");
    let Some(written) = written else {
        findings.add(&root, Problem::warning("there are no rules: nothing is relayed").help("add a list `rules`"));
        return checked;
    };
    let Some(list) = findings.list(&at, "a list of rules", written) else { return checked };
    if list.is_empty() {
        findings.add(&at, Problem::warning("there are no rules: nothing is relayed").help("add a rule to the list"));
    }
    let ids = identity::assign(list, &at, ground.documents, findings);
    for (index, (value, id)) in list.iter().zip(ids).enumerate() {
        let at = at.index(index);
        let Some(rule) = findings.object(&at, "an object: a rule", value) else { continue };
        if let (Some(rule), Some(id)) = (Reading { rule, at: &at, ground, findings }.read(&mut checked.secrets), id) {
            checked.rules.push(rule.named(&id));
        }
    }
    checked
}

/// One rule while it is read.
struct Reading<'r, 'c> {
    rule: &'r Map<String, Value>,
    at: &'r At<'r>,
    ground: &'r Ground<'c>,
    findings: &'r mut Findings,
}

/// A checked rule that has no name yet.
struct Draft {
    from: Vec<Source>,
    to: Vec<TargetDraft>,
    events: Events,
    sieve: Sieve,
}

struct TargetDraft {
    channel: Channel,
    address: Address,
    also_known_as: Vec<tieline_core::id::ChannelKey>,
    format: Template,
    keys: BTreeMap<String, Template>,
    identity: Option<String>,
    open: bool,
    opener: Option<Template>,
}

impl Draft {
    fn named(self, id: &RuleId) -> Rule {
        let Self { from, to, events, sieve } = self;
        let target = |draft: TargetDraft| {
            let frame = Frame {
                keys: draft.keys,
                identity: draft.identity,
                filter: sieve.filter.clone(),
                replace: sieve.replace.clone(),
                opener: draft.opener,
                ..Frame::new(id.clone(), draft.channel, draft.address, draft.format)
            };
            Target { frame: Arc::new(NamedFrame::new(frame)), also_known_as: draft.also_known_as, open: draft.open }
        };
        Rule { id: id.clone(), from, to: to.into_iter().map(target).collect(), events }
    }
}

impl<'c> Reading<'_, 'c> {
    /// The rule, if nothing is wrong with it.
    fn read(mut self, secrets: &mut Vec<Secret>) -> Option<Draft> {
        self.unknown_keys();
        let kind = self.kind();
        let known = phrasing::all_keys(self.ground.factories);
        let phrasing = match self.rule.get("msg") {
            Some(msg) => phrasing::read(msg, &self.at.key("msg"), &known, self.ground.references, self.findings),
            None => Phrasing::default(),
        };
        let sieve = match self.rule.get("filter") {
            Some(filter) => filters::read(filter, &self.at.key("filter"), self.ground.references, self.findings),
            None => Some(Sieve::default()),
        };
        let events = self.events();
        let (sources, targets) = match kind? {
            Kind::Forward => {
                let from = self.side("from", Side::From);
                let to = self.side("to", Side::To);
                (from, to)
            }
            Kind::Connect => {
                let both = self.side("channels", Side::Both);
                (both.clone(), both)
            }
        };
        let from = sources?
            .into_iter()
            .map(|entry| Some(Source { instance: entry.instance, pattern: entry.pattern?, address: entry.address }));
        let from: Option<Vec<Source>> = from.collect();
        let to = targets?.into_iter().map(|entry| Self::target(entry, &phrasing, secrets)).collect::<Option<Vec<_>>>();
        let (from, to) = (from?, to?);
        self.never_sent(&from, &to);
        Some(Draft { from, to, events: events?, sieve: sieve? })
    }

    /// Tells of targets that follow the conversation, but get nothing except from their own account, whose messages are
    /// not passed on to other chats of it.
    fn never_sent(&mut self, from: &[Source], to: &[TargetDraft]) {
        for target in to.iter().filter(|target| target.open) {
            let id = &target.channel.instance;
            if from.iter().all(|source| source.instance == *id) {
                let message =
                    format!("this never sends: what comes from `{id}` is not passed on to other chats of `{id}`");
                let problem = Problem::warning(message)
                    .help("name another instance in `from`, or the chat in `to`: a stranger must not write through it");
                let to = self.at.key("to");
                self.findings.add(&to.key(id.as_str()), problem);
            }
        }
    }

    fn target(entry: Entry<'_>, rule: &Phrasing, secrets: &mut Vec<Secret>) -> Option<TargetDraft> {
        let target = entry.target?;
        let config = entry.config?;
        secrets.extend(target.secrets);
        let mut keys: BTreeMap<String, _> = BTreeMap::new();
        for key in entry.message_keys {
            let template = entry.msg.keys.get(key.name).or_else(|| rule.keys.get(key.name));
            if let Some(template) = template {
                keys.insert(key.name.to_owned(), template.clone());
            }
        }
        let identity = config.capabilities().identity_key.filter(|key| keys.contains_key(*key)).map(str::to_owned);
        let format = entry.msg.format.as_ref().or(rule.format.as_ref()).cloned();
        Some(TargetDraft {
            channel: Channel { instance: entry.instance, key: target.key },
            address: target.address,
            also_known_as: target.also_known_as,
            format: format.unwrap_or_else(|| default_format(identity.is_some())),
            keys,
            identity,
            open: target.open,
            opener: target.opener,
        })
    }

    fn unknown_keys(&mut self) {
        for problem in unknown_keys(self.rule, &KEYS) {
            let moved = self.rule.keys().find(|key| {
                FILTER_KEYS.contains(&key.as_str())
                    && problem.path == [tieline_core::problem::Step::Key((*key).clone())]
            });
            let problem = match moved {
                Some(key) => problem.help(format!("`{key}` belongs into the rule's `filter`")),
                None => problem,
            };
            self.findings.add(self.at, problem);
        }
    }

    fn kind(&mut self) -> Option<Kind> {
        let kind = match self.rule.get("type") {
            None => Kind::Forward,
            Some(value) => {
                let choices = [("forward", Kind::Forward), ("connect", Kind::Connect)];
                self.findings.choice(&self.at.key("type"), value, &choices)?
            }
        };
        let (wanted, odd): (&[&str], &[&str]) = match kind {
            Kind::Forward => (&["from", "to"], &["channels"]),
            Kind::Connect => (&["channels"], &["from", "to"]),
        };
        let mut sound = true;
        let misplaced: Vec<&str> = odd.iter().copied().filter(|key| self.rule.contains_key(*key)).collect();
        for key in &misplaced {
            sound = false;
            let problem = match kind {
                Kind::Forward => {
                    Problem::error("`channels` belongs to rules of type \"connect\", and this one is \"forward\"")
                        .help("write \"type\": \"connect\", or name `from` and `to` instead")
                }
                Kind::Connect => {
                    Problem::error(format!("`{key}` belongs to rules of type \"forward\", and this one is \"connect\""))
                        .help("list every linked channel in `channels`, or leave out `type`")
                }
            };
            self.findings.add(&self.at.key(key), problem.on_key());
        }
        for key in wanted.iter().filter(|key| !self.rule.contains_key(**key)) {
            sound = false;
            // A rule that has the other type's keys was told so, and so was one that has this key misspelt; what it
            // lacks follows from that.
            let misspelt = self.rule.keys().any(|written| meant(written, self.rule, &KEYS) == Some(*key));
            if misplaced.is_empty() && !misspelt {
                let help = format!("write \"{key}\": {{\"<instance>\": {{…}}}}");
                self.findings.add(self.at, Problem::error(format!("the rule has no `{key}`")).help(help));
            }
        }
        // The addresses are checked all the same.
        if !sound {
            for (key, side) in [("from", Side::From), ("to", Side::To), ("channels", Side::Both)] {
                if self.rule.contains_key(key) {
                    self.side(key, side);
                }
            }
        }
        sound.then_some(kind)
    }

    fn events(&mut self) -> Option<Events> {
        let Some(value) = self.rule.get("events") else { return Some(Events::default()) };
        let at = self.at.key("events");
        let list = self.findings.list(&at, "a list such as [\"edit\", \"delete\"]", value)?;
        let mut events =
            Events { edit: false, delete: false, reaction: false, join: false, topic: false, typing: false };
        let mut sound = true;
        for (index, value) in list.iter().enumerate() {
            let at = at.index(index);
            match self.findings.text(&at, value) {
                Some("edit") => events.edit = true,
                Some("delete") => events.delete = true,
                Some("reaction") => events.reaction = true,
                Some("join") => events.join = true,
                Some("topic") => events.topic = true,
                Some("typing") => events.typing = true,
                Some(other) => {
                    sound = false;
                    let help = match nearest(other, EVENTS) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known events: {}; messages are always relayed", EVENTS.join(", ")),
                    };
                    self.findings.add(&at, Problem::error(format!("there is no event `{other}`")).help(help));
                }
                None => sound = false,
            }
        }
        sound.then_some(events)
    }

    /// Reads the channels of one side, each with what its instance makes of it.
    fn side(&mut self, key: &str, side: Side) -> Option<Vec<Entry<'c>>> {
        let at = self.at.key(key);
        let value = self.rule.get(key)?;
        let entries = addresses::read(value, &at, side, self.ground, self.findings);
        if side != Side::Both {
            return entries;
        }
        let entries = entries?;
        let distinct: HashSet<_> = entries.iter().map(|entry| (&entry.instance, entry.address.to_string())).collect();
        if distinct.len() < 2 {
            let problem = Problem::error("a rule of type \"connect\" needs at least two different channels");
            self.findings.add(&at, problem.help("add the channels that are to be linked"));
            return None;
        }
        Some(entries)
    }
}
