//! Files from Discord into the spool.
//!
//! They are fetched without credentials, from Discord's file hosts or the configured server's folders of files and from
//! nowhere else, whatever a message says.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use reqwest::Response;
use serde_json::Value;
use tieline_core::driver::BuildError;
use tieline_core::spool::{MediaSpool, SpooledFile};
use tieline_net::client::{ClientSettings, client, upload_time};
use tieline_net::{StoreError, describe, store};
use url::Url;

use crate::api::USER_AGENT;
use crate::cdn;
use crate::instance::Instance;

/// How often a download that breaks off is begun again within one call.
const TRIES: usize = 3;
/// The longest wait that the file host may ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Why a file is not here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MediaError {
    /// It will never be.
    Final(String),
    /// Its address is worth nothing any more; the message may name another one.
    Expired,
    /// It may be there later, not before `pause` if that is given.
    Later {
        /// What happened, for people.
        reason: String,
        /// A wait that the file host asked for.
        pause: Option<Timestamp>,
    },
}

impl MediaError {
    fn later(reason: String) -> Self {
        Self::Later { reason, pause: None }
    }
}

impl From<StoreError> for MediaError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { .. } => Self::Final(error.to_string()),
            StoreError::Disk(_) | StoreError::BrokeOff(_) => Self::later(error.to_string()),
        }
    }
}

/// The client for files.
#[derive(Debug)]
pub(crate) struct Files(reqwest::Client);

impl Files {
    /// A client that goes the way that the instance goes. Redirects are not followed: the hosts give none.
    pub(crate) fn new(instance: &Instance) -> Result<Self, BuildError> {
        let settings =
            ClientSettings { user_agent: USER_AGENT.to_owned(), ..ClientSettings::through(instance.proxy.clone()) };
        client(&settings).map(Self).map_err(|error| BuildError(error.to_string()))
    }

    /// Fetches a file. `now`: for a wait that the host asks for.
    pub(crate) async fn fetch(
        &self,
        instance: &Instance,
        spool: &dyn MediaSpool,
        url: &str,
        now: Timestamp,
    ) -> Result<SpooledFile, MediaError> {
        let elsewhere = || MediaError::Final("it does not lie with Discord".to_owned());
        let url = Url::parse(url).ok().filter(|url| cdn::is_own(instance, url)).ok_or_else(elsewhere)?;
        let limit = instance.capabilities.max_file_size;
        // All tries together get what the largest file takes over a slow line, so that a host that drips holds up nobody
        // for ever; between two pieces of a file the HTTP client waits half a minute.
        let allowed = upload_time(limit);
        let fetched = tokio::time::timeout(allowed, self.try_to_fetch(spool, &url, limit, now)).await;
        fetched.unwrap_or_else(|_| Err(MediaError::Final(format!("it did not arrive within {} s", allowed.as_secs()))))
    }

    async fn try_to_fetch(
        &self,
        spool: &dyn MediaSpool,
        url: &Url,
        limit: u64,
        now: Timestamp,
    ) -> Result<SpooledFile, MediaError> {
        let mut broken = String::new();
        for _ in 0..TRIES {
            let response = match self.0.get(url.clone()).send().await {
                Ok(response) => response,
                Err(error) => {
                    broken = format!("Discord's file host cannot be reached: {}", describe(&error));
                    continue;
                }
            };
            let status = response.status();
            let pause = pause(&response, now);
            match status {
                status if status.is_success() => {}
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => return Err(MediaError::Expired),
                status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                    broken = format!("Discord's file host answered {}", status.as_u16());
                    if pause.is_some() {
                        return Err(MediaError::Later { reason: broken, pause });
                    }
                    continue;
                }
                // A redirect would lead away from Discord.
                status => {
                    return Err(MediaError::Final(format!("Discord's file host answered {}", status.as_u16())));
                }
            }
            match store(response, spool, limit).await.map_err(MediaError::from) {
                Err(MediaError::Later { reason, .. }) => broken = reason,
                other => return other,
            }
        }
        Err(MediaError::later(broken))
    }
}

/// When the host lets us come again, if it says.
fn pause(response: &Response, now: Timestamp) -> Option<Timestamp> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    now.checked_add(Duration::from_secs(seconds).min(LONGEST_PAUSE)).ok()
}

/// The address that a message, asked for anew, names for the same file: its path stays, its signature is fresh.
pub(crate) fn renewed(message: &Value, expired: &str) -> Option<String> {
    let path = Url::parse(expired).ok()?.path().to_owned();
    let same = |url: &str| Url::parse(url).is_ok_and(|url| url.path() == path);
    match message {
        Value::Object(fields) => {
            let own = fields.get("url").and_then(Value::as_str).filter(|url| same(url)).map(str::to_owned);
            own.or_else(|| fields.values().find_map(|field| renewed(field, expired)))
        }
        Value::Array(entries) => entries.iter().find_map(|entry| renewed(entry, expired)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fresh_address_is_found_wherever_the_message_names_the_file() {
        let at = |name: &str, signature: &str| {
            format!("https://cdn.discordapp.com/attachments/1/2/{name}?ex={signature}&is=1&hm=2")
        };
        let message = json!({
            "attachments": [{ "id": "1", "url": at("a.png", "new"), "proxy_url": at("a.png", "proxy") }],
            "message_snapshots": [{ "message": { "attachments": [{ "url": at("b.png", "new") }] } }],
            "embeds": [{ "image": { "url": at("c.png", "new") } }],
        });
        for name in ["a.png", "b.png", "c.png"] {
            assert_eq!(renewed(&message, &at(name, "old")), Some(at(name, "new")), "{name}");
        }
        assert_eq!(renewed(&message, &at("d.png", "old")), None);
        assert_eq!(renewed(&message, "nothing"), None);
    }
}
