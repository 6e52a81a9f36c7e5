//! What kinds of messages there are: what people say, and what the server itself says in a room.

/// What a message is, by its `t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody said it.
    Said,
    /// Somebody said it, and it was taken away; what is left of it stays in the room.
    Removed,
    /// Somebody said it, and nobody but the members' own apps can read it.
    Encrypted,
    /// Somebody came into the room; the text is who.
    Joined,
    /// Somebody left it, or was taken out of it; the text is who.
    Left,
    /// The room's topic is this text now.
    Topic,
    /// Anything else that the server says: nobody is told of it.
    Other,
}

impl Kind {
    /// The kind of a `t`; messages of people have none. Who was invited (`ui`), or would not come (`uir`), has not come.
    pub(crate) fn of(t: Option<&str>) -> Self {
        match t {
            None => Self::Said,
            Some("rm") => Self::Removed,
            Some("e2e") => Self::Encrypted,
            Some("uj" | "ut" | "ujt" | "au" | "added-user-to-team") => Self::Joined,
            Some("ul" | "ult" | "ru" | "removed-user-from-team") => Self::Left,
            Some("room_changed_topic") => Self::Topic,
            Some(_) => Self::Other,
        }
    }

    /// Whether it is news of the room.
    pub(crate) fn is_news(self) -> bool {
        matches!(self, Self::Joined | Self::Left | Self::Topic)
    }
}
