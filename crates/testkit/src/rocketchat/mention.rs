//! Where a text calls everybody.

/// Whether `@name` stands in a text as a mention: not within code, not as a part of a longer word.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    let bare = without_code(text);
    bare.match_indices('@').any(|(at, _)| {
        let before = bare[..at].chars().next_back();
        let rest = &bare[at + 1..];
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        rest.strip_prefix(name).is_some_and(|after| {
            let after = after.trim_start_matches('.').chars().next();
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(word)
        })
    })
}

/// The text without what stands between backticks.
fn without_code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('`') {
        let ticks = rest[open..].bytes().take_while(|byte| *byte == b'`').count();
        let fence = "`".repeat(ticks);
        let inside = &rest[open + ticks..];
        let close = inside.find(&fence).filter(|close| ticks >= 3 || !inside[..*close].contains('\n'));
        out.push_str(&rest[..open]);
        let Some(close) = close else {
            rest = inside;
            continue;
        };
        out.push(' ');
        rest = &inside[close + ticks..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_real_mention_counts() {
        for text in ["@all", "hey @all!", "(@all)", "a `x @all", "@all."] {
            assert!(mentions(text, "all"), "{text}");
        }
        for text in ["@\u{200b}all", "`@all`", "```\n@all\n```", "a@all", "@allan", "all", "@all-hands"] {
            assert!(!mentions(text, "all"), "{text}");
        }
    }
}
