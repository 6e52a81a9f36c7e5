//! The messages that a copy consists of, as one column holds them: a line for each, with the id, how it was sent, and
//! whether it has files only. An id has no control characters in it, so tabs can keep these apart.
//!
//! A message that was taken away keeps its line, marked, since its id stays known as ours until the whole copy is forgotten.

use tieline_core::id::{IdError, MessageId};
use tieline_core::send::{Copied, Sent};

use crate::error::Failure;

/// Stands in a line of a message without a text.
const WORDLESS: &str = "wordless";
/// Stands in a line of a message that was taken away.
const GONE: &str = "gone";

/// The lines for what was sent; `None` if nothing has an id.
pub(crate) fn write<'a>(sents: impl Iterator<Item = &'a Sent>) -> Option<String> {
    let mut lines: Option<String> = None;
    for sent in sents {
        for id in &sent.ids {
            let lines = match &mut lines {
                Some(lines) => {
                    lines.push('\n');
                    lines
                }
                none => none.insert(String::new()),
            };
            lines.push_str(id.as_str());
            let how = sent.how.as_deref().filter(|how| !how.contains(char::is_control));
            if how.is_some() || sent.wordless {
                lines.extend(["\t", how.unwrap_or_default()]);
            }
            if sent.wordless {
                lines.extend(["\t", WORDLESS]);
            }
        }
    }
    lines
}

/// The messages of such lines that are there.
pub(crate) fn read(lines: &str) -> Result<Vec<Copied>, Failure> {
    let one = |line: &str| {
        let mut fields = line.split('\t');
        let id = MessageId::new(fields.next().unwrap_or_default())?;
        let how = fields.next().filter(|how| !how.is_empty()).map(str::to_owned);
        Ok(Copied { id, channel: None, how, wordless: fields.next() == Some(WORDLESS), original: false })
    };
    present(lines).map(one).collect()
}

/// The ids of those messages.
pub(crate) fn ids(lines: &str) -> impl Iterator<Item = Result<MessageId, IdError>> {
    present(lines).map(|line| MessageId::new(id(line)))
}

/// The ids of all messages of such lines, of those that were taken away too.
pub(crate) fn all_ids(lines: &str) -> impl Iterator<Item = Result<MessageId, IdError>> {
    lines.lines().map(|line| MessageId::new(id(line)))
}

/// Such lines with some messages marked as taken away.
pub(crate) fn without(lines: &str, gone: &[MessageId]) -> String {
    let mark = |line: &str| {
        let id = id(line);
        if gone.iter().any(|gone| gone.as_str() == id) { format!("{id}\t\t{GONE}") } else { line.to_owned() }
    };
    lines.lines().map(mark).collect::<Vec<_>>().join("\n")
}

fn present(lines: &str) -> impl Iterator<Item = &str> {
    lines.lines().filter(|line| line.split('\t').nth(2) != Some(GONE))
}

fn id(line: &str) -> &str {
    line.split('\t').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let id = |id: &str| MessageId::new(id).unwrap();
        let plain = Sent { ids: vec![id("a"), id("b")], ..Sent::default() };
        let by_hook = Sent { ids: vec![id("c")], how: Some("w 12".into()), ..Sent::default() };
        let file = Sent { ids: vec![id("d")], wordless: true, ..Sent::default() };
        let lines = write([&plain, &Sent::default(), &by_hook, &file].into_iter()).unwrap();
        let read = read(&lines).unwrap();
        let shape: Vec<_> = read.iter().map(|c| (c.id.as_str(), c.how.as_deref(), c.wordless)).collect();
        assert_eq!(shape, [("a", None, false), ("b", None, false), ("c", Some("w 12"), false), ("d", None, true)]);
        let left = without(&lines, &[id("a"), id("c")]);
        assert_eq!(ids(&left).collect::<Result<Vec<_>, _>>().unwrap(), [id("b"), id("d")]);
        assert_eq!(all_ids(&left).collect::<Result<Vec<_>, _>>().unwrap(), [id("a"), id("b"), id("c"), id("d")]);
        assert_eq!(super::read(&left).unwrap(), [read[1].clone(), read[3].clone()]);
        assert_eq!(write(std::iter::empty()), None);
    }
}
