//! What a member may do in a channel.

/// A permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// Add reactions that nobody has given yet.
    AddReactions,
    /// See the channel at all.
    ViewChannel,
    /// Write.
    SendMessages,
    /// Delete others' messages.
    ManageMessages,
    /// Have links previewed.
    EmbedLinks,
    /// Put files in.
    AttachFiles,
    /// Read what was said before.
    ReadMessageHistory,
    /// Ping everyone, and roles that are not mentionable.
    MentionEveryone,
    /// Make, change and delete webhooks.
    ManageWebhooks,
    /// Change threads of others, locked ones included.
    ManageThreads,
    /// Write in threads.
    SendMessagesInThreads,
}

impl Permission {
    /// Every permission that the fake knows.
    pub const ALL: [Self; 11] = [
        Self::AddReactions,
        Self::ViewChannel,
        Self::SendMessages,
        Self::ManageMessages,
        Self::EmbedLinks,
        Self::AttachFiles,
        Self::ReadMessageHistory,
        Self::MentionEveryone,
        Self::ManageWebhooks,
        Self::ManageThreads,
        Self::SendMessagesInThreads,
    ];

    /// Its bit.
    pub fn bit(self) -> u64 {
        match self {
            Self::AddReactions => 1 << 6,
            Self::ViewChannel => 1 << 10,
            Self::SendMessages => 1 << 11,
            Self::ManageMessages => 1 << 13,
            Self::EmbedLinks => 1 << 14,
            Self::AttachFiles => 1 << 15,
            Self::ReadMessageHistory => 1 << 16,
            Self::MentionEveryone => 1 << 17,
            Self::ManageWebhooks => 1 << 29,
            Self::ManageThreads => 1 << 34,
            Self::SendMessagesInThreads => 1 << 38,
        }
    }

    /// The bits of all.
    pub(crate) fn all_bits() -> u64 {
        Self::ALL.iter().fold(0, |bits, permission| bits | permission.bit())
    }
}
