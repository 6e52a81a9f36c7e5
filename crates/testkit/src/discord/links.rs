//! Links to files of messages: signed, and good for a while. All other addresses of the CDN are unsigned.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::file::FakeFile;
use crate::written::hex;

/// Who signs links.
pub(crate) struct Links {
    /// The origin of the CDN.
    pub(crate) origin: String,
    /// How long a link is good.
    pub(crate) lifetime: Duration,
}

impl Links {
    /// A fresh link.
    pub(crate) fn sign(&self, file: &FakeFile, now: Timestamp) -> String {
        let issued = now.as_second();
        let expires = issued.saturating_add_unsigned(self.lifetime.as_secs());
        let path = format!("/attachments/{}/{}/{}", file.channel, file.id, file.shown_name());
        let signature = self.signature(&path, expires, issued);
        format!("{}{path}?ex={expires:x}&is={issued:x}&hm={signature}&", self.origin)
    }

    /// Whether a link is one of ours, and still good.
    pub(crate) fn is_good(&self, path: &str, query: &str, now: Timestamp) -> bool {
        let said = |key: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find_map(|(name, value)| (name == key).then_some(value))
        };
        let time = |key: &str| i64::from_str_radix(&said(key)?, 16).ok();
        let (Some(expires), Some(issued), Some(signature)) = (time("ex"), time("is"), said("hm")) else { return false };
        signature == self.signature(path, expires, issued) && now.as_second() < expires
    }

    fn signature(&self, path: &str, expires: i64, issued: i64) -> String {
        // The key need not be secret: nobody but tests talks to a fake.
        hex(Sha256::new_with_prefix(format!("{} {path} {expires} {issued}", self.origin)))
    }
}
