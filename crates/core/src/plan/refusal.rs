//! Why an event does not go somewhere, in words for people.

use std::fmt;

use serde_json::Value;

use crate::id::Channel;
use crate::plan::place::Place;
use crate::plan::{Rule, Source};

/// Why a rule, or one of its targets, does not take an event. Ascending by how far the rule was from taking it.
#[derive(Debug, Clone)]
pub(super) enum Refusal<'p> {
    /// It takes nothing from the instance.
    Instance,
    /// It takes nothing from the channel.
    Channel,
    /// It names the parent, and another rule the thread.
    ThreadIsNamed,
    /// Another key of its source address is not equal.
    AddressKey(&'p str, &'p Value),
    /// It does not relay this kind of event.
    Kind(&'static str),
    /// The target is where the event came from.
    Origin(Channel),
    /// The target follows the conversation, and the event came from its own account, or another one of its realm.
    OwnAccount,
    /// The target follows the conversation, and the message names none.
    NoConversation,
    /// No copy of the message that is changed is in the target.
    NoCopy(Channel),
    /// The target gets its copy from an earlier rule.
    HasCopy(Channel, &'p Rule),
    /// The target is a channel into which another account may be going to write, whose filter cannot decide yet.
    Sharing(Channel),
    /// The filter refuses.
    Filter(String),
}

impl Refusal<'_> {
    /// How far the rule was from taking the event: of several sources, the one that was nearest explains best.
    fn rank(&self) -> u8 {
        match self {
            Self::Instance => 0,
            Self::Channel => 1,
            Self::ThreadIsNamed => 2,
            Self::AddressKey(..) => 3,
            Self::Kind(_) => 4,
            Self::Origin(_)
            | Self::OwnAccount
            | Self::NoConversation
            | Self::NoCopy(_)
            | Self::HasCopy(..)
            | Self::Sharing(_)
            | Self::Filter(_) => 5,
        }
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance => f.write_str("it takes no messages from this instance"),
            Self::Channel => f.write_str("it takes no messages from this channel"),
            Self::ThreadIsNamed => {
                f.write_str("it names the channel that the thread belongs to, but a rule names the thread itself")
            }
            Self::AddressKey(key, value) => write!(f, "its source wants `{key}` to be {value}"),
            Self::Kind(kind) => write!(f, "its `events` do not name `{kind}`"),
            Self::Origin(channel) => write!(f, "the message came from {channel}"),
            Self::OwnAccount => {
                f.write_str("what comes from an account is not passed on to other chats of it or of its fellows")
            }
            Self::NoConversation => {
                f.write_str("the message neither answers one of the other side nor begins with a `[recipient]`")
            }
            Self::NoCopy(channel) => write!(f, "no copy of the message is in {channel}"),
            Self::HasCopy(channel, earlier) => {
                write!(f, "{channel} already gets it by rule `{}`", earlier.id)
            }
            Self::Sharing(channel) => write!(f, "{channel} is the target of an earlier rule, under another account"),
            Self::Filter(reason) => f.write_str(reason),
        }
    }
}

/// Why none of a rule's sources takes messages from a place, by the source that was nearest to it; `None` if one does.
pub(super) fn nearest<'p>(sources: impl IntoIterator<Item = &'p Source>, place: &Place<'_>) -> Option<Refusal<'p>> {
    let mut nearest = Refusal::Instance;
    for source in sources {
        match place.refusal(source) {
            None => return None,
            Some(refusal) if refusal.rank() > nearest.rank() => nearest = refusal,
            Some(_) => {}
        }
    }
    Some(nearest)
}

/// Why nobody gets an event, to be kept and shown: the first few refusals, and how many more there were.
#[derive(Default)]
pub(super) struct Refusals<'p> {
    first: Vec<(&'p Rule, Refusal<'p>)>,
    more: usize,
}

impl<'p> Refusals<'p> {
    /// As many as a person reads in one line. A plan may have thousands of rules that take a whole instance.
    const SHOWN: usize = 3;

    pub(super) fn add(&mut self, rule: &'p Rule, refusal: Refusal<'p>) {
        if self.first.len() < Self::SHOWN {
            self.first.push((rule, refusal));
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Refusals<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first.is_empty() {
            return f.write_str("no rule takes messages from this channel");
        }
        for (index, (rule, refusal)) in self.first.iter().enumerate() {
            let gap = if index == 0 { "" } else { "; " };
            write!(f, "{gap}rule `{}`: {refusal}", rule.id)?;
        }
        if self.more > 0 {
            write!(f, "; and {} more refusals", self.more)?;
        }
        Ok(())
    }
}
