//! A message with files, as a form that is streamed from disk.

use std::path::PathBuf;

use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tieline_net::spool::file_body;

use crate::api::lost;
use crate::refusal::Failure;

/// A file on its way to Discord.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Where its bytes are.
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    /// Its MIME type, or empty.
    pub(crate) mime: String,
}

/// The form with the files, streamed from disk with their lengths, and the size of all together.
pub(crate) async fn form(message: &Value, files: &[Upload]) -> Result<(Form, u64), Failure> {
    let gone = |error: std::io::Error| Failure::Disk(format!("a file cannot be read from the spool: {error}"));
    let json = Part::text(message.to_string()).mime_str("application/json").map_err(|error| lost(&error))?;
    let mut form = Form::new().part("payload_json", json);
    let mut all = 0;
    for (index, file) in files.iter().enumerate() {
        let (body, size) = file_body(&file.path).await.map_err(gone)?;
        let part = Part::stream_with_length(body, size).file_name(file.name.clone());
        let part = part.mime_str(usable(&file.mime)).map_err(|error| lost(&error))?;
        form = form.part(format!("files[{index}]"), part);
        all += size;
    }
    Ok((form, all))
}

/// The type that is stated of a file: its own, if that is one.
fn usable(mime: &str) -> &str {
    if Part::text("").mime_str(mime).is_ok() { mime } else { "application/octet-stream" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_none_does_not_keep_a_file_back() {
        for mime in ["image/png", "text/plain; charset=utf-8"] {
            assert_eq!(usable(mime), mime);
        }
        for odd in ["", "image", "a b/c", "x/y\r\nz: 1"] {
            assert_eq!(usable(odd), "application/octet-stream", "{odd:?}");
        }
    }
}
