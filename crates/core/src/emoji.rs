//! Emoji by their names: Unicode where there is one, the short code where there is none.

mod names;

use std::borrow::Cow;

use emojis::{Emoji, SkinTone};

use self::names::NAMES;

/// The tones of skin, as `_tone1` to `_tone5` name them behind a short code.
const TONES: [SkinTone; 5] =
    [SkinTone::Light, SkinTone::MediumLight, SkinTone::Medium, SkinTone::MediumDark, SkinTone::Dark];
/// What stands between a short code and the number of a tone.
const TONE: &str = "_tone";
/// What stands before a country's two letters.
const FLAG: &str = "flag_";

/// The one spelling of an emoji in the house: the Unicode emoji that a short code stands for; else the short code, without
/// colons.
///
/// Platforms know their own sets of short codes; those that mean the same emoji are one.
pub fn canonical(emoji: &str) -> String {
    let name = emoji.trim().trim_matches(':');
    match emojis::get(name).map(Emoji::as_str).or_else(|| unicode(name)) {
        Some(found) => found.to_owned(),
        None => name.to_owned(),
    }
}

/// The Unicode emoji that a short code stands for, whichever of the platforms calls it so; `None`: it is nobody's but the
/// server's own, as custom emoji are.
pub fn unicode(short_code: &str) -> Option<&'static str> {
    if let Some(found) = by_name(short_code) {
        return Some(found.as_str());
    }
    if let Some((name, tone)) = short_code.rsplit_once(TONE) {
        let tone = TONES.get(tone.parse::<usize>().ok()?.checked_sub(1)?)?;
        return by_name(name)?.with_skin_tone(*tone).map(Emoji::as_str);
    }
    let country = short_code.strip_prefix(FLAG).filter(|country| country.len() == 2)?;
    let letter = |c: char| c.is_ascii_lowercase().then(|| char::from_u32(u32::from(c) - u32::from('a') + 0x1f1e6))?;
    let flag = country.chars().map(letter).collect::<Option<String>>()?;
    emojis::get(&flag).map(Emoji::as_str)
}

fn by_name(short_code: &str) -> Option<&'static Emoji> {
    let ours = NAMES.iter().find(|(name, _)| *name == short_code).and_then(|(_, emoji)| emojis::get(emoji));
    ours.or_else(|| emojis::get_by_shortcode(short_code))
}

/// The short codes of a Unicode emoji, without colons, the usual one first; empty if it has none.
pub fn short_codes(emoji: &str) -> impl Iterator<Item = Cow<'static, str>> {
    let found = emojis::get(emoji);
    // One with a tone of skin has the names of the one without, with the tone behind them.
    let tone = found.and_then(Emoji::skin_tone).and_then(|tone| TONES.iter().position(|known| *known == tone));
    let plain = match tone {
        Some(_) => found.and_then(|toned| toned.with_skin_tone(SkinTone::Default)),
        None => found,
    };
    let ours = NAMES.iter().filter(move |(_, other)| plain.is_some_and(|plain| plain.as_str() == *other));
    let ours = ours.map(|(name, _)| *name);
    let others =
        plain.into_iter().flat_map(Emoji::shortcodes).filter(|code| NAMES.iter().all(|(name, _)| name != code));
    let flag = plain.and_then(|flag| country(flag.as_str())).map(Cow::Owned);
    flag.into_iter().chain(ours.chain(others).map(move |name| match tone {
        Some(tone) => Cow::Owned(format!("{name}{TONE}{}", tone + 1)),
        None => Cow::Borrowed(name),
    }))
}

/// `flag_de` for the flag of a country.
fn country(flag: &str) -> Option<String> {
    let letter = |c: char| u32::from(c).checked_sub(0x1f1e6).filter(|letter| *letter < 26);
    let letters = flag.chars().map(letter).collect::<Option<Vec<u32>>>().filter(|letters| letters.len() == 2)?;
    let name: String = letters.into_iter().filter_map(|letter| char::from_u32(letter + u32::from('a'))).collect();
    Some(format!("{FLAG}{name}"))
}

/// Whether it is a Unicode emoji.
pub fn is_unicode(emoji: &str) -> bool {
    emojis::get(emoji).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(emoji: &str) -> Option<String> {
        short_codes(emoji).next().map(Cow::into_owned)
    }

    #[test]
    fn short_codes_and_emoji_are_one() {
        for code in ["thumbsup", ":+1:", "👍", " :thumbup: "] {
            assert_eq!(canonical(code), "👍");
        }
        assert_eq!(canonical(":party_parrot:"), "party_parrot");
        assert!(short_codes("👍").any(|code| code == "+1"));
        assert_eq!(short_codes("party_parrot").count(), 0);
    }

    #[test]
    fn what_clients_call_otherwise_is_known() {
        for (code, emoji) in [("slight_smile", "🙂"), ("hugging", "🤗"), ("person_shrugging", "🤷"), ("flag_de", "🇩🇪")]
        {
            assert_eq!((unicode(code), first(emoji).as_deref()), (Some(emoji), Some(code)));
        }
        for none in
            ["", "flag_", "flag_zz", "flag_d€", "flag_ÄÖ", "_tone1", "thumbsup_tone0", "thumbsup_tone6", "rocket_tone1"]
        {
            assert_eq!(unicode(none), None, "{none}");
        }
    }

    #[test]
    fn tones_of_skin_have_names() {
        assert_eq!(unicode("thumbsup_tone3"), Some("👍🏽"));
        assert_eq!(unicode("person_shrugging_tone1"), Some("🤷🏻"));
        assert_eq!(first("👍🏽").as_deref(), Some("thumbsup_tone3"));
        assert_eq!(canonical(":+1_tone5:"), "👍🏿");
    }

    #[test]
    fn every_name_is_read_back() {
        for (name, emoji) in NAMES {
            assert!(is_unicode(emoji), "{name}");
            assert_eq!(unicode(name), emojis::get(emoji).map(Emoji::as_str), "{name}");
            assert!(short_codes(emoji).any(|code| code == *name), "{name}");
        }
        for emoji in emojis::iter() {
            for code in short_codes(emoji.as_str()) {
                assert_eq!(unicode(&code), Some(emoji.as_str()), "{code}");
            }
        }
    }
}
