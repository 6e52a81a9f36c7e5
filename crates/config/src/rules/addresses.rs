//! The channels that a rule names.

use std::sync::Arc;

use serde_json::{Map, Value};
use tieline_core::address::Address;
use tieline_core::driver::{DriverFactory, InstanceConfig, SourcePattern, TargetChannel};
use tieline_core::frame::MessageKey;
use tieline_core::id::InstanceId;
use tieline_core::problem::{Problem, Step};

use super::Ground;
use super::phrasing::{self, Phrasing};
use crate::corrected::Corrected;
use crate::findings::{At, Findings, describe};
use crate::instances::Named;

/// Which side of a rule an address stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    From,
    To,
    Both,
}

/// A channel that a rule names.
#[derive(Clone)]
pub(super) struct Entry<'c> {
    pub(super) instance: InstanceId,
    /// `None` if the instance itself is broken: then nothing is known of the address either.
    pub(super) config: Option<&'c Arc<dyn InstanceConfig>>,
    pub(super) message_keys: &'static [MessageKey],
    /// The address without `msg`.
    pub(super) address: Address,
    pub(super) msg: Phrasing,
    /// As a source, where it is one and is sound.
    pub(super) pattern: Option<SourcePattern>,
    /// As a target, where it is one and is sound.
    pub(super) target: Option<TargetChannel>,
}

/// Reads `from`, `to` or `channels`. `None` if it is no object of instances or an instance is not there.
pub(super) fn read<'c>(
    value: &Value,
    at: &At<'_>,
    side: Side,
    ground: &Ground<'c>,
    findings: &mut Findings,
) -> Option<Vec<Entry<'c>>> {
    let object = findings.object(at, "an object such as {\"<instance>\": {…}}", value)?;
    if object.is_empty() {
        let problem = Problem::error("no channel is named here").help("write {\"<instance>\": {…}}");
        findings.add(at, problem);
        return None;
    }
    let mut entries = Some(Vec::new());
    for (id, value) in object {
        let at = at.key(id);
        let Some(named) = ground.instances.get(id) else {
            findings.add(&at, ground.instances.unknown(id));
            entries = None;
            continue;
        };
        let Ok(instance) = InstanceId::new(id) else {
            entries = None;
            continue;
        };
        let reader = Reader { named, instance, side, ground };
        let read = match value {
            Value::Array(list) => reader.list(list, &at, findings),
            one => reader.one(one, &at, findings).map(|entry| vec![entry]),
        };
        if side == Side::Both
            && let (Some(config), Some(read)) = (&named.config, &read)
        {
            together(config.as_ref(), read, value.is_array(), &at, findings);
        }
        match (read, &mut entries) {
            (Some(read), Some(entries)) => entries.extend(read),
            _ => entries = None,
        }
    }
    entries
}

/// Asks the instance about the addresses of one `connect` rule as a whole.
fn together(config: &dyn InstanceConfig, entries: &[Entry<'_>], listed: bool, at: &At<'_>, findings: &mut Findings) {
    let addresses: Vec<Address> = entries.iter().map(|entry| entry.address.clone()).collect();
    for mut problem in config.connect(&addresses) {
        if !listed && matches!(problem.path.first(), Some(Step::Index(_))) {
            problem.path.remove(0);
        }
        findings.add(at, problem);
    }
}

struct Reader<'r, 'c> {
    named: &'c Named<'c>,
    instance: InstanceId,
    side: Side,
    ground: &'r Ground<'c>,
}

impl<'c> Reader<'_, 'c> {
    fn list(&self, list: &[Value], at: &At<'_>, findings: &mut Findings) -> Option<Vec<Entry<'c>>> {
        if list.is_empty() {
            let problem = Problem::error("the list of channels is empty");
            findings.add(at, problem.help("name a channel, or remove the instance from the rule"));
            return None;
        }
        // Every address is looked at, also behind a wrong one.
        let entries: Vec<Option<Entry<'c>>> =
            list.iter().enumerate().map(|(index, one)| self.one(one, &at.index(index), findings)).collect();
        entries.into_iter().collect()
    }

    fn one(&self, value: &Value, at: &At<'_>, findings: &mut Findings) -> Option<Entry<'c>> {
        let message_keys = self.named.factory.map_or(&[][..], |factory| factory.message_keys());
        let mut entry = Entry {
            instance: self.instance.clone(),
            config: self.named.config.as_ref(),
            message_keys,
            address: Address::default(),
            msg: Phrasing::default(),
            pattern: None,
            target: None,
        };
        let object = match value {
            Value::String(all) if all == "*" => {
                if self.side == Side::From {
                    entry.pattern = Some(SourcePattern { channel: None, also: Vec::new() });
                    return Some(entry);
                }
                findings.add(at, self.no_wildcard());
                return None;
            }
            Value::Object(object) => object,
            other => {
                let expected = if self.side == Side::From {
                    "an address, a list of them, or \"*\""
                } else {
                    "an address or a list of them"
                };
                let problem = Problem::error(format!("expected {expected}, found {}", describe(other)));
                findings.add(at, problem.help("an address is an object; `tieline rooms` prints them ready to paste"));
                return None;
            }
        };
        let mut address = object.clone();
        if let Some(msg) = address.shift_remove("msg") {
            entry.msg = self.phrasing(&msg, &at.key("msg"), findings);
        }
        if address.is_empty() && self.side == Side::From {
            let problem = Problem::error("this address names no channel");
            findings.add(at, problem.help("name the channel, or write \"*\" for every channel of the instance"));
            return None;
        }
        entry.address = Address::new(address);
        let Some(config) = entry.config else { return Some(entry) };
        let mut problems = self.ask(config.as_ref(), &mut entry);
        if !problems.is_empty()
            && let Some(factory) = self.named.factory
            && let Some(corrected) =
                Corrected::new(entry.address.keys(), &factory.address_schema(self.side != Side::From))
        {
            let mut meant = Entry { address: Address::new(corrected.object.clone()), ..entry.clone() };
            problems = corrected.what_remains(problems, &self.ask(config.as_ref(), &mut meant));
        }
        let sound = problems.is_empty();
        let place = at.steps();
        for problem in problems {
            let path: Vec<Step> = place.iter().chain(&problem.path).cloned().collect();
            if !self.ground.references.failed(&path) {
                findings.add(at, problem);
            }
        }
        sound.then_some(entry)
    }

    /// Asks the instance what an address is, as source and as target. Returns what is wrong with it.
    fn ask(&self, config: &dyn InstanceConfig, entry: &mut Entry<'c>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.side != Side::From {
            entry.target = config.target(&entry.address).map_err(|found| problems.extend(found)).ok();
        }
        if self.side != Side::To {
            let address =
                if self.side == Side::Both { self.without_target_keys(&entry.address) } else { entry.address.clone() };
            match config.source(&address) {
                Ok(pattern) if self.side == Side::Both && pattern.channel.is_none() => {
                    problems.push(self.no_wildcard());
                }
                Ok(pattern) => entry.pattern = Some(pattern),
                // An address that is no target either was told what it lacks.
                Err(found) if problems.is_empty() => problems.extend(found),
                Err(_) => {}
            }
        }
        problems
    }

    fn phrasing(&self, msg: &Value, at: &At<'_>, findings: &mut Findings) -> Phrasing {
        if self.side == Side::From {
            let problem = Problem::error("`msg` says how messages look in a target, and this is a source").on_key();
            findings.add(at, problem.help("move it to the rule or into an address of `to`"));
            return Phrasing::default();
        }
        let Some(factory) = self.named.factory else { return Phrasing::default() };
        let known = phrasing::keys_of(factory.as_ref());
        phrasing::read(msg, at, &known, self.ground.references, findings)
    }

    fn no_wildcard(&self) -> Problem {
        let help = "name the channel; `tieline rooms` lists them";
        match self.side {
            Side::Both => Problem::error("\"*\" cannot be linked: every linked channel must be named"),
            _ => Problem::error("\"*\" stands for every channel of a source; a target must be named"),
        }
        .help(help)
    }

    /// In `connect` one address is source and target; read as a source, what only a target may say is left out.
    fn without_target_keys(&self, address: &Address) -> Address {
        let Some(factory) = self.named.factory else { return address.clone() };
        let (source, target) = (keys_of(factory.as_ref(), false), keys_of(factory.as_ref(), true));
        let only_target = |key: &String| target.contains(key) && !source.contains(key);
        let keys: Map<String, Value> =
            address.keys().iter().filter(|(key, _)| !only_target(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        Address::new(keys)
    }
}

/// The keys of a platform's addresses, by its schema.
fn keys_of(factory: &dyn DriverFactory, as_target: bool) -> Vec<String> {
    let schema = factory.address_schema(as_target);
    schema.get("properties").and_then(Value::as_object).map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
}
