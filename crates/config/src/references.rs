//! `{"env": "NAME"}` and `{"file": "PATH"}` in the place of a text.

use std::path::Path;

use serde_json::{Map, Value};
use tieline_core::problem::{Problem, Step, nearest};
use tieline_core::secret::Secret;

use crate::document::Documents;
use crate::global;
use crate::sensitive::SecretKeys;
use crate::surroundings::Surroundings;

/// The two keys, of which a reference has one.
const KEYS: [&str; 2] = ["env", "file"];

/// What stands in the place of a reference that leads nowhere, so that what is checked later sees some text.
/// Problems with it are dropped, see [`References::failed`].
const PLACEHOLDER: &str = "unresolved";

/// What came of resolving.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// Values that were given under a key that looks like a secret's.
    pub(crate) secrets: Vec<Secret>,
    /// References that lead nowhere, with paths from the root.
    pub(crate) problems: Vec<Problem>,
    /// Where a reference was meant, and its key is misspelt.
    misspelt: Vec<Vec<Step>>,
}

impl References {
    /// Whether a path leads to, or into, a value that is not known.
    pub(crate) fn failed(&self, path: &[Step]) -> bool {
        let unknown = self.problems.iter().map(|problem| &problem.path).chain(&self.misspelt);
        unknown.into_iter().any(|unknown| path.starts_with(unknown))
    }
}

/// Replaces every reference in a merged configuration by its text.
pub(crate) fn resolve(
    root: &mut Value,
    documents: &Documents,
    surroundings: &dyn Surroundings,
    secret_keys: &SecretKeys,
) -> References {
    let mut resolver =
        Resolver { documents, surroundings, secret_keys, path: Vec::new(), found: References::default() };
    resolver.walk(root);
    resolver.found
}

struct Resolver<'a> {
    documents: &'a Documents,
    surroundings: &'a dyn Surroundings,
    secret_keys: &'a SecretKeys,
    path: Vec<Step>,
    found: References,
}

impl Resolver<'_> {
    fn walk(&mut self, value: &mut Value) {
        if let Some(text) = self.text_of(value) {
            *value = Value::String(text);
            return;
        }
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    self.path.push(Step::Key(key.clone()));
                    self.walk(value);
                    self.path.pop();
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter_mut().enumerate() {
                    self.path.push(Step::Index(index));
                    self.walk(value);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    /// What a reference stands for; `None` if the value is none and is not meant to be one.
    fn text_of(&mut self, value: &Value) -> Option<String> {
        let object = value.as_object().filter(|_| !is_structure(&self.path))?;
        if looks_like_one(object) {
            return Some(self.follow(object));
        }
        let (written, meant) = misspelt(object)?;
        let mut problem = Problem::error(format!("unknown key `{written}` where a text is expected"))
            .at(written)
            .on_key()
            .help(format!("did you mean `{meant}`?"));
        problem.path.splice(0..0, self.path.iter().cloned());
        self.found.problems.push(problem);
        self.found.misspelt.push(self.path.clone());
        Some(PLACEHOLDER.to_owned())
    }

    fn follow(&mut self, object: &Map<String, Value>) -> String {
        let written = self.as_written(object);
        match self.value_of(&written) {
            Ok(text) => {
                let key = self.path.iter().rev().find_map(|step| match step {
                    Step::Key(key) => Some(key.as_str()),
                    Step::Index(_) => None,
                });
                if key.is_some_and(|key| self.secret_keys.has(key)) && !text.is_empty() {
                    self.found.secrets.push(Secret::new(text.as_str()));
                }
                text
            }
            Err(mut problem) => {
                problem.path.clone_from(&self.path);
                self.found.problems.push(problem);
                PLACEHOLDER.to_owned()
            }
        }
    }

    /// The reference as the last text wrote it. A reference replaces another one like the text that it stands for;
    /// merged as objects, `env` of one file and `file` of the next would stand side by side.
    fn as_written(&self, merged: &Map<String, Value>) -> Map<String, Value> {
        let written = self.documents.find(&self.path).and_then(|(document, found)| {
            serde_json::from_str::<Map<String, Value>>(&document.text[found.value.span.clone()]).ok()
        });
        written.filter(looks_like_one).unwrap_or_else(|| merged.clone())
    }

    fn value_of(&self, reference: &Map<String, Value>) -> Result<String, Problem> {
        let form =
            "a value from elsewhere is written {\"env\": \"NAME\"} or {\"file\": \"PATH\"}, with nothing beside it";
        let (Some((kind, Value::String(name))), 1) = (reference.iter().next(), reference.len()) else {
            return Err(Problem::error("this is neither a text nor a reference to one").help(form));
        };
        if kind == "env" {
            return self.surroundings.variable(name).ok_or_else(|| {
                Problem::error(format!("the environment variable `{name}` is not set"))
                    .help(format!("set `{name}` for the process (as UTF-8), or write the value here"))
            });
        }
        let text = self.surroundings.read(Path::new(name)).map_err(|error| {
            Problem::error(format!("the file `{name}` cannot be read: {error}"))
                .help("a relative path counts from the working directory")
        })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(line.strip_suffix('\r').filter(|_| line.len() < text.len()).unwrap_or(line).to_owned())
    }
}

fn looks_like_one(object: &Map<String, Value>) -> bool {
    KEYS.iter().any(|key| object.contains_key(*key))
}

/// The only key of an object and the one that was meant, if the object would be a reference with that one.
fn misspelt(object: &Map<String, Value>) -> Option<(&str, &'static str)> {
    match object.iter().next() {
        Some((key, Value::String(_))) if object.len() == 1 => Some((key, nearest(key, KEYS)?)),
        _ => None,
    }
}

/// Whether an object belongs at this path, so that `env` and `file` are keys of its own there: an instance or a channel
/// address may well have such a name.
fn is_structure(path: &[Step]) -> bool {
    let names: Vec<Option<&str>> = path
        .iter()
        .map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    match names.as_slice() {
        [Some("global"), Some(section)] => *section == "alerts" || global::SECTIONS.contains(section),
        [Some("global"), Some(section), _] => *section == "alerts",
        [Some("rules"), None, Some("filter"), rest @ ..] => matches!(rest, [] | [Some("users" | "text")]),
        // The instances, an instance's address, one address of its list; and `msg` within an address.
        [Some("rules"), None, Some("from" | "to" | "channels"), rest @ ..] => {
            let inner = if let [Some(_), None, inner @ ..] | [Some(_), inner @ ..] = rest { inner } else { &[] };
            matches!(inner, [] | [Some("msg")])
        }
        [Some("rules"), None, key @ ..] => matches!(key, [] | [Some("msg")]),
        // A platform's instances.
        [Some(platform), Some(_)] => *platform != "rules",
        names => names.len() < 2,
    }
}
