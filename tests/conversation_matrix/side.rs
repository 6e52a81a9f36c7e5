//! What people can do and see on any platform.

/// Somebody who is mentioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Nora has an account everywhere; by `/tie bind` it is known that they are hers. No two of them are called alike.
    Nora,
    /// Uwe has accounts on the first servers only, and nobody knows that they are his.
    Uwe,
}

/// A message of a room as people see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) text: String,
    /// The message that it answers.
    pub(super) answers: Option<String>,
    /// The message that opened the thread that it is in.
    pub(super) thread: Option<String>,
    /// The SHA-256 of its files.
    pub(super) files: Vec<String>,
    /// What our account has given it, as Unicode's emoji.
    pub(super) reactions: Vec<String>,
    /// The accounts that it calls.
    pub(super) calls: Vec<String>,
    /// Whether it calls everybody.
    pub(super) calls_everybody: bool,
}

/// A room on one of the platforms, with the person who writes there.
pub(super) trait Side {
    /// What the table calls the platform.
    fn platform(&self) -> &'static str;

    /// Somebody writes. Returns the message's id.
    fn say(&self, text: &str) -> String;

    /// Somebody has written some time ago. Returns the message's id.
    fn said_before(&self, text: &str) -> String {
        self.say(text)
    }

    /// Nora writes.
    fn nora_says(&self, text: &str);

    /// Somebody mentions one of them, behind a text.
    fn mention(&self, who: Who, text: &str);

    /// Somebody answers a message.
    fn answer(&self, to: &str, text: &str);

    /// Somebody answers it in its thread, if there are threads.
    fn answer_in_thread(&self, to: &str, text: &str);

    /// Who wrote a message changes its text.
    fn edit(&self, message: &str, text: &str);

    /// Who wrote a message deletes it.
    fn delete(&self, message: &str);

    /// Several messages are deleted at once.
    fn delete_at_once(&self, messages: &[String]);

    /// Whether there is such a thing.
    fn deletes_at_once(&self) -> bool {
        true
    }

    /// Somebody reacts to a message, or takes that back.
    fn react(&self, message: &str, emoji: &str, added: bool);

    /// Somebody puts a file into the room.
    fn put(&self, bytes: &[u8], caption: &str);

    /// How a person calls everybody.
    fn everybody(&self) -> &'static str;

    /// How much a person can write into one message, in characters of ASCII.
    fn longest(&self) -> usize;

    /// A text of the table as it is written here: the names of things that have ids stand for their ids.
    fn written(&self, text: &str) -> String {
        text.to_owned()
    }

    /// The account of one of them as [`Shown::calls`] names it.
    fn account(&self, who: Who) -> Option<String>;

    /// The messages of the room, in their order; those that are deleted are not among them.
    fn shown(&self) -> Vec<Shown>;

    /// Whether the platform tells what becomes of a message of this id after it was said.
    fn tells_more_of(&self, message: &str) -> bool;
}

/// The emoji that people here react with, and their names on Rocket.Chat.
pub(super) const EMOJI: [(&str, &[&str]); 2] = [("👍", &["thumbsup", "+1"]), ("🎉", &["tada"])];
