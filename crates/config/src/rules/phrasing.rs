//! `msg`: how messages look in a target.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tieline_core::driver::DriverFactory;
use tieline_core::problem::Problem;
use tieline_core::template::Template;

use crate::findings::{At, Findings};
use crate::references::References;

/// The key of the text itself; every platform has it.
pub(crate) const FORMAT: &str = "msg_format";

/// What one `msg` sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Phrasing {
    pub(super) format: Option<Template>,
    pub(super) keys: BTreeMap<String, Template>,
}

/// What an address of a platform may set.
pub(super) fn keys_of(factory: &dyn DriverFactory) -> Vec<&'static str> {
    std::iter::once(FORMAT).chain(factory.message_keys().iter().map(|key| key.name)).collect()
}

/// What a rule may set: the keys of all platforms.
pub(super) fn all_keys(factories: &[Arc<dyn DriverFactory>]) -> Vec<&'static str> {
    let keys = factories.iter().flat_map(|factory| factory.message_keys()).map(|key| key.name);
    std::iter::once(FORMAT).chain(keys).collect()
}

/// Compiles the templates.
pub(super) fn read(
    msg: &Value,
    at: &At<'_>,
    known: &[&str],
    references: &References,
    findings: &mut Findings,
) -> Phrasing {
    let mut phrasing = Phrasing::default();
    let Some(section) = findings.section(at, msg, known) else { return phrasing };
    for (key, value) in section.iter().filter(|(key, _)| known.contains(&key.as_str())) {
        let at = at.key(key);
        if references.failed(&at.steps()) {
            continue;
        }
        let Some(source) = findings.text(&at, value) else { continue };
        match Template::parse(source) {
            Ok(template) if key == FORMAT => phrasing.format = Some(template),
            Ok(template) => {
                phrasing.keys.insert(key.clone(), template);
            }
            Err(error) => findings.add(&at, Problem::error(error.message).in_span(error.span).help(error.help)),
        }
    }
    phrasing
}
