//! What is remembered of messages, so that it can be told what about one that is sent again is new.
//!
//! The server sends the whole message again at every change: an edit, a reaction, a pin, a star, a preview that is done,
//! a reply in its thread. So many of the latest messages are remembered; of the others only the outbox knows whether they
//! were seen. Who has reacted to the latest is kept between processes, so that it shows what was taken back meanwhile.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};

use serde_json::Value;
use tieline_core::emoji;

use super::kind::Kind;

/// How many messages are remembered.
const MOST: usize = 10_000;
/// Of how many messages is kept who has reacted to them.
const KEPT: usize = 500;
/// What is changed so soon after it was made was changed by that: nobody else has done anything to it yet.
const FRESH: i64 = 2_000;

/// Who reacted, by emoji.
pub(crate) type Reactions = BTreeMap<String, BTreeSet<String>>;

/// A message, as far as its state can be compared. Times are the server's, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) room: String,
    pub(crate) username: String,
    /// When it was posted.
    pub(crate) posted: i64,
    /// When anything about it changed last.
    pub(crate) updated: i64,
    edited: Option<i64>,
    pub(crate) kind: Kind,
    text: u64,
    reactions: Reactions,
}

/// Whether a message that is not remembered was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was not.
    New,
    /// The outbox knows it.
    Known,
    /// It is older than what we listened to.
    Old,
}

/// What is new about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    Posted,
    Edited,
    Deleted,
    Reaction { emoji: String, username: String, added: bool },
}

impl Seen {
    /// Reads a message; `None`: it lacks what every message has.
    pub(crate) fn read(message: &Value) -> Option<Self> {
        let text = |key: &str| message[key].as_str().filter(|text| !text.is_empty());
        let posted = millis(&message["ts"])?;
        let mut hasher = DefaultHasher::new();
        message["msg"].as_str().unwrap_or_default().hash(&mut hasher);
        // A caption may be an attachment's.
        let attachments = message["attachments"].as_array().into_iter().flatten();
        attachments.filter_map(|attachment| attachment["description"].as_str()).for_each(|text| text.hash(&mut hasher));
        let names = |who: &Value| {
            let names = who["usernames"].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        // Several short codes may mean the same emoji.
        let mut reactions = Reactions::new();
        for (code, who) in message["reactions"].as_object().into_iter().flatten() {
            reactions.entry(emoji::canonical(code)).or_default().extend(names(who));
        }
        Some(Self {
            id: text("_id")?.to_owned(),
            room: text("rid")?.to_owned(),
            username: message["u"]["username"].as_str().unwrap_or_default().to_owned(),
            posted,
            updated: millis(&message["_updatedAt"]).unwrap_or(posted),
            edited: millis(&message["editedAt"]),
            kind: Kind::of(text("t")),
            text: hasher.finish(),
            reactions,
        })
    }

    /// Whether nothing happened to it since it was posted.
    pub(crate) fn is_fresh(&self) -> bool {
        self.updated - self.posted <= FRESH
    }
}

/// A time: DDP's `{"$date": 0}`, or REST's text.
pub(crate) fn millis(time: &Value) -> Option<i64> {
    match time {
        Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
        other => other["$date"].as_i64(),
    }
}

#[derive(Debug)]
struct Entry {
    order: u64,
    seen: Seen,
    gone: bool,
}

/// The latest messages.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    entries: HashMap<String, Entry>,
    order: BTreeMap<u64, String>,
    next: u64,
    /// Messages that are gone and of which nothing else is known.
    departed: HashSet<String>,
    /// Who had reacted, by an earlier process, to messages that were not heard of since.
    recalled: BTreeMap<String, Reactions>,
    /// Whether any reactions changed since they were asked for.
    reacted: bool,
}

impl Memory {
    /// A memory in which stands who had reacted, by an earlier process.
    pub(crate) fn recalling(reactions: BTreeMap<String, Reactions>) -> Self {
        Self { recalled: reactions, ..Self::default() }
    }

    /// Who has reacted to the latest messages, if that changed since it was asked for.
    pub(crate) fn reactions(&mut self) -> Option<BTreeMap<String, Reactions>> {
        if !std::mem::take(&mut self.reacted) {
            return None;
        }
        let latest = self.order.values().rev().filter_map(|id| self.entries.get(id));
        let latest = latest.filter(|entry| !entry.gone).map(|entry| (&entry.seen.id, &entry.seen.reactions));
        let all = latest.filter(|(_, reactions)| !reactions.is_empty()).chain(&self.recalled);
        Some(all.take(KEPT).map(|(id, reactions)| (id.clone(), reactions.clone())).collect())
    }

    pub(crate) fn holds(&self, message: &str) -> bool {
        self.entries.contains_key(message)
    }

    /// A message came. What is new about it, in order; `standing` counts only if it is not remembered.
    pub(crate) fn hear(&mut self, seen: Seen, standing: Standing) -> Vec<Turn> {
        let before = self.entries.get(&seen.id);
        if before.is_some_and(|entry| seen.updated < entry.seen.updated) {
            // The server told this before it answered what was missed, where the message is newer already.
            return Vec::new();
        }
        let gone = before.is_some_and(|entry| entry.gone) || self.departed.remove(&seen.id);
        let deleted = seen.kind == Kind::Removed;
        let mut turns = Vec::new();
        if deleted && !gone {
            turns.push(Turn::Deleted);
        } else if seen.kind.is_news() && before.is_none() && standing == Standing::New {
            turns.push(Turn::Posted);
        } else if !gone && seen.kind == Kind::Said {
            let recalled = self.recalled.remove(&seen.id).unwrap_or_default();
            let reactions = before.map_or(&recalled, |entry| &entry.seen.reactions);
            self.reacted |= *reactions != seen.reactions;
            match before {
                Some(Entry { seen: old, .. }) if seen.edited > old.edited && seen.text != old.text => {
                    turns.push(Turn::Edited);
                }
                None if standing == Standing::New => turns.push(Turn::Posted),
                // Whether it was this edit that it was sent for cannot be known; if it was told before, the outbox knows
                // it by its time.
                None if seen.edited.is_some() => turns.push(Turn::Edited),
                _ => {}
            }
            turns.extend(difference(&seen.reactions, reactions, true));
            turns.extend(difference(reactions, &seen.reactions, false));
        }
        self.keep(seen, gone || deleted);
        turns
    }

    /// A message is gone. Whether that is new.
    pub(crate) fn forget(&mut self, message: &str) -> bool {
        if let Some(entry) = self.entries.get_mut(message) {
            return !std::mem::replace(&mut entry.gone, true);
        }
        if self.departed.len() >= MOST {
            self.departed.clear();
        }
        self.departed.insert(message.to_owned())
    }

    /// Whether a message that is not remembered, and that the outbox knows, has nothing about it that could be new.
    pub(crate) fn is_plain(&self, seen: &Seen) -> bool {
        let same = seen.reactions.is_empty() && !self.recalled.contains_key(&seen.id);
        same && seen.edited.is_none() && seen.kind == Kind::Said && !self.holds(&seen.id)
    }

    /// The messages of a room that were posted between these times by these people, or by anybody if nobody is named.
    pub(crate) fn between(&self, room: &str, after: i64, before: i64, users: &[&str]) -> Vec<String> {
        let wanted = |seen: &Seen| {
            seen.room == room
                && (after..=before).contains(&seen.posted)
                && (users.is_empty() || users.contains(&seen.username.as_str()))
        };
        let mut found: Vec<&Seen> =
            self.entries.values().filter(|entry| !entry.gone).map(|entry| &entry.seen).filter(|s| wanted(s)).collect();
        found.sort_by_key(|seen| seen.posted);
        found.into_iter().map(|seen| seen.id.clone()).collect()
    }

    fn keep(&mut self, seen: Seen, gone: bool) {
        self.next += 1;
        let id = seen.id.clone();
        if let Some(old) = self.entries.insert(id.clone(), Entry { order: self.next, seen, gone }) {
            self.order.remove(&old.order);
        }
        self.order.insert(self.next, id);
        if self.entries.len() > MOST
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }
}

/// Who is in `these` and not in `those`.
fn difference(these: &Reactions, those: &Reactions, added: bool) -> Vec<Turn> {
    let none = BTreeSet::new();
    let each = these.iter().flat_map(|(emoji, who)| {
        let others = those.get(emoji).unwrap_or(&none);
        who.difference(others).map(move |name| (emoji.clone(), name.clone()))
    });
    each.map(|(emoji, username)| Turn::Reaction { emoji, username, added }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn seen(changes: &Value) -> Seen {
        let mut message = json!({
            "_id": "m1", "rid": "R1", "msg": "hi", "u": { "username": "ann" },
            "ts": { "$date": 1000 }, "_updatedAt": { "$date": 1000 },
        });
        for (key, value) in changes.as_object().expect("an object") {
            message[key] = value.clone();
        }
        Seen::read(&message).expect("a message")
    }

    fn by_bob(emoji: &str, added: bool) -> Turn {
        Turn::Reaction { emoji: emoji.to_owned(), username: "bob".to_owned(), added }
    }

    #[test]
    fn only_what_is_new_is_told() {
        let mut memory = Memory::default();
        let mut hear = |changes: Value| memory.hear(seen(&changes), Standing::New);
        assert_eq!(hear(json!({})), [Turn::Posted]);
        assert_eq!(hear(json!({ "pinned": true })), []);
        let edit = json!({ "msg": "ho", "editedAt": { "$date": 5000 } });
        assert_eq!(hear(edit.clone()), [Turn::Edited]);
        assert_eq!(hear(edit), []);
        let by = json!({ ":tada:": { "usernames": ["bob"] } });
        let edited = json!({ "msg": "ho", "editedAt": { "$date": 5000 }, "reactions": by });
        assert_eq!(hear(edited.clone()), [by_bob("🎉", true)]);
        assert_eq!(hear(edited), []);
        assert_eq!(hear(json!({ "msg": "ho", "editedAt": { "$date": 5000 } })), [by_bob("🎉", false)]);
        assert_eq!(hear(json!({ "t": "rm", "msg": "" })), [Turn::Deleted]);
        assert_eq!(hear(json!({ "t": "rm", "msg": "" })), []);
        assert_eq!(hear(json!({})), [], "what is gone does not come back");
    }

    #[test]
    fn what_was_there_before_us_is_not_new() {
        let by = json!({ ":custom:": { "usernames": ["bob"] } });
        let old = seen(&json!({ "reactions": by, "editedAt": "2026-01-01T00:00:00.000Z" }));
        for standing in [Standing::Old, Standing::Known] {
            let mut memory = Memory::default();
            assert_eq!(memory.hear(old.clone(), standing), [Turn::Edited, by_bob("custom", true)]);
            assert_eq!(memory.hear(seen(&json!({ "_id": "m2", "t": "uj" })), standing), []);
        }
        let mut memory = Memory::default();
        assert!(memory.forget("unknown") && !memory.forget("unknown"));
        memory.hear(old, Standing::New);
        assert!(memory.forget("m1") && !memory.forget("m1"));
    }

    #[test]
    fn what_is_told_late_takes_nothing_back() {
        let mut memory = Memory::default();
        let mut hear = |emoji: &[&str], updated: i64| {
            let reactions: Value = emoji.iter().map(|name| (*name, json!({ "usernames": ["bob"] }))).collect();
            memory.hear(seen(&json!({ "reactions": reactions, "_updatedAt": { "$date": updated } })), Standing::Known)
        };
        assert_eq!(hear(&[":+1:", ":tada:"], 3000), [by_bob("🎉", true), by_bob("👍", true)]);
        assert_eq!(hear(&[":+1:"], 2000), []);
        assert_eq!(hear(&[":+1:", ":tada:"], 3000), []);
        assert_eq!(hear(&[":tada:"], 4000), [by_bob("👍", false)]);
    }

    #[test]
    fn two_names_of_an_emoji_are_one() {
        let mut memory = Memory::default();
        let mut hear = |reactions: Value| memory.hear(seen(&json!({ "reactions": reactions })), Standing::Known);
        let by = |names: &[&str]| json!({ "usernames": names });
        assert_eq!(hear(json!({ ":+1:": by(&["bob"]), ":thumbsup:": by(&["bob"]) })), [by_bob("👍", true)]);
        assert_eq!(hear(json!({ ":thumbsup:": by(&["bob"]) })), []);
        assert_eq!(hear(json!({})), [by_bob("👍", false)]);
    }

    #[test]
    fn what_was_taken_back_between_two_processes_shows() {
        let reacted = |names: &[&str]| json!({ "reactions": { ":custom:": { "usernames": names } } });
        let mut first = Memory::default();
        assert_eq!(first.reactions(), None);
        first.hear(seen(&reacted(&["ann", "bob"])), Standing::New);
        let kept = first.reactions().expect("they changed");
        assert_eq!(first.reactions(), None, "they did not change since");
        let mut second = Memory::recalling(kept.clone());
        assert!(!second.is_plain(&seen(&json!({}))));
        assert_eq!(second.hear(seen(&reacted(&["ann"])), Standing::Known), [by_bob("custom", false)]);
        let still = second.reactions().expect("they changed");
        assert_ne!(still, kept);
        let mut third = Memory::recalling(still);
        assert_eq!(third.hear(seen(&reacted(&["ann"])), Standing::Known), []);
        assert_eq!(third.reactions(), None);
        assert!(third.forget("m1"));
        third.hear(seen(&json!({ "_id": "m2", "reactions": { ":other:": { "usernames": ["bob"] } } })), Standing::New);
        assert_eq!(
            third.reactions().expect("they changed").into_keys().collect::<Vec<_>>(),
            ["m2"],
            "of what is there"
        );
    }

    #[test]
    fn news_of_a_room_are_told_once() {
        let joined = seen(&json!({ "_id": "s1", "t": "uj", "msg": "bob" }));
        let mut memory = Memory::default();
        assert_eq!(memory.hear(joined.clone(), Standing::New), [Turn::Posted]);
        assert_eq!(memory.hear(joined.clone(), Standing::New), []);
        assert_eq!(Memory::default().hear(joined, Standing::Known), []);
        for other in ["ui", "r", "e2e", "message_pinned"] {
            assert_eq!(memory.hear(seen(&json!({ "_id": other, "t": other })), Standing::New), []);
        }
    }

    #[test]
    fn what_lies_between_two_times_is_found() {
        let mut memory = Memory::default();
        for (id, at, who) in [("a", 1000, "ann"), ("b", 2000, "bob"), ("c", 3000, "ann")] {
            let message = json!({ "_id": id, "ts": { "$date": at }, "u": { "username": who } });
            memory.hear(seen(&message), Standing::New);
        }
        assert_eq!(memory.between("R1", 1500, 3000, &[]), ["b", "c"]);
        assert_eq!(memory.between("R1", 0, 9000, &["ann"]), ["a", "c"]);
        assert!(memory.between("R2", 0, 9000, &[]).is_empty());
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut memory = Memory::default();
        for number in 0..MOST + 10 {
            memory.hear(seen(&json!({ "_id": number.to_string() })), Standing::New);
        }
        assert_eq!((memory.entries.len(), memory.order.len()), (MOST, MOST));
        assert!(!memory.holds("9") && memory.holds("10"));
    }

    proptest! {
        #[test]
        fn reactions_told_add_up_to_those_that_are_there(
            states in proptest::collection::vec(proptest::collection::btree_map("custom[ab]", proptest::collection::btree_set("[xyz]", 0..3), 0..3), 1..12),
        ) {
            let mut memory = Memory::default();
            let mut there = BTreeSet::new();
            for state in states {
                let reactions: serde_json::Map<String, Value> =
                    state.iter().map(|(emoji, who)| (format!(":{emoji}:"), json!({ "usernames": who }))).collect();
                for turn in memory.hear(seen(&json!({ "reactions": reactions })), Standing::New) {
                    if let Turn::Reaction { emoji, username, added } = turn {
                        let changed = if added { there.insert((emoji, username)) } else { there.remove(&(emoji, username)) };
                        prop_assert!(changed);
                    }
                }
                let wanted: BTreeSet<_> =
                    state.into_iter().flat_map(|(emoji, who)| who.into_iter().map(move |name| (emoji.clone(), name))).collect();
                prop_assert_eq!(&there, &wanted);
            }
        }
    }
}
