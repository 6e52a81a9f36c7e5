//! The names of the addon's commands.

/// Names and other names of the commands of *Group Moderation* (`app/src/whatsapp/moderation/commands/`), and the two
/// words that its table answers to although nobody registered them: it is a plain object of JavaScript.
const NAMES: [&str; 102] = [
    "__proto__",
    "about",
    "addfedadmin",
    "admin",
    "adminlist",
    "admins",
    "antispamlinks",
    "approve",
    "approved",
    "autotranslate",
    "ban",
    "blacklist",
    "coin",
    "coinflip",
    "config",
    "constructor",
    "del",
    "delete",
    "demote",
    "dice",
    "export",
    "fban",
    "fbanlist",
    "fedadmins",
    "fedgroups",
    "fedinfo",
    "filter",
    "filters",
    "flip",
    "flood",
    "get",
    "goodbye",
    "groupinfo",
    "help",
    "id",
    "info",
    "joinfed",
    "kick",
    "leavefed",
    "lock",
    "locks",
    "locktypes",
    "mode",
    "muenze",
    "mute",
    "münze",
    "newfed",
    "notes",
    "pin",
    "ping",
    "pinned",
    "promote",
    "removespamlinks",
    "report",
    "reports",
    "resetwarn",
    "rmblacklist",
    "rmfedadmin",
    "rmwarn",
    "roll",
    "rules",
    "save",
    "scan",
    "setblacklistaction",
    "setdescription",
    "setgoodbye",
    "setlang",
    "setlog",
    "setphoto",
    "setrules",
    "settings",
    "settitle",
    "setwarnaction",
    "setwarnlimit",
    "setwelcome",
    "slowmode",
    "start",
    "stop",
    "tban",
    "testsuite",
    "tmute",
    "tr",
    "translate",
    "unapprove",
    "unapproveall",
    "unban",
    "unblacklist",
    "unfban",
    "unkick",
    "unlock",
    "unmute",
    "unpin",
    "unpinall",
    "unsetlog",
    "unwarn",
    "unwhitelist",
    "warn",
    "warns",
    "welcome",
    "whitelist",
    "whitelisted",
    "wuerfel",
];

/// Whether this is the name of a command, in any case.
pub(super) fn is_command(word: &str) -> bool {
    word.chars().count() <= 32 && NAMES.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_in_any_case_as_javascript_lowers_them() {
        for name in ["help", "KICK", "\u{212a}ick", "M\u{dc}NZE", "constructor"] {
            assert!(is_command(name), "{name}");
        }
        for none in ["", "helping", "hello", "he lp"] {
            assert!(!is_command(none), "{none}");
        }
    }
}
