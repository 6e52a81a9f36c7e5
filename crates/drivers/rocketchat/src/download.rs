//! Files from the server into the spool.
//!
//! The bot's credentials go to the configured origin only. Where the server redirects to its object storage, the file is
//! fetched from there without them; that storage may lie in a private network, as the server itself may.

use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;
use reqwest::Response;
use tieline_core::spool::{MediaSpool, SpooledFile};
use tieline_net::client::upload_time;
use tieline_net::{StoreError, store};
use url::Url;

use crate::api::Api;
use crate::instance::Instance;
use crate::refusal::{Failure, Refusal};

/// How often a download that breaks off is begun again within one call.
const TRIES: usize = 3;
/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// Why a file is not here.
#[derive(Debug)]
pub(crate) enum DownloadError {
    /// It will never be.
    Final(String),
    /// It may be there later, not before `pause` if that is given.
    Later {
        /// What happened, for people.
        reason: String,
        /// A wait that the server asked for.
        pause: Option<Timestamp>,
    },
}

impl From<StoreError> for DownloadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { .. } => Self::Final(error.to_string()),
            StoreError::Disk(_) | StoreError::BrokeOff(_) => Self::Later { reason: error.to_string(), pause: None },
        }
    }
}

/// Fetches the file at `path` of the server.
pub(crate) async fn fetch(
    api: &Api,
    instance: &Instance,
    spool: &dyn MediaSpool,
    path: &str,
    now: Timestamp,
) -> Result<SpooledFile, DownloadError> {
    // All tries together get what the largest file takes over a slow line, so that a server that drips holds up nobody for
    // ever; between two pieces of a file the HTTP client waits half a minute.
    let allowed = upload_time(instance.capabilities.max_file_size);
    let fetched = tokio::time::timeout(allowed, try_to_fetch(api, instance, spool, path, now)).await;
    fetched.unwrap_or_else(|_| Err(DownloadError::Final(format!("it did not arrive within {} s", allowed.as_secs()))))
}

async fn try_to_fetch(
    api: &Api,
    instance: &Instance,
    spool: &dyn MediaSpool,
    path: &str,
    now: Timestamp,
) -> Result<SpooledFile, DownloadError> {
    let url = locate(instance, path)?;
    let mut broken = String::new();
    for _ in 0..TRIES {
        let response = match open(api, instance, &url, now).await {
            Err(DownloadError::Later { reason, pause: None }) => {
                broken = reason;
                continue;
            }
            other => other?,
        };
        match store(response, spool, instance.capabilities.max_file_size).await.map_err(DownloadError::from) {
            Err(DownloadError::Later { reason, .. }) => broken = reason,
            other => return other,
        }
    }
    Err(DownloadError::Later { reason: broken, pause: None })
}

/// The address of a file: always on the configured server, whatever the message says.
fn locate(instance: &Instance, path: &str) -> Result<Url, DownloadError> {
    let elsewhere = || DownloadError::Final("it does not lie on the configured server".to_owned());
    let url = if path.starts_with('/') && !path.starts_with("//") {
        Url::parse(&instance.on_server(path)).map_err(|_| elsewhere())?
    } else {
        Url::parse(path).map_err(|_| elsewhere())?
    };
    let inside = is_upload(instance, &url);
    let plain = url.username().is_empty() && url.password().is_none();
    if inside && plain { Ok(url) } else { Err(elsewhere()) }
}

/// Whether an address is one of the configured server's uploads: nothing else of that origin gets the credentials.
fn is_upload(instance: &Instance, url: &Url) -> bool {
    let folder = format!("{}/file-upload/", instance.server.path().trim_end_matches('/'));
    url.origin() == instance.server.origin() && url.path().starts_with(&folder)
}

/// The answer with the file, after all redirects.
async fn open(api: &Api, instance: &Instance, start: &Url, now: Timestamp) -> Result<Response, DownloadError> {
    let later = |failure: &Failure| DownloadError::Later {
        reason: failure.to_string(),
        pause: match failure {
            Failure::Refused(refusal) => refusal.until,
            Failure::Transport { .. } | Failure::Unusable { .. } => None,
        },
    };
    let mut session =
        if api.login.is_possible() { Some(api.session().await.map_err(|failure| later(&failure))?) } else { None };
    let mut renewable = api.login.password().is_some();
    let mut url = start.clone();
    for _ in 0..=REDIRECTS {
        let own = is_upload(instance, &url);
        let known = session.as_deref().filter(|_| own);
        let response = api.open(url.as_str(), known).await.map_err(|failure| later(&failure))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = target.and_then(|target| url.join(target).ok());
            let next = next.filter(|next| matches!(next.scheme(), "http" | "https"));
            let next = next.ok_or_else(|| DownloadError::Final("the server redirects to nowhere".to_owned()))?;
            // The exception is the operator's server only: its storage may not send us on to somebody else.
            if !own && next.origin() != url.origin() {
                return Err(DownloadError::Final("the server's storage redirects to another host".to_owned()));
            }
            url = next;
            continue;
        }
        // A denied download has no body: 403, and for an expired login the same.
        let denied = matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
        if denied
            && own
            && renewable
            && let Some(stale) = &session
        {
            renewable = false;
            session = Some(api.renewed(stale).await.map_err(|failure| later(&failure))?);
            continue;
        }
        let refusal = Refusal::read(status, response.headers(), &serde_json::Value::Null, now);
        return Err(match status {
            _ if refusal.until.is_some() || status.is_server_error() => later(&Failure::Refused(refusal)),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED if session.is_none() => {
                DownloadError::Final("the server gives it to members only: configure the bot's credentials".to_owned())
            }
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                DownloadError::Final("the server denies it to the bot: is it a member of the room?".to_owned())
            }
            StatusCode::NOT_FOUND => DownloadError::Final("the server does not have it any more".to_owned()),
            _ => DownloadError::Final(format!("the server answered {status}")),
        });
    }
    Err(DownloadError::Final("the server redirects too often".to_owned()))
}
