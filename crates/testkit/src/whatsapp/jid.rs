//! JIDs, as the addon makes and cuts them.

use std::sync::LazyLock;

/// The domain of phone numbers.
pub(crate) const PHONE: &str = "@s.whatsapp.net";
/// The domain of groups.
pub(crate) const GROUP: &str = "@g.us";
/// The domain of hidden ids.
pub(crate) const LID: &str = "@lid";
/// The domain of channels.
pub(crate) const CHANNEL: &str = "@newsletter";

/// The country codes after which the addon drops a trunk zero.
static TRUNK_ZERO: LazyLock<Vec<String>> = LazyLock::new(|| {
    ["49", "43", "41", "33", "44", "31", "32", "34", "39", "48"].map(|code| format!("{code}0")).into()
});

/// The JID that the addon makes of a `number`: `getJid`, traps included.
pub fn get_jid(number: &str) -> String {
    if number.contains('@') {
        return number.to_owned();
    }
    if number.contains('-') {
        let kept: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
        return format!("{kept}{GROUP}");
    }
    let mut kept = digits(number);
    if let Some(code) = TRUNK_ZERO.iter().find(|code| kept.starts_with(code.as_str()))
        && kept.len() >= code.len() + 8
    {
        kept.remove(2);
    }
    let domain = if kept.len() >= 16 { GROUP } else { PHONE };
    format!("{kept}{domain}")
}

/// The digits of a text, glued together.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// What is before `@`, the device included.
pub(crate) fn user(jid: &str) -> &str {
    jid.split('@').next().unwrap_or_default()
}

/// The JID without the device.
pub(crate) fn without_device(jid: &str) -> String {
    let (user, domain) = jid.split_once('@').unwrap_or((jid, ""));
    format!("{}@{domain}", user.split(':').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::get_jid;

    #[test]
    fn the_table_of_the_reference_holds() {
        let table = [
            ("222000000000001@lid", "222000000000001@lid"),
            ("491700000001:3@s.whatsapp.net", "491700000001:3@s.whatsapp.net"),
            ("+49-170-1", "49-170-1@g.us"),
            ("+49 (0)170 0000001", "491700000001@s.whatsapp.net"),
            // Fewer than eight digits after the zero: it stays.
            ("49 0170000", "490170000@s.whatsapp.net"),
            ("120363000000000001", "120363000000000001@g.us"),
            ("1234567890123456", "1234567890123456@g.us"),
            ("222000000000001", "222000000000001@s.whatsapp.net"),
            ("0170 0000001", "01700000001@s.whatsapp.net"),
            ("0049 170 0000001", "00491700000001@s.whatsapp.net"),
            ("Alice", "@s.whatsapp.net"),
            ("+1 0 555 000 0001", "105550000001@s.whatsapp.net"),
        ];
        for (number, jid) in table {
            assert_eq!(get_jid(number), jid, "{number}");
        }
    }
}
