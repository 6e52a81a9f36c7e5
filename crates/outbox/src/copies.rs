//! The messages that a copy consists of, as one column holds them: a line for each, with the id, how it was sent, and
//! whether it has files only. An id has no control characters in it, so tabs can keep these apart.

use tieline_core::id::MessageId;
use tieline_core::send::{Copied, Sent};

use crate::error::Failure;

/// Stands in a line of a message without a text.
const WORDLESS: &str = "wordless";

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

/// The messages of such lines.
pub(crate) fn read(lines: &str) -> Result<Vec<Copied>, Failure> {
    let one = |line: &str| {
        let mut fields = line.split('\t');
        let id = MessageId::new(fields.next().unwrap_or_default())?;
        let how = fields.next().filter(|how| !how.is_empty()).map(str::to_owned);
        Ok(Copied { id, channel: None, how, wordless: fields.next() == Some(WORDLESS), original: false })
    };
    lines.lines().map(one).collect()
}

/// The id at the beginning of a line.
pub(crate) fn id(line: &str) -> &str {
    line.split('\t').next().unwrap_or_default()
}

/// Such lines without those of some messages; `None` if none is left.
pub(crate) fn without(lines: &str, gone: &[MessageId]) -> Option<String> {
    let left = |line: &&str| !gone.iter().any(|gone| gone.as_str() == id(line));
    let left: Vec<&str> = lines.lines().filter(left).collect();
    (!left.is_empty()).then(|| left.join("\n"))
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
        assert_eq!(without(&lines, &[id("a"), id("c")]).as_deref(), Some("b\nd\t\twordless"));
        assert_eq!(without("a", &[id("a")]), None);
        assert_eq!(write(std::iter::empty()), None);
    }
}
