//! Files: what people send, and what the addon was given to send. The bytes lie on disk.

use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::written::Written;

/// A file. Its bytes lie on disk as long as the fake lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeMedia {
    /// Its MIME type, as WhatsApp labels it.
    pub mime: String,
    /// Its name; only documents have one.
    pub name: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Where the bytes lie.
    pub path: PathBuf,
}

impl FakeMedia {
    /// Its bytes. Mind its size.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }

    /// Keeps bytes as a file.
    pub(crate) fn keep(path: PathBuf, mime: &str, bytes: &[u8]) -> io::Result<Self> {
        Ok(Self::of(Written::keep(path, bytes)?, mime))
    }

    /// A file without a name.
    pub(crate) fn of(bytes: Written, mime: &str) -> Self {
        let Written { path, size, sha256 } = bytes;
        Self { mime: mime.to_owned(), name: None, size, sha256, path }
    }

    /// The fields of a media message in `raw` that every kind has.
    pub(crate) fn raw(&self) -> serde_json::Value {
        let digest: Vec<u8> = (0..self.sha256.len() / 2)
            .filter_map(|at| u8::from_str_radix(self.sha256.get(at * 2..at * 2 + 2)?, 16).ok())
            .collect();
        serde_json::json!({
            "url": "https://mmg.whatsapp.net/o1/v/sample", "mimetype": self.mime, "fileSha256": STANDARD.encode(digest),
            "fileLength": self.size.to_string(), "mediaKey": "HucVsL7wLlFEVRvHOS/KQ0rXpJaeB1HWxheICahZiCk=",
            "fileEncSha256": "PRLLcqRWvS+eAKeYbfrH81ja4Id9pZcsT8t16f0g1dQ=", "directPath": "/o1/v/sample",
            "mediaKeyTimestamp": "1795240000",
        })
    }
}

/// MIME types with the extension that the addon gives them.
const EXTENSIONS: [(&str, &str); 26] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/3gpp", "3gp"),
    ("video/webm", "webm"),
    // What the addon names so, also for a voice note with `; codecs=opus`.
    ("audio/ogg", "oga"),
    ("audio/mpeg", "mpga"),
    ("audio/mp4", "m4a"),
    ("audio/aac", "aac"),
    ("audio/wav", "wav"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/json", "json"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("text/plain", "txt"),
    ("text/html", "html"),
    ("text/csv", "csv"),
    ("text/vcard", "vcf"),
    ("text/calendar", "ics"),
    ("application/octet-stream", "bin"),
];

/// The extension of a MIME type; parameters do not count.
pub(crate) fn extension(mime: &str) -> &'static str {
    let bare = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    EXTENSIONS.iter().find(|(known, _)| *known == bare).map_or("bin", |(_, extension)| extension)
}

/// The MIME type of a file's name or URL: by what follows its last dot.
pub(crate) fn mime_of(name: &str) -> Option<&'static str> {
    let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let extension = match extension.as_str() {
        "jpeg" => "jpg",
        "ogg" | "opus" => "oga",
        "mp3" => "mpga",
        other => other,
    };
    EXTENSIONS.iter().find(|(_, known)| *known == extension).map(|(mime, _)| *mime)
}
