//! What strangers say of their files, made harmless.

/// How many characters of a file's name are kept.
const LONGEST: usize = 200;
/// How many characters what follows the last dot may have, to be what says how to open the file.
const LONGEST_EXTENSION: usize = 10;

/// A file's name without a path, and without what would end a header, turn text around, hide the file or name a folder;
/// at most 200 characters, of which the extension stays. `None` if nothing is left.
pub fn harmless_name(given: &str) -> Option<String> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    let name = kept.trim().trim_start_matches('.').trim_start();
    if name.is_empty() {
        return None;
    }
    let length = name.chars().count();
    if length <= LONGEST {
        return Some(name.to_owned());
    }
    let extension = name.rsplit_once('.').map_or(0, |(_, extension)| extension.chars().count() + 1);
    let extension = if extension <= LONGEST_EXTENSION + 1 { extension } else { 0 };
    let stem = name.chars().take(LONGEST - extension);
    Some(stem.chain(name.chars().skip(length - extension)).collect())
}

/// Whether a text has the form of a MIME type, with or without parameters; anything else would be refused as a header.
pub fn is_mime(text: &str) -> bool {
    let sound =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let essence = text.split(';').next().unwrap_or_default();
    text.bytes().all(|b| (b' '..0x7f).contains(&b))
        && essence.trim().split_once('/').is_some_and(|(kind, name)| sound(kind) && sound(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        for (given, kept) in [
            ("cat.png", Some("cat.png")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\temp\\report 1.pdf", Some("report 1.pdf")),
            (".profile", Some("profile")),
            ("a\r\nX-Evil: 1", Some("aX-Evil: 1")),
            ("gpj\u{202e}exe", Some("gpjexe")),
            (" \u{7}. .. ", Some("..")),
            ("..", None),
            ("a/", None),
            ("", None),
        ] {
            let kept = kept.map(str::to_owned);
            assert_eq!(harmless_name(given), kept, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let shortened = |name: String| harmless_name(&name).expect("something is left");
        for (name, end) in [
            (format!("{}.pdf", "ä".repeat(500)), "ä.pdf"),
            ("x".repeat(300), "xxx"),
            (format!("x.{}", "y".repeat(300)), "yyy"),
            (format!("{}.", "x".repeat(300)), "x."),
        ] {
            let kept = shortened(name);
            assert!(kept.chars().count() == LONGEST && kept.ends_with(end), "{kept}");
        }
        let just = format!("{}.jpeg", "x".repeat(LONGEST - 5));
        assert_eq!(shortened(just.clone()), just);
    }

    #[test]
    fn a_mime_type_is_one_that_a_header_takes() {
        for sound in ["text/plain", "text/plain; charset=utf-8", "image/svg+xml", "application/vnd.ms-excel"] {
            assert!(is_mime(sound), "{sound}");
        }
        for odd in ["garbage", "/", "a b/c", "a/b/c", "text/plain;charset=\u{e9}", "text/plain\r\nX: 1", ""] {
            assert!(!is_mime(odd), "{odd:?}");
        }
    }
}
