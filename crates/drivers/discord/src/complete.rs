//! What the gateway leaves out: the bytes of files.

use serde_json::Value;
use tieline_core::driver::{CompleteError, Completed};
use tieline_core::event::{Content, Event};
use tieline_core::spool::SpooledFile;

use crate::driver::DiscordDriver;
use crate::media::{MediaError, renewed};
use crate::refusal::Failure;

impl DiscordDriver {
    pub(crate) async fn complete_event(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError> {
        let mut event = event.clone();
        let mut notes = Vec::new();
        event.missing = None;
        let path = format!("channels/{}/messages/{}", event.channel, event.message_id);
        // Asked for anew once one of its links turns out to have expired.
        let mut fresh = None;
        let attachments = event.message_mut().map(|message| message.attachments.as_mut_slice()).unwrap_or_default();
        for file in attachments {
            let Content::Remote(place) = &file.content else { continue };
            let url = place.get("url").and_then(Value::as_str).unwrap_or_default();
            match self.fetch(url, &path, &mut fresh).await {
                Ok(spooled) => {
                    if let Some(mime) = spooled.sniffed {
                        mime.clone_into(&mut file.mime);
                    }
                    file.size = Some(spooled.size);
                    file.content = Content::Spooled(spooled.id);
                }
                Err(MediaError::Later { reason, pause }) if !last_try => return Err(CompleteError { reason, pause }),
                Err(error) => {
                    let reason = match error {
                        MediaError::Final(reason) | MediaError::Later { reason, .. } => reason,
                        MediaError::Expired => "Discord does not have it any more".to_owned(),
                    };
                    notes.push(format!("the file `{}` could not be fetched: {reason}", file.name));
                    file.content = Content::Unavailable(reason);
                }
            }
        }
        Ok(Completed { event, notes })
    }

    /// Fetches a file; where its link has expired, by the one that the message names now.
    async fn fetch(&self, url: &str, path: &str, fresh: &mut Option<Value>) -> Result<SpooledFile, MediaError> {
        let fetch = async |url: &str| {
            self.files.fetch(&self.instance, &*self.services.spool, url, self.services.clock.now()).await
        };
        match fetch(url).await {
            Err(MediaError::Expired) => {}
            other => return other,
        }
        let message = match fresh {
            Some(message) => message,
            None => fresh.insert(self.api.get(path).await.map_err(|failure| not_renewed(&failure))?),
        };
        match renewed(message, url) {
            Some(renewed) => fetch(&renewed).await,
            None => Err(MediaError::Expired),
        }
    }
}

/// Why a message could not be asked for anew.
fn not_renewed(failure: &Failure) -> MediaError {
    let is_final = failure.status().is_some_and(|status| status.is_client_error()) && !failure.refuses_credentials();
    let reason = format!("its link has expired, and there is no new one: {failure}");
    if is_final { MediaError::Final(reason) } else { MediaError::Later { reason, pause: failure.pause() } }
}
