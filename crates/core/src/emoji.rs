//! Emoji by their names: Unicode where there is one, the short code where there is none.

/// The one spelling of an emoji in the house: the Unicode emoji that a short code stands for; else the short code, without
/// colons.
///
/// Platforms know their own sets of short codes; those that mean the same emoji are one.
pub fn canonical(emoji: &str) -> String {
    let name = emoji.trim().trim_matches(':');
    match emojis::get(name).or_else(|| emojis::get_by_shortcode(name)) {
        Some(found) => found.as_str().to_owned(),
        None => name.to_owned(),
    }
}

/// The short codes of a Unicode emoji, without colons, the usual one first; empty if it has none.
pub fn short_codes(emoji: &str) -> impl Iterator<Item = &'static str> {
    emojis::get(emoji).into_iter().flat_map(emojis::Emoji::shortcodes)
}

/// Whether it is a Unicode emoji.
pub fn is_unicode(emoji: &str) -> bool {
    emojis::get(emoji).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_codes_and_emoji_are_one() {
        for code in ["thumbsup", ":+1:", "👍"] {
            assert_eq!(canonical(code), "👍");
        }
        assert_eq!(canonical(":party_parrot:"), "party_parrot");
        assert!(short_codes("👍").any(|code| code == "thumbsup"));
    }
}
