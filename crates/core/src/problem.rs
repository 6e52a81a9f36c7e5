//! What is wrong with a configuration, in words, before anybody knows the line.

use serde_json::Value;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It runs, but somebody should look.
    Warning,
    /// It does not start.
    Error,
}

/// One problem. `tieline-config` finds file, line and column to the pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where, as keys and indexes from the value that was checked downwards; empty for the value itself.
    pub path: Vec<Step>,
    /// Whether the key is wrong and not its value.
    pub at_key: bool,
    /// Bytes within the text value that are wrong, if only a part is (a template's field).
    pub span: Option<std::ops::Range<usize>>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// A step from a JSON value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into an object.
    Key(String),
    /// Into a list.
    Index(usize),
}

impl Problem {
    /// An error at a value.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: Vec::new(),
            at_key: false,
            span: None,
            message: message.into(),
            help: None,
        }
    }

    /// A warning at a value.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Moves it into the value under `key`.
    pub fn at(mut self, key: impl Into<String>) -> Self {
        self.path.insert(0, Step::Key(key.into()));
        self
    }

    /// Moves it into the value at `index`.
    pub fn at_index(mut self, index: usize) -> Self {
        self.path.insert(0, Step::Index(index));
        self
    }

    /// Says that the key itself is wrong.
    pub fn on_key(mut self) -> Self {
        self.at_key = true;
        self
    }

    /// Says which bytes of the text are wrong.
    pub fn in_span(mut self, span: std::ops::Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The candidate nearest to what was written, if any is near enough to be meant.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = written.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(written.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The problem of a key that nobody knows, with the nearest that is known.
pub fn unknown_key(key: &str, known: &[&str]) -> Problem {
    let help = nearest(key, known.iter().copied())
        .map_or_else(|| format!("known keys here: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    Problem::error(format!("unknown key `{key}`")).at(key).on_key().help(help)
}

/// Every key of `object` that is not in `known`.
pub fn unknown_keys(object: &serde_json::Map<String, Value>, known: &[&str]) -> Vec<Problem> {
    object.keys().filter(|key| !known.contains(&key.as_str())).map(|key| unknown_key(key, known)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_could_be_meant() {
        let known = ["room_id", "channel", "thread_per_chat"];
        assert_eq!(nearest("roomid", known), Some("room_id"));
        assert_eq!(nearest("Room_ID", known), Some("room_id"));
        assert_eq!(nearest("colour", known), None);
    }
}
