//! `filter`: which messages a rule takes, and what it changes in their text.

use serde_json::Value;
use tieline_core::filter::{Choice, Filter, Pattern, Replacement};
use tieline_core::problem::Problem;

use super::{CHOICE_KEYS, FILTER_KEYS};
use crate::findings::{At, Findings};
use crate::references::References;

/// What one `filter` sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Sieve {
    pub(super) filter: Filter,
    pub(super) replace: Vec<Replacement>,
}

/// Compiles the expressions. `None` if anything is wrong.
pub(super) fn read(value: &Value, at: &At<'_>, references: &References, findings: &mut Findings) -> Option<Sieve> {
    let section = findings.section(at, value, &FILTER_KEYS)?;
    let mut reader = Reader { references, findings };
    let users = section.get("users").map(|users| reader.choice(users, &at.key("users")));
    let text = section.get("text").map(|text| reader.choice(text, &at.key("text")));
    let replace = section.get("replace").map(|replace| reader.replacements(replace, &at.key("replace")));
    let bots = section.get("bots").map(|bots| reader.findings.flag(&at.key("bots"), bots));
    let filter = Filter {
        users: users.unwrap_or(Some(Choice::default()))?,
        text: text.unwrap_or(Some(Choice::default()))?,
        bots: bots.unwrap_or(Some(false))?,
    };
    Some(Sieve { filter, replace: replace.unwrap_or(Some(Vec::new()))? })
}

struct Reader<'r> {
    references: &'r References,
    findings: &'r mut Findings,
}

impl Reader<'_> {
    fn choice(&mut self, value: &Value, at: &At<'_>) -> Option<Choice> {
        let section = self.findings.section(at, value, &CHOICE_KEYS)?;
        let include = section.get("include").map(|list| self.patterns(list, &at.key("include")));
        let exclude = section.get("exclude").map(|list| self.patterns(list, &at.key("exclude")));
        Some(Choice { include: include.unwrap_or(Some(Vec::new()))?, exclude: exclude.unwrap_or(Some(Vec::new()))? })
    }

    fn patterns(&mut self, value: &Value, at: &At<'_>) -> Option<Vec<Pattern>> {
        let list = self.findings.list(at, "a list of regular expressions", value)?;
        let patterns: Vec<Option<Pattern>> =
            list.iter().enumerate().map(|(index, value)| self.pattern(value, &at.index(index))).collect();
        patterns.into_iter().collect()
    }

    fn pattern(&mut self, value: &Value, at: &At<'_>) -> Option<Pattern> {
        let source = self.findings.text(at, value)?;
        match Pattern::parse(source) {
            Ok(pattern) => Some(pattern),
            Err(_) if self.references.failed(&at.steps()) => None,
            Err(error) => {
                // The library draws the expression over several lines; its last line says what is wrong.
                let told = error.to_string();
                let reason = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let problem = Problem::error(format!("this regular expression cannot be used: {reason}"));
                let help = "a backslash is written twice in JSON; look-around and back-references are not supported";
                self.findings.add(at, problem.help(help));
                None
            }
        }
    }

    fn replacements(&mut self, value: &Value, at: &At<'_>) -> Option<Vec<Replacement>> {
        let pair = "a pair such as [\"colou?r\", \"hue\"]";
        let list = self.findings.list(at, "a list of pairs: [[\"colou?r\", \"hue\"]]", value)?;
        let mut replacements = Some(Vec::new());
        for (index, value) in list.iter().enumerate() {
            let at = at.index(index);
            let replacement = match value.as_array().map(Vec::as_slice) {
                Some([pattern, replacement]) => {
                    let pattern = self.pattern(pattern, &at.index(0));
                    let text = self.findings.text(&at.index(1), replacement);
                    pattern.zip(text).map(|(pattern, text)| Replacement(pattern, text.to_owned()))
                }
                Some(other) => {
                    let problem = Problem::error(format!("expected {pair}, found a list of {}", other.len()));
                    self.findings.add(&at, problem);
                    None
                }
                None => {
                    self.findings.mismatch(&at, pair, value);
                    None
                }
            };
            match (replacement, &mut replacements) {
                (Some(replacement), Some(replacements)) => replacements.push(replacement),
                _ => replacements = None,
            }
        }
        replacements
    }
}
