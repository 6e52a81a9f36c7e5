//! From files and `--set` arguments to a checked configuration.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use tieline_core::driver::{Defaults, DriverFactory, ProxyChoice};
use tieline_core::plan::Plan;
use tieline_core::problem::{Problem, Severity};
use tieline_core::secret::Secret;

use crate::configuration::{Alerts, Configuration, Global};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, Documents};
use crate::findings::{At, Findings};
use crate::instances::{self, Instances};
use crate::listen::{self, HostPort, Listening};
use crate::scan::{Repeat, scan};
use crate::sensitive::SecretKeys;
use crate::setting::Setting;
use crate::surroundings::Surroundings;
use crate::{global, layers, references, rules, sensitive};

/// What was found in a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// Everything that is wrong or worth a look, in the order of the files and their lines.
    pub diagnostics: Vec<Diagnostic>,
    /// The configuration; `None` exactly if there is an error among the diagnostics.
    pub configuration: Option<Configuration>,
}

/// Why there was nothing to check: bad usage, not a bad configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A `--set` argument is malformed.
    #[error("--set {pointer}: {reason}")]
    Set {
        /// The argument's part before `=`; what follows may be a secret.
        pointer: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The documents cannot be laid over each other.
    #[error("the configuration files cannot be merged: {0}")]
    Merge(String),
}

/// Loads a configuration: `files` are merged in order, `sets` (`POINTER=JSON`) are laid over them, references are
/// resolved, and everything is checked at once.
pub fn load(
    files: &[PathBuf],
    sets: &[String],
    surroundings: &dyn Surroundings,
    factories: &[Arc<dyn DriverFactory>],
) -> Result<Loaded, LoadError> {
    let settings = sets.iter().map(|argument| Setting::parse(argument)).collect::<Result<Vec<_>, _>>()?;
    let texts = files.iter().map(|path| read(path, surroundings)).collect::<Result<Vec<_>, _>>()?;
    let mut layering = Layering { secret_keys: Arc::new(SecretKeys::of(factories)), ..Layering::default() };
    for (path, text) in files.iter().zip(texts) {
        layering.add_file(path, text);
    }
    if layering.unreadable {
        // What could be said about the rest would mostly be that the unreadable part is missing.
        return Ok(Loaded { diagnostics: layering.sorted(Vec::new()), configuration: None });
    }
    let values = std::mem::take(&mut layering.values);
    let mut root = layers::merge(values).map_err(|error| LoadError::Merge(error.to_string()))?;
    let platforms: Vec<&str> = factories.iter().map(|factory| factory.platform()).collect();
    let mut findings = Findings::default();
    for setting in settings {
        let applied = setting.apply(&mut root, &platforms, &layering.secret_keys);
        layering.add(applied.document, &applied.repeats);
        if let Some(problem) = applied.problem {
            let mut diagnostic = layering.about_last(problem);
            diagnostic.excerpt = None;
            layering.direct.push((usize::MAX, diagnostic));
        }
    }
    let (documents, secret_keys) = (&layering.documents, layering.secret_keys.as_ref());
    let checked = Checking { documents, secret_keys, surroundings, factories }.check(&mut root, &mut findings);
    let diagnostics = layering.sorted(findings.into_problems());
    let sound = !diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Ok(Loaded { diagnostics, configuration: checked.filter(|_| sound) })
}

fn read(path: &Path, surroundings: &dyn Surroundings) -> Result<String, LoadError> {
    surroundings.read(path).map_err(|source| LoadError::File { path: path.to_owned(), source })
}

/// The documents, and what is wrong with each of them alone.
#[derive(Default)]
struct Layering {
    secret_keys: Arc<SecretKeys>,
    documents: Documents,
    values: Vec<Value>,
    direct: Vec<(usize, Diagnostic)>,
    count: usize,
    unreadable: bool,
}

impl Layering {
    fn add_file(&mut self, path: &Path, text: String) {
        let name = path.display().to_string();
        match scan(&text, 0) {
            Ok(scanned) => {
                let is_object = scanned.value.is_object();
                let span = scanned.outline.span.clone();
                let document = Document::new(name, text, Vec::new(), scanned.outline, &self.secret_keys);
                if !is_object {
                    self.unreadable = true;
                    let message = format!("expected an object, found {}", crate::findings::describe(&scanned.value));
                    let diagnostic = document.diagnostic(Severity::Error, span, &[], message);
                    self.direct.push((self.count, diagnostic));
                }
                self.values.push(scanned.value);
                self.add(document, &scanned.repeats);
            }
            Err(error) => {
                self.unreadable = true;
                let outline = crate::outline::Outline { span: 0..text.len(), inside: crate::outline::Inside::Nothing };
                let document = Document::new(name, text, Vec::new(), outline, &self.secret_keys);
                let message = format!("this is no valid JSON: {}", error.message);
                let mut diagnostic = document.diagnostic(Severity::Error, error.span, &[], message);
                diagnostic.help = error.help;
                self.direct.push((self.count, diagnostic));
                self.count += 1;
            }
        }
    }

    fn add(&mut self, document: Document, repeats: &[Repeat]) {
        for repeat in repeats {
            let first = document.place_of(repeat.first.start);
            let key = document.text[repeat.again.clone()].trim_matches('"');
            let message = format!("the key `{key}` is given twice in this object, first at {first}");
            let path: Vec<_> = document.base.iter().chain(&repeat.path).cloned().collect();
            let mut diagnostic = document.diagnostic(Severity::Error, repeat.again.clone(), &path, message);
            diagnostic.help = Some("remove one of the two".to_owned());
            self.direct.push((self.count, diagnostic));
        }
        self.documents.push(document);
        self.count += 1;
    }

    /// A diagnostic about the document that was added last, whatever stands elsewhere.
    fn about_last(&self, problem: Problem) -> Diagnostic {
        let Problem { severity, message, help, .. } = problem;
        let (file, path) = self
            .documents
            .last()
            .map_or_else(Default::default, |last| (last.name.clone(), crate::pointer::show(&last.base)));
        Diagnostic { severity, file, line: 1, column: 1, path, message, help, excerpt: None }
    }

    /// Everything, by file, line and column, each once.
    fn sorted(mut self, problems: Vec<Problem>) -> Vec<Diagnostic> {
        let mut all = std::mem::take(&mut self.direct);
        all.extend(problems.into_iter().map(|problem| self.documents.diagnose(problem)));
        all.sort_by_key(|(document, diagnostic)| (*document, diagnostic.line, diagnostic.column));
        let mut diagnostics: Vec<Diagnostic> = Vec::with_capacity(all.len());
        for (_, diagnostic) in all {
            if !diagnostics.contains(&diagnostic) {
                diagnostics.push(diagnostic);
            }
        }
        diagnostics
    }
}

struct Checking<'a> {
    documents: &'a Documents,
    secret_keys: &'a SecretKeys,
    surroundings: &'a dyn Surroundings,
    factories: &'a [Arc<dyn DriverFactory>],
}

impl Checking<'_> {
    fn check(&self, root: &mut Value, findings: &mut Findings) -> Option<Configuration> {
        let references = references::resolve(root, self.documents, self.surroundings, self.secret_keys);
        findings.add_all(&At::Root, references.problems.iter().cloned());
        let root: &Map<String, Value> = root.as_object()?;
        let top = At::Root;
        let at = top.key("global");
        let mut in_global = Findings::default();
        let mut global = global::resolve(root.get("global"), &at, &mut in_global);
        let heard = in_global.into_problems().into_iter().filter(|problem| !references.failed(&problem.path));
        findings.add_all(&top, heard);
        let defaults = Defaults { proxy: global.proxy.clone(), catch_up: global.catch_up };
        let instances = instances::resolve(root, self.factories, &defaults, &references, self.documents, findings);
        let control = HostPort::parse(&global.http.listen)?;
        let listening: Vec<Listening<'_>> = instances
            .named
            .iter()
            .filter_map(|named| {
                let instance = named.config.as_ref()?;
                Some(Listening { platform: named.platform, instance, at: instance.listen()? })
            })
            .collect();
        listen::check(&control, &listening, self.documents, findings);
        let ground = rules::Ground {
            factories: self.factories,
            instances: &instances,
            references: &references,
            documents: self.documents,
        };
        let checked = rules::resolve(root.get("rules"), &ground, findings);
        let mut secrets = references.secrets.clone();
        if let Some(written) = root.get("global").and_then(|global| global.get("alerts")) {
            global.alerts = alerts(written, &at.key("alerts"), &instances, findings);
            secrets.extend(global.alerts.iter().flat_map(|alerts| alerts.target.secrets.clone()));
        }
        secrets.extend(global.http.token.clone());
        if let ProxyChoice::Url(url) = &global.proxy {
            secrets.extend(sensitive::of_proxy(url.reveal()));
        }
        secrets.extend(instances.secrets);
        secrets.extend(checked.secrets);
        let sound = instances.named.into_iter().filter_map(|named| Some((named.config?, named.fingerprint))).collect();
        Some(configuration(global, sound, checked.rules, secrets))
    }
}

fn configuration(
    global: Global,
    sound: Vec<(Arc<dyn tieline_core::driver::InstanceConfig>, [u8; 32])>,
    rules: Vec<tieline_core::plan::Rule>,
    mut secrets: Vec<Secret>,
) -> Configuration {
    let fingerprints = sound.iter().map(|(config, fingerprint)| (config.id().clone(), *fingerprint)).collect();
    let instances: Vec<_> = sound.into_iter().map(|(config, _)| config).collect();
    secrets.extend(instances.iter().flat_map(|instance| instance.secrets()));
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort();
    secrets.dedup();
    let plan = Plan::new(rules).among(&instances);
    Configuration { global, instances, fingerprints, plan: Arc::new(plan), secrets }
}

/// Reads `global.alerts`: `null`, or one instance with one address.
fn alerts(written: &Value, at: &At<'_>, instances: &Instances<'_>, findings: &mut Findings) -> Option<Alerts> {
    if written.is_null() {
        return None;
    }
    let object = findings.object(at, "null or an object such as {\"<instance>\": {…}}", written)?;
    let (Some((id, address)), 1) = (object.iter().next(), object.len()) else {
        let problem =
            Problem::error(format!("alerts go to exactly one channel, and {} instances are named", object.len()));
        findings.add(at, problem.help("write {\"<instance>\": {…}}, or null"));
        return None;
    };
    let at = at.key(id);
    let Some(named) = instances.get(id) else {
        findings.add(&at, instances.unknown(id));
        return None;
    };
    let address = findings.object(&at, "an address", address)?;
    let instance = named.config.as_ref()?;
    match instance.target(&tieline_core::address::Address::new(address.clone())) {
        Ok(target) => Some(Alerts { instance: instance.id().clone(), target }),
        Err(problems) => {
            findings.add_all(&at, problems);
            None
        }
    }
}
