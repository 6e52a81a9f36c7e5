//! The body of a call that carries a file: JSON in which the file stands as a `data:` address.
//!
//! The file is read from the spool piece by piece, turned into base64 and sent; nothing but one piece is in memory. How
//! long the body is follows from the file's size, so it is declared.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// The longest body that the addon takes, in bytes (`app/index.js`: `50mb`).
const BODY_LIMIT: u64 = 50 * 1024 * 1024;
/// What is left of it for all that stands beside the file: its name, a caption, a chat.
const BESIDE: u64 = 64 * 1024;
/// How many bytes are read at once. Three bytes become four letters, so a piece ends where letters end.
const PIECE: usize = 3 * 64 * 1024;

/// Whether a file of so many bytes can be sent within a call.
pub(crate) fn fits(size: u64) -> bool {
    encoded(size) <= BODY_LIMIT - BESIDE
}

/// How many letters so many bytes become.
fn encoded(size: u64) -> u64 {
    size.div_ceil(3).saturating_mul(4)
}

/// A body on its way.
pub(crate) struct FileBody {
    head: String,
    path: PathBuf,
    size: u64,
    tail: String,
}

impl FileBody {
    /// A body with the file at `path` under `url`, beside these fields.
    pub(crate) async fn new(path: &Path, mime: &str, fields: &Map<String, Value>) -> io::Result<Self> {
        let size = tokio::fs::metadata(path).await?.len();
        let rest = Value::Object(fields.clone()).to_string();
        let rest = rest.strip_prefix('{').unwrap_or_default();
        let tail = if fields.is_empty() { "\"}".to_owned() } else { format!("\",{rest}") };
        let head = format!("{{\"url\":\"data:{};base64,", harmless_type(mime));
        Ok(Self { head, path: path.to_owned(), size, tail })
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.head.len() as u64 + encoded(self.size) + self.tail.len() as u64
    }

    /// The file's size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The body, as a stream.
    pub(crate) async fn into_body(self) -> io::Result<reqwest::Body> {
        let file = File::open(&self.path).await?;
        let letters = stream::try_unfold((file, vec![0; PIECE]), |(mut file, mut piece)| async move {
            let filled = fill(&mut file, &mut piece).await?;
            let letters = Bytes::from(STANDARD.encode(&piece[..filled]));
            Ok::<_, io::Error>((filled > 0).then_some((letters, (file, piece))))
        });
        let text = |text: String| stream::once(async move { Ok(Bytes::from(text)) });
        Ok(reqwest::Body::wrap_stream(text(self.head).chain(letters).chain(text(self.tail))))
    }
}

/// Reads until the piece is full or the file ends.
async fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match file.read(&mut piece[filled..]).await? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// A type that can stand in a `data:` address within JSON: without parameters, and of plain letters.
pub(crate) fn harmless_type(mime: &str) -> &str {
    let mime = mime.split(';').next().unwrap_or_default().trim();
    let sound =
        mime.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'-' | b'.' | b'_'));
    if sound && mime.len() <= 100 && mime.split('/').filter(|part| !part.is_empty()).count() == 2 {
        mime
    } else {
        "application/octet-stream"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn body_of(bytes: &[u8], fields: Value) -> (Value, u64, u64) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).expect("written");
        let fields = fields.as_object().expect("an object").clone();
        let body = FileBody::new(&path, "image/png", &fields).await.expect("there");
        let declared = body.length();
        let body = body.into_body().await.expect("there");
        let mut text = Vec::new();
        // A response is the simplest way to read a body of reqwest's.
        let mut response = reqwest::Response::from(http::Response::new(body));
        while let Some(chunk) = response.chunk().await.expect("readable") {
            text.extend_from_slice(&chunk);
        }
        (serde_json::from_slice(&text).expect("JSON"), declared, text.len() as u64)
    }

    #[tokio::test]
    async fn the_file_stands_in_the_body_whatever_its_size() {
        for size in [1, 2, 3, 1000, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let bytes: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
            let (body, declared, length) = body_of(&bytes, json!({ "number": "1@g.us", "caption": "a \"b\"\n" })).await;
            assert_eq!(declared, length, "{size}");
            let url = body["url"].as_str().expect("a text");
            let letters = url.strip_prefix("data:image/png;base64,").expect("a data address");
            assert!(STANDARD.decode(letters).expect("base64") == bytes, "{size}");
            assert_eq!((&body["number"], &body["caption"]), (&json!("1@g.us"), &json!("a \"b\"\n")));
        }
        let (body, declared, length) = body_of(b"x", json!({})).await;
        assert_eq!((body, declared), (json!({ "url": "data:image/png;base64,eA==" }), length));
    }

    #[test]
    fn about_37_mebibytes_fit() {
        assert!(fits(37 * 1024 * 1024) && !fits(38 * 1024 * 1024));
        assert!(!fits(u64::MAX));
    }

    #[test]
    fn a_strangers_type_cannot_leave_its_place() {
        assert_eq!(harmless_type("audio/ogg; codecs=opus"), "audio/ogg");
        for odd in ["", "image", "a/b/c", "a/\"", "text/html,<x>", "a b/c"] {
            assert_eq!(harmless_type(odd), "application/octet-stream", "{odd}");
        }
    }
}
