//! The webhooks that the instance posts through: one for each channel, found or made once, and never one for each start.
//!
//! A webhook belongs to a channel; its threads and posts are reached by naming them beside it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tieline_core::secret::Secret;
use tokio::sync::OnceCell;

use crate::api::Api;
use crate::code;
use crate::fields::{id, text, whole};
use crate::refusal::Failure;
use crate::snowflake::Snowflake;
use crate::webhook_url::WebhookUrl;

/// What a webhook that we make is called. Its messages carry the writers' names.
const NAME: &str = "tieline";
/// The type of webhooks that can be posted through.
const INCOMING: u64 = 1;

/// What was asked for once, by what it is about.
type Asked<T> = Mutex<HashMap<Snowflake, Arc<OnceCell<T>>>>;

/// The webhooks of one instance.
#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    /// What is known of each channel.
    channels: Asked<Arc<Webhook>>,
    /// The channels of the webhooks that targets name.
    named: Asked<Option<Snowflake>>,
    /// What channels that the gateway did not tell of belong to, if they are threads.
    parents: Asked<Option<Snowflake>>,
    ours: Mutex<HashSet<Snowflake>>,
    /// Those that posted what is to be changed, asked for by their ids; `None`: it is gone, or nobody knows its token.
    posters: Asked<Option<Arc<Webhook>>>,
    /// Those that do not exist any more.
    gone: Mutex<HashSet<Snowflake>>,
    /// The application that owns what we make, where the gateway has not told it.
    application: OnceCell<Snowflake>,
}

/// A webhook, as it can be posted through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    pub(crate) id: Snowflake,
    pub(crate) token: Secret,
    /// The channel that it belongs to, where that is known.
    pub(crate) channel: Option<Snowflake>,
}

impl Webhook {
    /// The path of its call, below the API's URL.
    pub(crate) fn path(&self) -> String {
        format!("webhooks/{}/{}", self.id, self.token.reveal())
    }

    /// Reads one that can be posted through.
    fn read(webhook: &Value) -> Option<Self> {
        let token = text(webhook, "token")?;
        Some(Self { id: id(webhook, "id")?, token: Secret::new(token), channel: id(webhook, "channel_id") })
    }
}

impl Webhooks {
    /// Whether the instance posts through it. An echo that comes before the first send of a process may not be known yet.
    pub(crate) fn is_ours(&self, webhook: Snowflake) -> bool {
        lock(&self.ours).contains(&webhook)
    }

    /// The instance posts through it from now on.
    pub(crate) fn note_ours(&self, webhook: Snowflake) {
        lock(&self.ours).insert(webhook);
    }

    /// A channel's webhooks were changed: what is known of it is looked up anew before the next send. What is being looked
    /// up is not begun anew: two who find none at once would make two.
    pub(crate) fn forget(&self, channel: Snowflake) {
        let mut channels = lock(&self.channels);
        if channels.get(&channel).is_some_and(|known| known.initialized()) {
            channels.remove(&channel);
        }
    }

    /// The webhook of a channel that is no thread: the known one, else one of ours that is there, else a new one.
    /// `application`: who we are, if the gateway told.
    pub(crate) async fn of_channel(
        &self,
        api: &Api,
        channel: Snowflake,
        application: Option<Snowflake>,
    ) -> Result<Arc<Webhook>, Failure> {
        let cell = Arc::clone(lock(&self.channels).entry(channel).or_default());
        // Lanes that come at once wait for the first, so that not each makes one.
        let webhook = cell.get_or_try_init(|| self.find_or_make(api, channel, application)).await?;
        Ok(Arc::clone(webhook))
    }

    async fn find_or_make(
        &self,
        api: &Api,
        channel: Snowflake,
        application: Option<Snowflake>,
    ) -> Result<Arc<Webhook>, Failure> {
        let application = match application {
            Some(application) => application,
            None => *self.application.get_or_try_init(|| own_application(api)).await?,
        };
        let path = format!("channels/{channel}/webhooks");
        let Value::Array(there) = api.get(&path).await? else {
            // Whoever cannot see what is there would make one more each time.
            return Err(Failure::Unusable("Discord answers something that is no list of webhooks".to_owned()));
        };
        let ours = there.iter().filter(|webhook| is_ours(webhook, application)).filter_map(Webhook::read);
        // The oldest, so that every start takes the same one.
        let webhook = if let Some(found) = ours.min_by_key(|webhook| webhook.id) {
            found
        } else {
            let made = api.post(&path, &json!({ "name": NAME })).await?;
            Webhook::read(&made).ok_or_else(|| {
                Failure::Unusable("Discord made a webhook, but did not say how to post through it".to_owned())
            })?
        };
        self.note_ours(webhook.id);
        let webhook = Arc::new(webhook);
        let known = OnceCell::new_with(Some(Some(Arc::clone(&webhook))));
        lock(&self.posters).insert(webhook.id, Arc::new(known));
        Ok(webhook)
    }

    /// The webhook that a target names. Its channel is asked for once.
    pub(crate) async fn named(&self, api: &Api, url: &WebhookUrl) -> Result<Webhook, Failure> {
        self.note_ours(url.id);
        let mut webhook = Webhook { id: url.id, token: url.token.clone(), channel: None };
        let cell = Arc::clone(lock(&self.named).entry(url.id).or_default());
        let channel = cell
            .get_or_try_init(|| async {
                match api.get_by_webhook(&webhook.path()).await {
                    Ok(answer) => Ok(id(&answer, "channel_id")),
                    // A compatible server may not have this call.
                    Err(failure) if failure.status() == Some(http::StatusCode::NOT_FOUND) && !is_gone(&failure) => {
                        Ok(None)
                    }
                    Err(failure) => Err(failure),
                }
            })
            .await?;
        webhook.channel = *channel;
        Ok(webhook)
    }

    /// The webhook that posted something, asked for once; `None`: nobody can speak through it any more.
    pub(crate) async fn poster(&self, api: &Api, webhook: Snowflake) -> Result<Option<Arc<Webhook>>, Failure> {
        if lock(&self.gone).contains(&webhook) {
            return Ok(None);
        }
        let cell = Arc::clone(lock(&self.posters).entry(webhook).or_default());
        let ask = async || match api.get(&format!("webhooks/{webhook}")).await {
            Ok(answer) => Ok(Webhook::read(&answer).map(Arc::new)),
            Err(failure) if is_gone(&failure) => Ok(None),
            Err(failure) => Err(failure),
        };
        cell.get_or_try_init(ask).await.cloned()
    }

    /// Discord says that a webhook does not exist. It must not be called again: that brings a ban.
    pub(crate) fn note_gone(&self, webhook: Snowflake) {
        lock(&self.gone).insert(webhook);
        lock(&self.channels).retain(|_, known| known.get().is_none_or(|known| known.id != webhook));
    }

    /// Whether it said so.
    pub(crate) fn is_gone(&self, webhook: Snowflake) -> bool {
        lock(&self.gone).contains(&webhook)
    }

    /// The channel that a thread belongs to, asked for once; `None` of what is no thread.
    pub(crate) async fn parent_of(&self, api: &Api, channel: Snowflake) -> Result<Option<Snowflake>, Failure> {
        let cell = Arc::clone(lock(&self.parents).entry(channel).or_default());
        let ask = async || {
            let found = api.get(&format!("channels/{channel}")).await?;
            // Other channels may belong to a category.
            Ok(id(&found, "parent_id").filter(|_| found.get("thread_metadata").is_some()))
        };
        cell.get_or_try_init(ask).await.copied()
    }
}

/// Whether an application owns it, and messages come in by it.
fn is_ours(webhook: &Value, application: Snowflake) -> bool {
    whole(webhook, "type") == Some(INCOMING) && id(webhook, "application_id") == Some(application)
}

fn is_gone(failure: &Failure) -> bool {
    failure.code() == Some(code::UNKNOWN_WEBHOOK)
}

async fn own_application(api: &Api) -> Result<Snowflake, Failure> {
    let answer = api.get("applications/@me").await?;
    id(&answer, "id").ok_or_else(|| Failure::Unusable("Discord does not say which application the bot is".to_owned()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_own_and_can_post_through_is_taken() {
        let ours = json!({ "id": "7", "type": 1, "application_id": "5", "token": "t", "channel_id": "3" });
        let webhook = Webhook::read(&ours).expect("ours");
        assert_eq!((webhook.id, webhook.channel), (Snowflake(7), Some(Snowflake(3))));
        assert_eq!(webhook.path(), "webhooks/7/t");
        assert!(!format!("{webhook:?}").contains("\"t\""));
        let with = |key: &str, value: Value| {
            let mut other = ours.clone();
            other[key] = value;
            other
        };
        let is_ours = |webhook: &Value| super::is_ours(webhook, Snowflake(5));
        assert!(is_ours(&ours));
        assert!(!is_ours(&with("type", json!(2))), "it follows another channel");
        assert!(!is_ours(&with("application_id", Value::Null)), "a person made it");
        assert!(!is_ours(&with("application_id", json!("6"))), "another bot's");
        assert_eq!(Webhook::read(&with("token", Value::Null)), None);
    }
}
