//! How a message of ours was sent, as far as a later edit must know.

use serde_json::Value;
use tieline_core::send::{Copied, Sent};

use crate::part::Said;
use crate::send_api::of_message;

/// What [`Sent::how`] says of a message, as words with a space between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct How {
    /// The identity could not be shown: the name stands in the text.
    pub(crate) named: bool,
    /// The text is the caption of a file.
    pub(crate) file: bool,
    /// It corrects another message, which cannot be edited any more.
    pub(crate) correction: bool,
}

impl How {
    /// How a copy was sent.
    pub(crate) fn of(copied: &Copied) -> Self {
        let says =
            |word: &str| copied.how.as_deref().is_some_and(|written| written.split(' ').any(|said| said == word));
        Self { named: says("named"), file: says("file"), correction: says("correction") }
    }

    /// `None` if there is nothing to know.
    pub(crate) fn written(self) -> Option<String> {
        let words = [(self.named, "named"), (self.file, "file"), (self.correction, "correction")];
        let words: Vec<&str> = words.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

/// What a message by REST says about its send. `said`: what was to be said; `file`: it is the caption of one.
pub(crate) fn sent_as(message: &Value, said: &Said, file: bool) -> Sent {
    let shown = ["alias", "avatar"].iter().any(|key| message.get(key).is_some_and(|value| !value.is_null()));
    let how = How { named: said.impersonates() && !shown, file, correction: said.correction };
    Sent { how: how.written(), wordless: said.text.is_empty(), ..of_message(message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tieline_core::id::MessageId;

    #[test]
    fn what_is_written_is_read_back() {
        for bits in 0..8 {
            let how = How { named: bits & 1 > 0, file: bits & 2 > 0, correction: bits & 4 > 0 };
            let copied = Copied {
                id: MessageId::new("m").expect("an id"),
                channel: None,
                how: how.written(),
                wordless: false,
                original: false,
            };
            assert_eq!(How::of(&copied), how);
        }
        assert_eq!(How::default().written(), None);
    }

    #[test]
    fn a_message_without_the_identity_has_the_name_in_its_text() {
        let said = Said { text: "hi".into(), alias: Some("Bob".into()), ..Said::default() };
        let how = |message: Value, said: &Said| sent_as(&message, said, false).how;
        assert_eq!(how(json!({ "_id": "m", "alias": "Bob" }), &said), None);
        assert_eq!(how(json!({ "_id": "m" }), &said).as_deref(), Some("named"));
        assert_eq!(how(json!({ "_id": "m" }), &Said { alias: None, ..said.clone() }), None);
        assert!(sent_as(&json!({ "_id": "m" }), &Said { text: String::new(), ..said }, true).wordless);
    }
}
