//! The platforms and their instances.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tieline_core::driver::{Defaults, DriverFactory, InstanceConfig, ProxyChoice};
use tieline_core::id::{IdError, InstanceId};
use tieline_core::problem::{Problem, Severity, nearest};
use tieline_core::secret::Secret;

use crate::corrected::Corrected;
use crate::document::Documents;
use crate::findings::{At, Findings};
use crate::references::References;
use crate::sensitive;

/// Top-level keys that are no platform.
pub(crate) const RESERVED: [&str; 3] = ["global", "rules", "$schema"];

/// An instance that the configuration names, sound or not.
pub(crate) struct Named<'c> {
    /// Its id as it is written.
    pub(crate) id: &'c str,
    /// The top-level key it stands under.
    pub(crate) platform: &'c str,
    /// Its platform, if it is known.
    pub(crate) factory: Option<&'c Arc<dyn DriverFactory>>,
    /// The instance, if nothing is wrong with it.
    pub(crate) config: Option<Arc<dyn InstanceConfig>>,
    /// See [`Configuration::fingerprints`](crate::Configuration::fingerprints).
    pub(crate) fingerprint: [u8; 32],
}

/// Every instance that the configuration names, so that a rule on a broken one is not told that there is none.
#[derive(Default)]
pub(crate) struct Instances<'c> {
    pub(crate) named: Vec<Named<'c>>,
    /// Secrets in proxies' URLs.
    pub(crate) secrets: Vec<Secret>,
}

impl<'c> Instances<'c> {
    /// The instance of this id, compared byte for byte.
    pub(crate) fn get(&self, id: &str) -> Option<&Named<'c>> {
        self.named.iter().find(|named| named.id == id)
    }

    /// The problem of an instance that there is not.
    pub(crate) fn unknown(&self, id: &str) -> Problem {
        let ids: Vec<&str> = self.named.iter().map(|named| named.id).collect();
        let help = match nearest(id, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if ids.is_empty() => "no instance is configured".to_owned(),
            None => format!("configured instances: {}", ids.join(", ")),
        };
        Problem::error(format!("no instance `{id}` is configured")).on_key().help(help)
    }
}

/// Checks every platform's instances.
pub(crate) fn resolve<'c>(
    root: &'c Map<String, Value>,
    factories: &'c [Arc<dyn DriverFactory>],
    defaults: &Defaults,
    references: &References,
    documents: &Documents,
    findings: &mut Findings,
) -> Instances<'c> {
    let mut instances = Instances::default();
    let top = At::Root;
    for (platform, value) in root.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str())) {
        let at = top.key(platform);
        let factory = factories.iter().find(|factory| factory.platform() == platform);
        if factory.is_none() {
            findings.add(&at, unknown_platform(platform, factories));
        }
        let Some(written) = findings.object(&at, "an object of instances by their ids", value) else { continue };
        for (id, settings) in written {
            let at = at.key(id);
            if let Some(first) = instances.get(id) {
                let place = documents.place(&top.key(first.platform).key(id).steps());
                let there = place.map(|place| format!(", at {place}")).unwrap_or_default();
                let problem = Problem::error(format!("`{id}` is already an instance of {}{there}", first.platform))
                    .on_key()
                    .help("instance ids are unique across all platforms; rename one of the two");
                findings.add(&at, problem);
            } else {
                let config = factory.and_then(|f| one(f.as_ref(), id, settings, defaults, references, &at, findings));
                let fingerprint = fingerprint(platform, settings, defaults);
                instances.named.push(Named { id, platform, factory, config, fingerprint });
            }
            let proxy = settings.get("proxy").and_then(Value::as_str).unwrap_or_default();
            instances.secrets.extend(sensitive::of_proxy(proxy));
        }
    }
    instances
}

/// What an instance is made of: equal only if all of it is.
fn fingerprint(platform: &str, settings: &Value, defaults: &Defaults) -> [u8; 32] {
    let Defaults { proxy, catch_up } = defaults;
    let (kind, proxy) = match proxy {
        ProxyChoice::Direct => ("direct", ""),
        ProxyChoice::Environment => ("environment", ""),
        ProxyChoice::Url(url) => ("url", url.reveal()),
    };
    let catch_up = format!("{catch_up:?}");
    let mut hash = Sha256::new();
    for text in [platform, &settings.to_string(), kind, proxy, &catch_up] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

fn one(
    factory: &dyn DriverFactory,
    id: &str,
    settings: &Value,
    defaults: &Defaults,
    references: &References,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<Arc<dyn InstanceConfig>> {
    let instance = InstanceId::new(id).map_err(|error| findings.add(at, bad_id(id, &error))).ok()?;
    let written = findings.object(at, "an object of settings", settings)?;
    let resolved = factory.resolve(&instance, settings, defaults);
    let problems = match Corrected::new(written, &factory.instance_schema()) {
        Some(corrected) => {
            let still = factory.resolve(&instance, &Value::Object(corrected.object.clone()), defaults).problems;
            corrected.what_remains(resolved.problems, &still)
        }
        None => resolved.problems,
    };
    let place = at.steps();
    // What is said about a value that could not be read is noise beside the reason why it could not.
    let heard = problems.into_iter().filter(|problem| {
        let path: Vec<_> = place.iter().chain(&problem.path).cloned().collect();
        !references.failed(&path)
    });
    let heard: Vec<Problem> = heard.collect();
    let broken = heard.iter().any(|problem| problem.severity == Severity::Error);
    findings.add_all(at, heard);
    resolved.instance.filter(|_| !broken)
}

fn bad_id(id: &str, error: &IdError) -> Problem {
    let help = "use 1 to 256 bytes without spaces and control characters";
    Problem::error(format!("`{id}` is no instance id: {error}")).on_key().help(help)
}

fn unknown_platform(name: &str, factories: &[Arc<dyn DriverFactory>]) -> Problem {
    let platforms: Vec<&str> = factories.iter().map(|factory| factory.platform()).collect();
    let known = platforms.iter().copied().chain(RESERVED);
    let help = nearest(name, known)
        .map_or_else(|| format!("known platforms: {}", platforms.join(", ")), |near| format!("did you mean `{near}`?"));
    Problem::error(format!("unknown platform `{name}`")).on_key().help(help)
}
