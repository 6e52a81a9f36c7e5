//! Files that the addon received, from there into the spool.
//!
//! They are fetched from the addon and from nowhere else, whatever a payload says: a path below `/media/`.

use http::StatusCode;
use tieline_core::spool::{MediaSpool, SpooledFile};
use tieline_net::client::upload_time;
use tieline_net::{StoreError, store};

use crate::api::Api;

/// How often a download that breaks off is begun again within one call.
const TRIES: usize = 3;
/// What a path must begin with.
const FOLDER: &str = "/media/";

/// Why a file is not here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MediaError {
    /// It will never be.
    Final(String),
    /// It may be there later.
    Later(String),
}

impl From<StoreError> for MediaError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { .. } => Self::Final(error.to_string()),
            StoreError::Disk(_) | StoreError::BrokeOff(_) => Self::Later(error.to_string()),
        }
    }
}

/// Fetches the file at a path of the addon, of at most so many bytes.
pub(crate) async fn fetch(
    api: &Api,
    spool: &dyn MediaSpool,
    path: &str,
    limit: u64,
) -> Result<SpooledFile, MediaError> {
    if !is_own(path) {
        return Err(MediaError::Final("the WhatsApp addon names a place for it that is not its own".to_owned()));
    }
    // All tries together get what the largest file takes over a slow line, so that an addon that drips holds up nobody for
    // ever; between two pieces of a file the HTTP client waits half a minute.
    let allowed = upload_time(limit);
    let fetched = tokio::time::timeout(allowed, try_to_fetch(api, spool, path, limit)).await;
    fetched.unwrap_or_else(|_| Err(MediaError::Final(format!("it did not arrive within {} s", allowed.as_secs()))))
}

/// Whether a path leads to a file of the addon's media folder, however it is read.
fn is_own(path: &str) -> bool {
    let Some(name) = path.strip_prefix(FOLDER) else { return false };
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    plain && !name.is_empty() && !name.contains("..")
}

async fn try_to_fetch(api: &Api, spool: &dyn MediaSpool, path: &str, limit: u64) -> Result<SpooledFile, MediaError> {
    let mut broken = String::new();
    for _ in 0..TRIES {
        let response = match api.open(path).await {
            Ok(response) => response,
            Err(failure) => {
                broken = failure.to_string();
                continue;
            }
        };
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => {
                return Err(MediaError::Final("the WhatsApp addon does not have it any more".to_owned()));
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                broken = format!("the WhatsApp addon answered {}", status.as_u16());
                continue;
            }
            // A redirect would lead away from the addon.
            status => return Err(MediaError::Final(format!("the WhatsApp addon answered {}", status.as_u16()))),
        }
        match store(response, spool, limit).await.map_err(MediaError::from) {
            Err(MediaError::Later(why)) => broken = why,
            other => return other,
        }
    }
    Err(MediaError::Later(broken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addons_own_folder_is_fetched_from() {
        assert!(is_own("/media/1795241734_0a1b2c3d.oga"));
        for foreign in [
            "/media/",
            "/media/../qr",
            "/media/..%2fqr",
            "/media/a/b",
            "/media/a?token=x",
            "//evil.example/media/a",
            "http://evil.example/media/a",
            "/media/\\evil",
            "/media/a#b",
            "@evil.example/media/a",
            "",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
