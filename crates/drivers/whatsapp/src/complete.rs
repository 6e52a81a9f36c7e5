//! What the webhook leaves out: names, pictures, files.

use std::collections::HashMap;
use std::time::Duration;

use tieline_core::driver::{CompleteError, Completed};
use tieline_core::event::{Content, Event};

use crate::driver::WhatsAppDriver;
use crate::media::{self, MediaError};
use crate::mention;
use crate::missing::Missing;

/// How long names and pictures may hold a message up, all together. What comes later is known for the next message.
const NAMES_TIME: Duration = Duration::from_secs(2);
/// How many of those who are mentioned are shown by name.
const MENTIONED: usize = 50;

impl WhatsAppDriver {
    pub(crate) async fn complete_event(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError> {
        let mut event = event.clone();
        let mut notes = Vec::new();
        let missing = Missing::of(event.missing.take().as_ref());
        // Six lookups side by side are too much for the stack of whoever waits.
        Box::pin(self.name(&mut event, &missing)).await;
        self.fetch_files(&mut event, last_try, &mut notes).await?;
        Ok(Completed { event, notes })
    }

    /// Fills in what people and chats are called. Without a name the number stands, so nothing of it is missed.
    async fn name(&self, event: &mut Event, missing: &Missing) {
        let (api, names) = (&self.api, &self.names);
        let chat = within(async { names.chat(api, missing.chat.as_ref()?).await });
        let person = within(async { names.person(api, missing.name.as_ref()?).await });
        let picture = within(async { names.picture(api, missing.picture.as_ref()?).await });
        let owner = within(async { if missing.owner { names.owner(api).await } else { None } });
        let quoted = within(async {
            let jid = missing.quotes.as_ref()?;
            match names.account().filter(|account| account == jid.user()) {
                Some(_) => names.owner(api).await.map(|owner| owner.name).filter(|name| !name.is_empty()),
                None => names.person(api, jid).await,
            }
        });
        let mentioned = within(async {
            let mut shown = HashMap::new();
            for jid in missing.mentions.iter().take(MENTIONED) {
                if let Some(name) = names.person(api, jid).await {
                    shown.insert(jid.shown(), name);
                }
            }
            Some(shown)
        });
        let (chat, person, picture, owner, quoted, mentioned) =
            tokio::join!(chat, person, picture, owner, quoted, mentioned);
        if chat.is_some() {
            event.room = chat;
        }
        if let Some(name) = person {
            event.author.display_name = name;
        }
        if let Some(url) = picture {
            event.author.avatar = url;
        }
        if let Some(owner) = owner {
            if event.author.display_name.is_empty() {
                event.author.display_name = owner.name;
            }
            if let Some(jid) = owner.jid.filter(|_| event.author.id.is_empty()) {
                event.author.username = jid.shown();
                jid.user().clone_into(&mut event.author.id);
            }
        }
        let quotation = event.message_mut().and_then(|message| message.quoted.as_mut());
        if let (Some(name), Some(quotation)) = (quoted, quotation) {
            quotation.author = name;
        }
        if let (Some(names), Some(message)) = (mentioned.filter(|names| !names.is_empty()), event.message_mut()) {
            mention::rename(&mut message.text, &names);
        }
    }

    async fn fetch_files(
        &self,
        event: &mut Event,
        last_try: bool,
        notes: &mut Vec<String>,
    ) -> Result<(), CompleteError> {
        let limit = self.instance.capabilities.max_file_size;
        let attachments = event.message_mut().map(|message| message.attachments.as_mut_slice()).unwrap_or_default();
        for file in attachments {
            let Content::Remote(place) = &file.content else { continue };
            let path = place.get("path").and_then(serde_json::Value::as_str).unwrap_or_default();
            match media::fetch(&self.api, &*self.services.spool, path, limit).await {
                Ok(spooled) => {
                    if let Some(mime) = spooled.sniffed {
                        mime.clone_into(&mut file.mime);
                    }
                    file.size = Some(spooled.size);
                    file.content = Content::Spooled(spooled.id);
                }
                Err(MediaError::Later(reason)) if !last_try => return Err(CompleteError { reason, pause: None }),
                Err(MediaError::Final(reason) | MediaError::Later(reason)) => {
                    notes.push(format!("the file `{}` could not be fetched: {reason}", file.name));
                    file.content = Content::Unavailable(reason);
                }
            }
        }
        Ok(())
    }
}

/// What is there in time.
async fn within<T>(lookup: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(NAMES_TIME, lookup).await.ok().flatten()
}
