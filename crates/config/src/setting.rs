//! `--set POINTER=JSON`: the last layer, given on the command line.

use std::sync::Arc;

use serde_json::Value;
use tieline_core::problem::{Problem, Step, nearest};

use crate::document::Document;
use crate::global;
use crate::layers;
use crate::load::LoadError;
use crate::pointer;
use crate::scan::{Repeat, scan};
use crate::sensitive::SecretKeys;

/// One `--set` argument, well formed but not yet applied.
#[derive(Debug)]
pub(crate) struct Setting {
    argument: String,
    tokens: Vec<String>,
    scanned: crate::scan::Scanned,
}

/// Where a setting belongs, and what it says.
pub(crate) struct Applied {
    /// The argument as a text with positions.
    pub(crate) document: Document,
    /// Keys that its value gives twice.
    pub(crate) repeats: Vec<Repeat>,
    /// Why it could not be applied.
    pub(crate) problem: Option<Problem>,
}

impl Setting {
    /// Reads an argument. An error never quotes the value, which may be a secret.
    pub(crate) fn parse(argument: &str) -> Result<Self, LoadError> {
        let malformed = |pointer: &str, reason: String| LoadError::Set { pointer: pointer.to_owned(), reason };
        let Some((pointer, _)) = argument.split_once('=') else {
            let pointer = argument.split(['"', '{', '[']).next().unwrap_or_default();
            return Err(malformed(pointer, "a `=` is missing; write `--set /global/data_dir='\"data\"'`".to_owned()));
        };
        let tokens = pointer::tokens(pointer).map_err(|reason| malformed(pointer, reason))?;
        let scanned = scan(argument, pointer.len() + 1).map_err(|error| {
            let help = error.help.map(|help| format!("; {help}")).unwrap_or_default();
            let hint = "what follows the `=` is JSON, so a text stands in double quotes within the shell's quotes";
            malformed(pointer, format!("{}{help} ({hint})", error.message))
        })?;
        Ok(Self { argument: argument.to_owned(), tokens, scanned })
    }

    /// Lays the value over `root` at its pointer. An unknown id or parent is a problem, never a new one.
    pub(crate) fn apply(self, root: &mut Value, platforms: &[&str], secret_keys: &Arc<SecretKeys>) -> Applied {
        let Self { argument, tokens, scanned } = self;
        let name = format!("--set {}", pointer::show(&tokens.iter().cloned().map(Step::Key).collect::<Vec<_>>()));
        let (base, problem) = match locate(root, &tokens, platforms) {
            Ok((base, slot)) => {
                let merged = layers::merge(vec![slot.take(), scanned.value]);
                (base, merged.map(|value| *slot = value).err().map(|error| Problem::error(error.to_string())))
            }
            Err(problem) => (tokens.into_iter().map(Step::Key).collect(), Some(problem)),
        };
        let document = Document::new(name, argument, base, scanned.outline, secret_keys);
        Applied { document, repeats: scanned.repeats, problem }
    }
}

/// Follows a pointer to the value that is to be set, and makes it if it is a key that may be absent.
fn locate<'v>(
    root: &'v mut Value,
    tokens: &[String],
    platforms: &[&str],
) -> Result<(Vec<Step>, &'v mut Value), Problem> {
    let mut path = Vec::with_capacity(tokens.len());
    let mut here = root;
    for (depth, token) in tokens.iter().enumerate() {
        let last = depth + 1 == tokens.len();
        here = match here {
            Value::Array(items) => {
                let length = items.len();
                let index = token.parse::<usize>().ok().filter(|index| index.to_string() == *token && *index < length);
                let Some(index) = index else {
                    let parent = pointer::show(&path);
                    return Err(Problem::error(format!("`{parent}` has no item `{token}`"))
                        .help(format!("it is a list of {length}; items are counted from 0")));
                };
                path.push(Step::Index(index));
                &mut items[index]
            }
            Value::Object(object) => {
                if !object.contains_key(token) {
                    if !may_be_new(&path, token, last, platforms) {
                        return Err(absent(&path, token, object.keys().map(String::as_str)));
                    }
                    let empty = if last { Value::Null } else { Value::Object(serde_json::Map::new()) };
                    object.insert(token.clone(), empty);
                }
                path.push(Step::Key(token.clone()));
                &mut object[token.as_str()]
            }
            _ => {
                let parent = pointer::show(&path);
                return Err(Problem::error(format!(
                    "`{parent}` is neither an object nor a list: nothing can be set in it"
                )));
            }
        };
    }
    Ok((path, here))
}

/// Whether a key that the files do not give may be set: settings may, ids and names that nobody knows may not.
fn may_be_new(parent: &[Step], token: &str, last: bool, platforms: &[&str]) -> bool {
    match parent {
        [] => token == "global" || (last && token == "rules"),
        [Step::Key(global)] if global == "global" && !last => global::SECTIONS.contains(&token),
        [Step::Key(platform)] if platforms.contains(&platform.as_str()) => false,
        _ => last,
    }
}

fn absent<'k>(parent: &[Step], token: &str, keys: impl Iterator<Item = &'k str>) -> Problem {
    let message = match parent {
        [Step::Key(platform)] if platform != "global" => format!("no instance `{token}` of {platform} is configured"),
        _ => format!("`{}` has no `{token}`", if parent.is_empty() { "/".to_owned() } else { pointer::show(parent) }),
    };
    let help = "`--set` changes what the files have; it never makes a new instance or section";
    match nearest(token, keys) {
        Some(near) => Problem::error(message).help(format!("did you mean `{near}`?")),
        None => Problem::error(message).help(help),
    }
}
