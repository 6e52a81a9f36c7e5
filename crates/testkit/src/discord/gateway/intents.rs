//! Which intents there are (Discord's `/developers/events/gateway`). Those that events need are in `discord::intent`.

use super::super::intent::GUILD_MEMBERS;

/// Who is online; privileged.
const GUILD_PRESENCES: u64 = 1 << 8;
/// What messages say; privileged.
pub(crate) const MESSAGE_CONTENT: u64 = 1 << 15;
/// Every intent that exists in version 10.
pub(crate) const ALL: u64 = 0x1_ffff | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;

/// The flags of an application, with which `/applications/@me` and READY tell what is switched on in the portal: for
/// applications that need no review, the `_LIMITED` one of each privileged intent.
pub(crate) fn application_flags(disallowed: u64) -> u64 {
    [(GUILD_PRESENCES, 1 << 13), (GUILD_MEMBERS, 1 << 15), (MESSAGE_CONTENT, 1 << 19)]
        .iter()
        .filter(|(intent, _)| disallowed & intent == 0)
        .map(|(_, flag)| flag)
        .sum()
}
