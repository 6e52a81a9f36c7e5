//! Names under which a webhook may speak.
//!
//! Discord refuses a name that is empty or longer than 80 characters, that has `clyde` or `discord` in it, and that is
//! `everyone` or `here` (D/resources/webhook); `@`, `#`, `:` and ```` ``` ```` are barred in names of accounts
//! (D/resources/user). Which look-alikes it accepts is nowhere written, so a name that it refuses all the same is left out,
//! and stands in the text.

use tieline_core::compose::one_line;

/// The longest name, in characters.
const LONGEST: usize = 80;
/// What may not be in a name, whatever its case, and what stands there instead: one letter is a Cyrillic look-alike.
const FORBIDDEN: [(&str, char, char); 2] = [("clyde", 'c', 'с'), ("discord", 'o', 'о')];
/// What may not be the whole name.
const NOBODYS: [&str; 2] = ["everyone", "here"];

/// A name that Discord takes, as much like the wanted one as may be; `None` if nothing is left of it.
pub(crate) fn webhook_name(wanted: &str) -> Option<String> {
    let barred = |c: char| match c {
        '@' => '＠',
        '#' => '＃',
        ':' => '꞉',
        // Three backticks begin a block of code; a name has no use for any.
        '`' => '\'',
        c if c.is_whitespace() => ' ',
        c => c,
    };
    let shown: String = one_line(wanted).chars().filter(|c| !is_invisible(*c)).map(barred).collect();
    let words: Vec<&str> = shown.split(' ').filter(|word| !word.is_empty()).collect();
    let mut name: String = words.join(" ").chars().take(LONGEST).collect();
    for (word, letter, like) in FORBIDDEN {
        while let Some(at) = find(&name, word) {
            let inside = name[at..].char_indices().find(|(_, c)| c.eq_ignore_ascii_case(&letter));
            let Some((offset, c)) = inside else { break };
            let like = if c.is_uppercase() { like.to_uppercase().to_string() } else { like.to_string() };
            name.replace_range(at + offset..at + offset + c.len_utf8(), &like);
        }
    }
    let name = name.trim();
    if NOBODYS.iter().any(|nobodys| name.eq_ignore_ascii_case(nobodys)) {
        // The second letter of both is an `e` or a `v`; the first `e` has a look-alike.
        return Some(name.replacen('e', "е", 1).replacen('E', "Е", 1));
    }
    (!name.is_empty()).then(|| name.to_owned())
}

/// Where a word of Latin letters stands, whatever its case.
fn find(name: &str, word: &str) -> Option<usize> {
    name.to_ascii_lowercase().find(word)
}

/// Whether a character takes no place: Discord may strip it, and then sees another name than we do.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    ) || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(wanted: &str) -> String {
        webhook_name(wanted).expect("something is left")
    }

    #[test]
    fn most_names_stay_as_they_are() {
        for kept in ["Ann Smith", "Zoë 👩\u{fe0f}", "李雷", "O'Neill", "a_b.c-d", "Everyone else", "there"] {
            assert_eq!(name(kept), kept);
        }
    }

    #[test]
    fn what_discord_refuses_looks_the_same_and_is_taken() {
        assert_eq!(name("Discord fan"), "Discоrd fan");
        assert_eq!(name("MyDISCORDbot"), "MyDISCОRDbot");
        assert_eq!(name("Bonnie & Clyde"), "Bonnie & Сlyde");
        assert_eq!(name("everyone"), "еveryone");
        assert_eq!(name("HERE"), "HЕRE");
        assert_eq!(name(" Here "), "Hеre");
        assert_eq!(name("a@b#c:d ```x"), "a＠b＃c꞉d '''x");
    }

    #[test]
    fn what_cannot_be_seen_is_left_out() {
        assert_eq!(name("dis\u{200b}cord"), "discоrd");
        assert_eq!(name(" a\n\tb \u{202e} c "), "a b c");
        for empty in ["", "  ", "\u{200b}\u{3164}", "\n"] {
            assert_eq!(webhook_name(empty), None);
        }
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(name(&"é".repeat(200)), "é".repeat(80));
        assert_eq!(name(&format!("{} x", "a".repeat(79))), "a".repeat(79));
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_name_that_is_taken(
            wanted in "(\\PC|[ \n`@#:\u{200b}]|[dD]iscord|CLYDE|clyde|here|everyone){0,60}",
        ) {
            let Some(name) = webhook_name(&wanted) else { return Ok(()) };
            let lower = name.to_lowercase();
            let length = name.chars().count();
            prop_assert!((1..=80).contains(&length), "{name:?}");
            prop_assert!(!lower.contains("clyde") && !lower.contains("discord"), "{name:?}");
            prop_assert!(lower != "everyone" && lower != "here", "{name:?}");
            prop_assert!(!name.contains(['@', '#', ':', '`', '\n']) && name.trim() == name, "{name:?}");
            prop_assert!(!name.chars().any(is_invisible), "{name:?}");
            prop_assert_eq!(webhook_name(&name), Some(name));
        }
    }
}
