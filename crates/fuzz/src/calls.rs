//! Whether a text, as one platform reads it, calls somebody.

use crate::code::without_code;

/// What a text calls on Rocket.Chat: `@all`, `@here` and `@name` outside of code, unless it is a part of a word. A
/// zero-width space behind the `@` makes it text (reference/rocketchat.md §6).
pub fn on_rocketchat(text: &str) -> Vec<String> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let bare = without_code(text).0;
    let called = bare.match_indices('@').filter_map(|(at, _)| {
        let rest = &bare[at + 1..];
        let name = &rest[..rest.find(|c: char| !in_name(c)).unwrap_or(rest.len())];
        let within_word = bare[..at].ends_with(|c: char| c.is_alphanumeric() || in_name(c));
        (!within_word && !name.is_empty()).then(|| name.to_owned())
    });
    called.collect()
}

/// What a text calls on Discord: `@everyone` and `@here`, also in code, since nothing says that it spares anybody; and
/// `<@id>` with its kin, outside of code: beside the text it is said whom it may call.
pub fn on_discord(text: &str) -> Vec<String> {
    let everybody = ["@everyone", "@here"].into_iter().filter(|name| text.to_lowercase().contains(name));
    let bare = without_code(text).0;
    let forms = bare.split("<@").skip(1).filter_map(|rest| {
        let inside = rest.split_once('>')?.0;
        let id = inside.trim_start_matches(['!', '&']);
        (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("<@{inside}>"))
    });
    everybody.map(str::to_owned).chain(forms).collect()
}
