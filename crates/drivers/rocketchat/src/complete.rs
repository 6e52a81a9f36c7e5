//! What the webhook leaves out: the display name, the names behind mentions, the files.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::Value;
use tieline_core::driver::{CompleteError, Completed};
use tieline_core::event::{AttachmentKind, Body, Content, Event};
use tieline_core::markup::{Block, Mention, Span};
use tokio::time::Instant;

use crate::api::no_answer;
use crate::download::{self, DownloadError};
use crate::driver::RocketChatDriver;
use crate::files;
use crate::parse::parse;
use crate::quotation;
use crate::refusal::Failure;

/// How long a message is looked for. An event may wait a minute for it, and a few such lookups must fit in.
const LOOKUP_TIME: Duration = Duration::from_secs(10);
/// How long the last look takes at most where the ones before it had no answer.
const LAST_LOOK: Duration = Duration::from_secs(2);

impl RocketChatDriver {
    pub(crate) async fn complete_event(&self, event: &Event, last_try: bool) -> Result<Completed, CompleteError> {
        let mut event = event.clone();
        let mut notes = Vec::new();
        let asked = event.missing.take().unwrap_or_default();
        if asked.get("message") == Some(&Value::Bool(true)) {
            match self.look_up(&event, last_try).await {
                Ok(Some(message)) if is_in(&message, event.channel.as_str()) => self.take_over(&mut event, &message),
                Ok(Some(_)) => {
                    notes.push("sent on as it stands: Rocket.Chat says that the message is in another room".to_owned());
                }
                Ok(None) => {
                    notes.push("sent on as it stands: Rocket.Chat does not show the message to the bot".to_owned());
                }
                Err(failure) if last_try || is_final(&failure) => {
                    notes.push(format!("sent on as it stands: {failure}"));
                }
                Err(failure) => return Err(try_later(&failure)),
            }
        }
        self.fetch_files(&mut event, last_try, &mut notes).await?;
        Ok(Completed { event, notes })
    }

    /// The message of an event. After the server was silent the last try is a short one, since the minute is over.
    async fn look_up(&self, event: &Event, last_try: bool) -> Result<Option<Value>, Failure> {
        let since = Instant::now();
        let _turn = self.turns.lookup().await;
        let silent = self.silent.load(Relaxed);
        let within = if last_try && silent { LAST_LOOK } else { LOOKUP_TIME };
        // A busy server is waited for. A silent one was asked by those before, while this one waited for its turn.
        if silent && since.elapsed() >= within {
            return Err(no_answer(within));
        }
        let outcome = self.ask_for(event.message_id.as_str(), within).await;
        self.silent.store(matches!(outcome, Err(Failure::Transport { .. })), Relaxed);
        outcome
    }

    /// A message by its id; `None` if there is none that the bot may see.
    pub(crate) async fn fetch_message(&self, id: &str) -> Result<Option<Value>, Failure> {
        self.ask_for(id, LOOKUP_TIME).await
    }

    async fn ask_for(&self, id: &str, within: Duration) -> Result<Option<Value>, Failure> {
        match self.api.message(id, within).await {
            Ok(mut answer) => {
                let message = answer.body.get_mut("message").map(Value::take).filter(Value::is_object);
                if message.as_ref().is_some_and(|message| message.get("_id").and_then(Value::as_str) != Some(id)) {
                    let why = "Rocket.Chat answered with another message than the one it was asked for".to_owned();
                    return Err(Failure::Unusable { why });
                }
                Ok(message)
            }
            // A message that is not there is a 400 without a word.
            Err(Failure::Refused(refusal)) if refusal.status == 400 && refusal.text.is_empty() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Puts what REST says about a message into its event. The text stays as it was received: an edit that came in
    /// between has an event of its own. Only where there is none, a caption that stands elsewhere is one.
    pub(crate) fn take_over(&self, event: &mut Event, message: &Value) {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(account) = message.get("u") {
            event.author.display_name = text(account, "name");
        }
        let avatar = text(message, "avatar");
        if avatar.starts_with("https://") {
            event.author.avatar = avatar;
        }
        if matches!(event.body, Body::Edit(_)) {
            event.revision = message.get("editedAt").and_then(|time| match time {
                Value::String(text) => Some(text.clone()),
                other => other.get("$date").map(Value::to_string),
            });
        }
        let names: HashMap<String, String> = message
            .get("mentions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|mention| (text(mention, "username"), text(mention, "name")))
            .filter(|(_, name)| !name.is_empty())
            .collect();
        let edit = matches!(event.body, Body::Edit(_));
        let files = files::of(&self.instance, message);
        if let Some(content) = event.message_mut() {
            if content.text.blocks.is_empty() {
                let (quoted, caption) = quotation::split(files::caption("", message), &self.instance.server);
                content.text = parse(caption);
                content.reply_to = quoted.or_else(|| content.reply_to.take());
            }
            if let Some(quoted) = &content.reply_to {
                content.quoted = quotation::shown(message, quoted, &self.instance.server);
            }
            for block in &mut content.text.blocks {
                if let Block::Line(spans) | Block::Quote(spans) | Block::Item(_, spans) | Block::Heading(_, spans) =
                    block
                {
                    show_names(spans, &names);
                }
            }
            if !edit && content.attachments.is_empty() {
                content.attachments = files;
            }
        }
    }

    async fn fetch_files(
        &self,
        event: &mut Event,
        last_try: bool,
        notes: &mut Vec<String>,
    ) -> Result<(), CompleteError> {
        let attachments = event.message_mut().map(|message| message.attachments.as_mut_slice()).unwrap_or_default();
        for file in attachments {
            let Content::Remote(place) = &file.content else { continue };
            let path = place.get("path").and_then(Value::as_str).unwrap_or_default();
            let now = self.services.clock.now();
            let _turn = self.turns.download().await;
            match download::fetch(&self.api, &self.instance, &*self.services.spool, path, now).await {
                Ok(spooled) => {
                    if let Some(mime) = spooled.sniffed {
                        mime.clone_into(&mut file.mime);
                    }
                    file.kind = AttachmentKind::of_mime(&file.mime);
                    file.size = Some(spooled.size);
                    file.content = Content::Spooled(spooled.id);
                }
                Err(DownloadError::Later { reason, pause }) if !last_try => {
                    return Err(CompleteError { reason, pause });
                }
                Err(DownloadError::Final(reason) | DownloadError::Later { reason, .. }) => {
                    notes.push(format!("the file `{}` could not be fetched: {reason}", file.name));
                    file.content = Content::Unavailable(reason);
                }
            }
        }
        Ok(())
    }
}

fn show_names(spans: &mut [Span], names: &HashMap<String, String>) {
    for span in spans {
        match span {
            Span::Mention(Mention::User(person)) => {
                if let Some(shown) = names.get(&person.name) {
                    shown.clone_into(&mut person.name);
                }
            }
            Span::Bold(inner)
            | Span::Italic(inner)
            | Span::Underline(inner)
            | Span::Strike(inner)
            | Span::Spoiler(inner)
            | Span::Link(_, inner) => show_names(inner, names),
            Span::Text(_) | Span::Code(_) | Span::Mention(_) | Span::Emoji(_) => {}
        }
    }
}

/// Whether a message lies in a room, as far as it says where it lies.
pub(crate) fn is_in(message: &Value, room: &str) -> bool {
    message.get("rid").is_none_or(|rid| rid.as_str() == Some(room))
}

/// Whether asking again would bring the same. Refused credentials can be put right within the minute.
fn is_final(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(refusal) => refusal.until.is_none() && refusal.status.is_client_error() && !refusal.is_login(),
        Failure::Unusable { .. } => true,
        Failure::Transport { .. } => false,
    }
}

fn try_later(failure: &Failure) -> CompleteError {
    let pause = match failure {
        Failure::Refused(refusal) => refusal.until,
        Failure::Transport { .. } | Failure::Unusable { .. } => None,
    };
    CompleteError { reason: failure.to_string(), pause }
}
