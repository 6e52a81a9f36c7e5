//! What people do to messages.

use std::collections::BTreeMap;

use tieline_e2e::Relay;

use super::outcome::Observed;
use super::scene::{SOURCES, Scene, Sides, first, with};
use super::side::{EMOJI, Side, Who};

/// Everything that people do, once. Each thing is done to messages of its own, that are known by a word in their text.
pub(super) struct Round<'s> {
    scene: &'s Scene,
    number: usize,
    /// The ids of what was said before tieline ran.
    early: Vec<String>,
    /// The ids of the messages with a word, by room, before anything was done to them.
    were: BTreeMap<(usize, String), Vec<String>>,
    /// What was given to the messages with a word, by room, at each step.
    pub(super) given: Vec<BTreeMap<(usize, String), Vec<String>>>,
}

/// What is done in the same rooms. What is deleted at once is alone: Rocket.Chat empties a whole room.
const PLACES: [&[&str]; 7] = [
    &["reply", "answer"],
    &["thread", "within"],
    &["react"],
    &["edit", "new", "delete"],
    &["shrink", "short", "grow", "long"],
    &["late", "file", "bound", "unbound", "all"],
    &["bulk"],
];

/// How many groups of connected rooms a round takes; the last place is one of rooms that are forwarded.
pub(super) const CONNECTED: usize = PLACES.len() - 1;

/// The rooms that are looked at.
pub(super) fn targets() -> std::ops::Range<usize> {
    SOURCES..2 * SOURCES
}

/// Whose messages a source answers and reacts to: its own, and those of the targets, of which it has copies.
pub(super) fn holders(source: usize) -> impl Iterator<Item = usize> {
    std::iter::once(source).chain(targets())
}

/// The word of what a source's people said before tieline ran.
pub(super) fn early(source: usize) -> String {
    format!("early{source}e")
}

/// A text of so many characters at most, as words that are told apart by their numbers.
pub(super) fn long_text(word: &str, length: usize) -> String {
    let each = format!("{word}0000 ").len();
    let words: Vec<_> = (0..length / each).map(|number| format!("{word}{number:04}")).collect();
    words.join(" ")
}

/// The bytes of a file.
pub(super) fn bytes(word: &str) -> Vec<u8> {
    format!("the file of {word}").into_bytes()
}

impl<'s> Round<'s> {
    /// Before tieline runs, since people have talked by then.
    pub(super) fn new(scene: &'s Scene, number: usize) -> Self {
        let mut round = Self { scene, number, early: Vec::new(), were: BTreeMap::new(), given: Vec::new() };
        let early = |source| round.side("late", source).said_before(&format!("{} is said", early(source)));
        round.early = (0..SOURCES).map(early).collect();
        round
    }

    /// The room where something is done.
    pub(super) fn side(&self, deed: &str, at: usize) -> &dyn Side {
        let place = PLACES.iter().position(|deeds| deeds.contains(&deed));
        let place = place.unwrap_or_else(|| panic!("{deed} has no place"));
        let sides: &Sides = if place < CONNECTED {
            &self.scene.connected[self.number * CONNECTED + place]
        } else {
            &self.scene.forwarded[self.number]
        };
        sides.side(at)
    }

    /// The word by which it is known what a source does to a message of another one.
    pub(super) fn word(&self, deed: &str, source: usize, holder: usize) -> String {
        format!("{}{deed}{source}of{holder}e", ["first", "second"][self.number])
    }

    /// The word of what a source does alone.
    pub(super) fn own(&self, deed: &str, source: usize) -> String {
        self.word(deed, source, source)
    }

    /// The ids that the messages with a word had in a room.
    pub(super) fn were(&self, at: usize, word: &str) -> &[String] {
        self.were.get(&(at, word.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// People say what something is done to later.
    pub(super) async fn begin(&mut self, relay: &mut Relay) {
        for source in 0..SOURCES {
            for deed in ["reply", "thread", "react"] {
                for holder in holders(source) {
                    self.side(deed, holder).say(&format!("{} is said", self.word(deed, source, holder)));
                }
            }
            for deed in ["edit", "grow", "delete", "bulk", "bulk"] {
                self.side(deed, source).say(&format!("{} is said", self.own(deed, source)));
            }
            let side = self.side("shrink", source);
            side.say(&long_text(&self.own("shrink", source), side.longest()));
        }
        self.scene.quiet(relay, &format!("round {} begun", self.number)).await;
        for source in 0..SOURCES {
            for deed in ["edit", "grow", "delete", "shrink", "bulk"] {
                for at in std::iter::once(source).chain(targets()) {
                    let (side, word) = (self.side(deed, at), self.own(deed, source));
                    let ids: Vec<_> = with(side, &word).into_iter().map(|shown| shown.id).collect();
                    assert!(!ids.is_empty(), "{word} is not on {}, but {:#?}", side.platform(), side.shown());
                    self.were.insert((at, word), ids);
                }
            }
            // The last of the rooms is one of Discord, where a message holds the least.
            let split = self.were(2 * SOURCES - 1, &self.own("shrink", source));
            assert!(split.len() > 1, "what {source} said is not split: {split:?}");
        }
    }

    /// People do everything, and it is seen what becomes of it.
    pub(super) async fn happen(&mut self, relay: &mut Relay) -> Observed {
        (0..SOURCES).for_each(|source| self.act(source));
        let [(thumb, _), (tada, _)] = EMOJI;
        for (emoji, added) in [(thumb, true), (tada, true), (tada, false), (thumb, false)] {
            (0..SOURCES).for_each(|source| self.react(source, emoji, added));
            self.scene.quiet(relay, &format!("round {} {emoji} {added}", self.number)).await;
            self.look_at_reactions();
        }
        self.observed()
    }

    fn act(&self, source: usize) {
        for holder in holders(source) {
            let (side, parent) = (self.side("reply", source), self.word("reply", source, holder));
            side.answer(&first(side, &parent).id, &format!("{} is said", self.word("answer", source, holder)));
            let (side, parent) = (self.side("thread", source), self.word("thread", source, holder));
            let text = format!("{} is said", self.word("within", source, holder));
            side.answer_in_thread(&first(side, &parent).id, &text);
        }
        self.side("late", source).answer(&self.early[source], &format!("{} is said", self.own("late", source)));
        for (old, new) in [("edit", "new"), ("shrink", "short")] {
            let new = format!("{} is said", self.own(new, source));
            self.side(old, source).edit(&self.were(source, &self.own(old, source))[0], &new);
        }
        let side = self.side("grow", source);
        let long = long_text(&self.own("long", source), side.longest());
        side.edit(&self.were(source, &self.own("grow", source))[0], &long);
        self.side("delete", source).delete(&self.were(source, &self.own("delete", source))[0]);
        self.side("bulk", source).delete_at_once(self.were(source, &self.own("bulk", source)));
        let word = self.own("file", source);
        self.side("file", source).put(&bytes(&word), &format!("{word} is said"));
        self.side("bound", source).mention(Who::Nora, &self.own("bound", source));
        self.side("unbound", source).mention(Who::Uwe, &self.own("unbound", source));
        let side = self.side("all", source);
        side.say(&format!("{} {}", self.own("all", source), side.everybody()));
    }

    fn react(&self, source: usize, emoji: &str, added: bool) {
        let side = self.side("react", source);
        for holder in holders(source) {
            side.react(&first(side, &self.word("react", source, holder)).id, emoji, added);
        }
    }

    fn look_at_reactions(&mut self) {
        let mut step = BTreeMap::new();
        for source in 0..SOURCES {
            for word in holders(source).map(|holder| self.word("react", source, holder)) {
                for at in targets() {
                    let mut given = first(self.side("react", at), &word).reactions;
                    given.sort();
                    step.insert((at, word.clone()), given);
                }
            }
        }
        self.given.push(step);
    }
}
