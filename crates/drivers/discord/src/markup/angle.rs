//! What stands in angle brackets: persons, roles, channels, emoji, times, commands, addresses.

use jiff::Timestamp;
use tieline_core::markup::{Mention, Person, Span};

use super::marks::url_length;
use super::{Names, NoNames};

/// No such form is longer, in bytes; only an address may be.
const LONGEST: usize = 120;
/// The longest address, in bytes.
const LONGEST_URL: usize = 2048;

/// The span that begins with this angle bracket, and how many bytes it takes.
pub(super) fn read(text: &str, names: &dyn Names) -> Option<(Span, usize)> {
    let inside = text.strip_prefix('<')?;
    let url = url_in(inside);
    if !url.is_empty() && inside[url.len()..].starts_with('>') {
        return Some((Span::Text(url.to_owned()), url.len() + 2));
    }
    let begins = inside.starts_with(['@', '#', ':', 'a', 't', '/', 'i']);
    let length = inside.bytes().take(LONGEST).position(|byte| byte == b'>').filter(|_| begins)?;
    let span = form(&inside[..length], names)?;
    Some((span, length + 2))
}

/// Whether a text begins with what such a form holds: with an angle bracket before it, it would be one. Addresses, which
/// are themselves with and without it, do not count.
pub(super) fn is_form(text: &str) -> bool {
    text.split('>').next().is_some_and(|inside| form(inside, &NoNames).is_some())
}

/// The address at the beginning, up to the bracket that closes it.
fn url_in(inside: &str) -> &str {
    if url_length(inside.get(..9).unwrap_or(inside)) == 0 {
        return "";
    }
    let end = inside.bytes().take(LONGEST_URL).position(|byte| byte == b'>' || byte.is_ascii_whitespace());
    end.map(|end| &inside[..end]).filter(|url| url_length(url) > 0).unwrap_or_default()
}

fn form(inside: &str, names: &dyn Names) -> Option<Span> {
    if let Some(id) = inside.strip_prefix("@&").and_then(digits) {
        return Some(Span::Text(format!("@{}", names.role(id).unwrap_or_else(unknown))));
    }
    if let Some(id) = inside.strip_prefix("@!").or_else(|| inside.strip_prefix('@')).and_then(digits) {
        return Some(match names.user(id) {
            Some(name) => Span::Mention(Mention::User(Person::with_id(name, id))),
            None => Span::Text(format!("@{}", unknown())),
        });
    }
    if let Some(id) = inside.strip_prefix('#').and_then(digits) {
        return Some(match names.channel(id) {
            Some(name) => Span::Mention(Mention::Room(name)),
            None => Span::Text(format!("#{}", unknown())),
        });
    }
    if let Some(emoji) = inside.strip_prefix(':').or_else(|| inside.strip_prefix("a:")) {
        let (name, id) = emoji.split_once(':')?;
        let sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return (sound && digits(id).is_some()).then(|| Span::Emoji(name.to_owned()));
    }
    if let Some(time) = inside.strip_prefix("t:") {
        return at(time).map(Span::Text);
    }
    if let Some(command) = inside.strip_prefix('/') {
        let (name, id) = command.rsplit_once(':')?;
        return (!name.is_empty() && digits(id).is_some()).then(|| Span::Text(format!("/{name}")));
    }
    // Pages of a server, as its sidebar shows them.
    let page = match inside.strip_prefix("id:")? {
        "customize" => "Channels & Roles",
        "browse" => "Browse Channels",
        "guide" => "Server Guide",
        "linked-roles" => "Linked Roles",
        _ => return None,
    };
    Some(Span::Text(page.to_owned()))
}

fn digits(id: &str) -> Option<&str> {
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// `unix[:style]` as a date, a time of day, or both. Each reader of Discord sees their own zone; here it is UTC.
fn at(time: &str) -> Option<String> {
    let (seconds, style) = time.split_once(':').unwrap_or((time, "f"));
    let time = Timestamp::from_second(seconds.parse().ok()?).ok()?;
    let format = match style {
        "t" => "%H:%M UTC",
        "T" => "%H:%M:%S UTC",
        "d" | "D" => "%Y-%m-%d",
        "f" | "F" | "R" | "s" => "%Y-%m-%d %H:%M UTC",
        "S" => "%Y-%m-%d %H:%M:%S UTC",
        _ => return None,
    };
    Some(time.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Names for Known {
        fn user(&self, id: &str) -> Option<String> {
            (id == "1").then(|| "Ann Example".to_owned())
        }

        fn role(&self, id: &str) -> Option<String> {
            (id == "2").then(|| "Mods".to_owned())
        }

        fn channel(&self, id: &str) -> Option<String> {
            (id == "3").then(|| "general".to_owned())
        }
    }

    #[test]
    fn every_form_is_readable() {
        let text = |text: &str| Span::Text(text.to_owned());
        for (written, span) in [
            ("<@1>", Span::Mention(Mention::User(Person::with_id("Ann Example", "1")))),
            ("<@!1>", Span::Mention(Mention::User(Person::with_id("Ann Example", "1")))),
            ("<@9>", text("@unknown")),
            ("<@&2>", text("@Mods")),
            ("<@&9>", text("@unknown")),
            ("<#3>", Span::Mention(Mention::Room("general".into()))),
            ("<#9>", text("#unknown")),
            ("<:party_cat:11>", Span::Emoji("party_cat".into())),
            ("<a:dance:12>", Span::Emoji("dance".into())),
            ("<t:1700000000>", text("2023-11-14 22:13 UTC")),
            ("<t:1700000000:R>", text("2023-11-14 22:13 UTC")),
            ("<t:1700000000:t>", text("22:13 UTC")),
            ("<t:-1:D>", text("1969-12-31")),
            ("</remind me:13>", text("/remind me")),
            ("<id:guide>", text("Server Guide")),
            ("<https://example.com/a_b>", text("https://example.com/a_b")),
        ] {
            assert_eq!(read(&format!("{written}x"), &Known), Some((span, written.len())), "{written}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_text() {
        for written in [
            "<",
            "<3",
            "<>",
            "<@>",
            "<@x>",
            "<@1",
            "<#general>",
            "<:a b:1>",
            "<:a:>",
            "<t:soon>",
            "<t:99999999999999999>",
            "<t:1:X>",
            "<id:x>",
            "<javascript:x>",
            "<https://>",
        ] {
            assert_eq!(read(written, &Known), None, "{written}");
        }
    }
}
