//! What is to be seen elsewhere of what people did, in the words of the table.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::deeds::{Round, bytes, early, holders, long_text, targets};
use super::scene::{SOURCES, first, with};
use super::side::{EMOJI, Shown, Who};

/// What was observed, by row, source and target.
pub(super) type Observed = BTreeMap<(&'static str, usize, usize), String>;

/// Nothing of it is to be seen.
const NOTHING: &str = "nothing";

/// There is no such thing there.
const NO_SUCH_THING: &str = "–";

impl Round<'_> {
    /// What is to be seen of everything.
    pub(super) fn observed(&self) -> Observed {
        let mut observed = Observed::new();
        for source in 0..SOURCES {
            for target in targets() {
                let rows = [
                    ("reply", self.answered(("reply", "answer"), source, target)),
                    ("reply to what is not there", self.quoted(source, target)),
                    ("thread reply", self.answered(("thread", "within"), source, target)),
                    ("edit", self.edited(("edit", "new", 0), source, target)),
                    ("edit of a split message", self.split_edited(source, target)),
                    ("delete", self.deleted("delete", source, target)),
                    ("bulk delete", self.deleted("bulk", source, target)),
                    ("react", self.reacted(source, target)),
                    ("unreact", self.taken_back(source, target)),
                    ("file with caption", self.put(source, target)),
                    ("mention bound", self.mentioned((Who::Nora, "bound"), source, target)),
                    ("mention unbound", self.mentioned((Who::Uwe, "unbound"), source, target)),
                    ("@all", self.called_all(source, target)),
                ];
                observed.extend(rows.map(|(row, word)| ((row, source, target), word)));
            }
        }
        observed
    }

    fn answered(&self, (deed, answer): (&str, &str), source: usize, target: usize) -> String {
        let side = self.side(deed, target);
        let of = |holder: usize| {
            let answer = with(side, &self.word(answer, source, holder));
            let Some(answer) = answer.first() else { return NO_SUCH_THING };
            let parent = first(side, &self.word(deed, source, holder)).id;
            if answer.thread.as_ref() == Some(&parent) {
                "thread"
            } else if answer.answers.as_ref() == Some(&parent) {
                "reply"
            } else {
                NOTHING
            }
        };
        same(holders(source).map(of))
    }

    fn quoted(&self, source: usize, target: usize) -> String {
        let word = self.own("late", source);
        let text = first(self.side("late", target), &word).text;
        let quoted = |line: &str| line.starts_with('>') && line.contains(&early(source));
        let quoted = text.lines().take_while(|line| !line.contains(&word)).any(quoted);
        if quoted { "quote" } else { NOTHING }.to_owned()
    }

    /// An edit: the messages that were there say exactly the new words, and no word of the old text is left.
    fn edited(&self, (old, new, length): (&str, &str, usize), source: usize, target: usize) -> String {
        let side = self.side(old, target);
        let (before, after) = (with(side, &self.own(old, source)), with(side, &self.own(new, source)));
        if after.is_empty() {
            return self.without_effect(old, source, target);
        }
        let new = self.own(new, source);
        let text = if length == 0 { new.clone() } else { long_text(&new, length) };
        let words: Vec<_> = after.iter().flat_map(|shown| shown.text.split_whitespace()).collect();
        let said = words.into_iter().filter(|word| word.contains(&new)).eq(text.split_whitespace());
        let were = self.were(target, &self.own(old, source));
        // As many as before stay what they are; only what is too much for them is new.
        let stayed = after.iter().zip(were).all(|(shown, id)| shown.id == *id);
        if said && stayed && before.is_empty() {
            "edit"
        } else if said && !before.is_empty() && after.iter().all(|shown| shown.text.contains('✏')) {
            "correction"
        } else {
            "another text"
        }
        .to_owned()
    }

    fn split_edited(&self, source: usize, target: usize) -> String {
        let length = self.side("grow", source).longest();
        same([("shrink", "short", 0), ("grow", "long", length)].map(|edit| self.edited(edit, source, target)))
    }

    fn deleted(&self, deed: &str, source: usize, target: usize) -> String {
        if deed == "bulk" && !self.side(deed, source).deletes_at_once() {
            return NO_SUCH_THING.to_owned();
        }
        if with(self.side(deed, target), &self.own(deed, source)).is_empty() {
            return "delete".to_owned();
        }
        self.without_effect(deed, source, target)
    }

    /// The messages that something was done to are what they were; whether the platform told anything of it.
    fn without_effect(&self, deed: &str, source: usize, target: usize) -> String {
        let word = self.own(deed, source);
        let now: Vec<_> = with(self.side(deed, target), &word).into_iter().map(|shown| shown.id).collect();
        let told = self.were(source, &word).iter().any(|id| self.side(deed, source).tells_more_of(id));
        match (now == self.were(target, &word), told) {
            (true, false) => "untold",
            (true, true) => NOTHING,
            (false, _) => "other messages",
        }
        .to_owned()
    }

    /// What was given to a message at each step: with the first emoji, with both, without the second one, without any.
    fn steps(&self, source: usize, holder: usize, target: usize) -> Vec<Vec<&str>> {
        let key = (target, self.word("react", source, holder));
        self.given.iter().map(|step| step[&key].iter().map(String::as_str).collect()).collect()
    }

    fn reacted(&self, source: usize, target: usize) -> String {
        let [(thumb, _), (tada, _)] = EMOJI;
        let mut both = [thumb, tada];
        both.sort_unstable();
        let side = self.side("react", source);
        same(holders(source).map(|holder| match &self.steps(source, holder, target)[..2] {
            [one, two] if *one == [thumb] && *two == both => "react",
            [one, two] if *one == [thumb] && *two == [tada] => "one",
            [one, two]
                if one.is_empty()
                    && two.is_empty()
                    && !side.tells_more_of(&first(side, &self.word("react", source, holder)).id) =>
            {
                "untold"
            }
            _ => NOTHING,
        }))
    }

    fn taken_back(&self, source: usize, target: usize) -> String {
        let (thumb, _) = EMOJI[0];
        let reacted = self.reacted(source, target);
        same(holders(source).map(|holder| match &self.steps(source, holder, target)[2..] {
            [first, second] if *first == [thumb] && second.is_empty() => reacted.clone(),
            [first, second] if first.is_empty() && second.is_empty() && reacted == "untold" => reacted.clone(),
            _ => NOTHING.to_owned(),
        }))
    }

    fn put(&self, source: usize, target: usize) -> String {
        let word = self.own("file", source);
        let side = self.side("file", target);
        let digest = format!("{:x}", Sha256::digest(bytes(&word)));
        let arrived = side.shown().iter().filter(|shown| shown.files.contains(&digest)).count();
        if arrived == 1 && with(side, &word).len() == 1 { "file" } else { NOTHING }.to_owned()
    }

    fn mentioned(&self, (who, deed): (Who, &str), source: usize, target: usize) -> String {
        let side = self.side(deed, target);
        let Shown { text, calls, calls_everybody, .. } = first(side, &self.own(deed, source));
        let name = match who {
            Who::Nora => "nora",
            Who::Uwe => "uwe",
        };
        if calls_everybody {
            "everybody"
        } else if calls.len() == 1 && calls.last() == side.account(who).as_ref() {
            "mention"
        } else if calls.is_empty() && text.to_lowercase().contains(name) {
            "name"
        } else {
            NOTHING
        }
        .to_owned()
    }

    fn called_all(&self, source: usize, target: usize) -> String {
        let shown = first(self.side("all", target), &self.own("all", source));
        let written = shown.text.replace('\u{200b}', "").contains(self.side("all", source).everybody());
        let harmless = !shown.calls_everybody && shown.calls.is_empty();
        if written && harmless { "defused" } else { "everybody" }.to_owned()
    }
}

/// The word for all of them, or every word that there is.
fn same(words: impl IntoIterator<Item = impl Into<String>>) -> String {
    let mut words: Vec<String> = words.into_iter().map(Into::into).collect();
    words.dedup();
    words.join(", ")
}
