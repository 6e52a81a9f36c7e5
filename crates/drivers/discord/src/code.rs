//! Discord's error codes that the driver knows (D/topics/opcodes-and-status-codes).

pub(crate) const UNKNOWN_CHANNEL: u64 = 10_003;
pub(crate) const UNKNOWN_WEBHOOK: u64 = 10_015;
pub(crate) const SLOW_MODE: u64 = 20_016;
pub(crate) const WRITE_LIMIT: u64 = 20_028;
pub(crate) const TOO_MANY_WEBHOOKS: u64 = 30_007;
pub(crate) const UNAUTHORIZED: u64 = 40_001;
pub(crate) const REQUEST_TOO_LARGE: u64 = 40_005;
pub(crate) const MISSING_ACCESS: u64 = 50_001;
pub(crate) const EMPTY_MESSAGE: u64 = 50_006;
pub(crate) const NO_DIRECT_MESSAGES: u64 = 50_007;
pub(crate) const NO_TEXT_CHANNEL: u64 = 50_008;
pub(crate) const MISSING_PERMISSIONS: u64 = 50_013;
pub(crate) const INVALID_TOKEN: u64 = 50_014;
pub(crate) const WRONG_CHANNEL_KIND: u64 = 50_024;
pub(crate) const INVALID_WEBHOOK_TOKEN: u64 = 50_027;
pub(crate) const INVALID_FORM: u64 = 50_035;
pub(crate) const FILE_TOO_LARGE: u64 = 50_045;
pub(crate) const THREAD_ARCHIVED: u64 = 50_083;
pub(crate) const NO_HISTORY: u64 = 160_002;
pub(crate) const THREAD_LOCKED: u64 = 160_005;
pub(crate) const AUTO_MOD: u64 = 200_000;
pub(crate) const AUTO_MOD_TITLE: u64 = 200_001;
pub(crate) const FORUM_NEEDS_THREAD: u64 = 220_001;
