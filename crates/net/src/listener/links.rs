//! Signed links to files of the spool.
//!
//! A link looks like `/tieline-files/<signature>/<expiry>/<spool id>/<type>/<name>`. Everything that the answer needs
//! stands in it, so nothing is remembered, and nothing of it can be changed: the signature (HMAC-SHA-256) covers all of
//! it, and the socket on which it is served. The key is made at random in each process. So the expiry need not be a
//! time of day, which may be set back: it counts the milliseconds since the key was made.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ring::hmac;
use ring::rand::SystemRandom;
use tieline_core::offer::FileOffer;
use tieline_core::spool::SpoolId;

/// What every link begins with.
const PREFIX: &str = "/tieline-files/";
/// Longest name in a link, in bytes.
const LONGEST_NAME: usize = 100;
/// Longest extension with its dot; what is longer is none.
const LONGEST_EXTENSION: usize = 16;
/// Longest MIME type with its parameters, in bytes.
const LONGEST_TYPE: usize = 200;
/// What is said of bytes of which nothing is known.
const ANY_TYPE: &str = "application/octet-stream";

/// What a link that is good leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) file: SpoolId,
    /// A header's value for certain.
    pub(crate) mime: String,
    /// Letters, digits, `.`, `-` and `_` only, and no dot in front.
    pub(crate) name: String,
}

/// Makes links and knows them again.
pub(crate) struct Links {
    key: hmac::Key,
}

impl Links {
    pub(crate) fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self { key: key.expect("the system has random bytes; without them no TLS connection could be made either") }
    }

    /// A link for the socket `at`, made when the key had this age.
    pub(crate) fn sign(&self, at: SocketAddr, age: Duration, offer: &FileOffer) -> String {
        let expiry = u64::try_from((age.saturating_add(offer.lives)).as_millis()).unwrap_or(u64::MAX);
        let mime = URL_SAFE_NO_PAD.encode(harmless_type(&offer.mime));
        let said = format!("{expiry}/{}/{mime}/{}", offer.file, harmless_name(&offer.name));
        let signature = hmac::sign(&self.key, signed(at, &said).as_bytes());
        format!("{PREFIX}{}/{said}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a path leads to on the socket `at`, when the key has this age. `None`: it is no link, or not a good one.
    pub(crate) fn read(&self, at: SocketAddr, age: Duration, path: &str) -> Option<Linked> {
        let (signature, said) = path.strip_prefix(PREFIX)?.split_once('/')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // Compares in constant time. What follows is our own text.
        hmac::verify(&self.key, signed(at, said).as_bytes(), &signature).ok()?;
        let mut parts = said.splitn(4, '/');
        let expiry: u64 = parts.next()?.parse().ok()?;
        let file = SpoolId::try_from(parts.next()?.to_owned()).ok()?;
        let mime = String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
        let name = parts.next()?.to_owned();
        (age < Duration::from_millis(expiry)).then_some(Linked { file, mime, name })
    }
}

fn signed(at: SocketAddr, said: &str) -> String {
    format!("{at}/{said}")
}

/// What is harmless of a name: in a path, in a header, and as a file. The extension stays, whatever is cut.
fn harmless_name(name: &str) -> String {
    let mut harmless = String::new();
    for char in name.chars() {
        let char = if char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_') { char } else { '_' };
        // A long name in another script becomes one `_`, not a row of them.
        if char != '_' || !harmless.ends_with('_') {
            harmless.push(char);
        }
    }
    let (stem, extension) = match harmless.rfind('.').map(|dot| harmless.split_at(dot)) {
        Some((stem, extension)) if is_extension(extension) => (stem, extension),
        _ => (harmless.as_str(), ""),
    };
    let stem = stem.trim_matches(['.', '_']);
    let stem = &stem[..stem.len().min(LONGEST_NAME - extension.len())];
    if stem.is_empty() { format!("file{extension}") } else { format!("{stem}{extension}") }
}

/// Whether this is a dot with what can be an extension after it.
fn is_extension(text: &str) -> bool {
    (2..=LONGEST_EXTENSION).contains(&text.len()) && text.bytes().skip(1).all(|byte| byte.is_ascii_alphanumeric())
}

/// A MIME type as it can be a header.
fn harmless_type(mime: &str) -> &str {
    let two = mime.split_once('/').is_some_and(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty());
    let fits = two && mime.len() <= LONGEST_TYPE && mime.is_ascii() && HeaderValue::from_str(mime).is_ok();
    if fits { mime } else { ANY_TYPE }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn offer(name: &str, mime: &str) -> FileOffer {
        let file = SpoolId::of_digest([7; 32]);
        FileOffer { file, name: name.to_owned(), mime: mime.to_owned(), lives: MINUTE }
    }

    #[test]
    fn a_link_says_again_what_was_offered() {
        let links = Links::new();
        let path = links.sign(at(1), MINUTE, &offer("photo.jpg", "image/jpeg"));
        assert!(path.starts_with("/tieline-files/") && path.ends_with("/photo.jpg"), "{path}");
        let linked = links.read(at(1), MINUTE, &path).unwrap();
        let expected = SpoolId::of_digest([7; 32]);
        assert_eq!(linked, Linked { file: expected, mime: "image/jpeg".to_owned(), name: "photo.jpg".to_owned() });
    }

    #[test]
    fn a_link_expires_and_not_before() {
        let links = Links::new();
        let path = links.sign(at(1), MINUTE, &offer("a", "a/b"));
        let end = MINUTE * 2;
        assert!(links.read(at(1), end.saturating_sub(Duration::from_millis(1)), &path).is_some());
        assert_eq!(links.read(at(1), end, &path), None);
        let forever = FileOffer { lives: Duration::MAX, ..offer("a", "a/b") };
        assert!(links.read(at(1), end * 1000, &links.sign(at(1), end, &forever)).is_some());
    }

    #[test]
    fn a_link_is_good_for_one_process_and_one_socket() {
        let path = Links::new().sign(at(1), MINUTE, &offer("a.png", "image/png"));
        assert_eq!(Links::new().read(at(1), MINUTE, &path), None);
        let links = Links::new();
        assert_eq!(links.read(at(2), MINUTE, &links.sign(at(1), MINUTE, &offer("a", "a/b"))), None);
    }

    /// Whatever is changed, cut or added.
    #[test]
    fn no_byte_of_a_link_can_be_changed() {
        let links = Links::new();
        let path = links.sign(at(1), MINUTE, &offer("photo.jpg", "image/jpeg"));
        for position in 0..path.len() {
            for other in ["A", "B", "0", "1", "/", "."] {
                let mut changed = path.clone();
                changed.replace_range(position..=position, other);
                // The last digit of Base64 without padding holds spare bits: the decoder refuses those that are set.
                assert!(changed == path || links.read(at(1), MINUTE, &changed).is_none(), "{changed}");
            }
            assert_eq!(links.read(at(1), MINUTE, &path[..position]), None);
        }
        for more in ["x", "/", "/x", "%00"] {
            assert_eq!(links.read(at(1), MINUTE, &format!("{path}{more}")), None);
        }
    }

    #[test]
    fn names_are_made_harmless_and_keep_their_extension() {
        let long = format!("{}.tar.gz", "x".repeat(300));
        for (name, expected) in [
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "etc_passwd"),
            ("..", "file"),
            ("", "file"),
            (".htaccess", "file.htaccess"),
            ("Überraschung & mehr.PDF", "berraschung_mehr.PDF"),
            ("отчёт.xlsx", "file.xlsx"),
            ("a\r\nset-cookie: x\".png", "a_set-cookie_x.png"),
            ("\u{202e}gpj.exe", "gpj.exe"),
            ("a.", "a"),
        ] {
            assert_eq!(harmless_name(name), expected, "{name:?}");
        }
        let cut = harmless_name(&long);
        assert!(cut.len() == LONGEST_NAME && cut.ends_with("x.gz"), "{cut}");
    }

    #[test]
    fn what_is_no_type_is_said_to_be_bytes() {
        for good in ["image/png", "audio/ogg; codecs=opus", "application/vnd.oasis.opendocument.text"] {
            assert_eq!(harmless_type(good), good);
        }
        for bad in ["", "image", "/", "a/", "image/png\r\nx: y", "text/h\u{e4}", &format!("a/{}", "b".repeat(200))] {
            assert_eq!(harmless_type(bad), ANY_TYPE, "{bad:?}");
        }
    }
}
