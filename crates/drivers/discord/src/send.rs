//! Sends.

use http::Method;
use serde_json::{Map, Value, json};
use tieline_core::id::{ChannelKey, MessageId};
use tieline_core::send::{Pause, SendError, Sending, Sent};

use crate::api::{Answer, Call, Payload};
use crate::code;
use crate::cut::MAX_TEXT;
use crate::driver::DiscordDriver;
use crate::fields::id;
use crate::how::{How, Sender};
use crate::limits::Caller;
use crate::part::{Deed, FileFacts, Said, Voice};
use crate::place::{Place, channel, no_channel, scope};
use crate::reconcile::with_answer_line;
use crate::refusal::{Failure, Refusal};
use crate::snowflake::Snowflake;
use crate::upload::Upload;

/// What a call leaves out because Discord refused it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Without {
    title: bool,
    avatar: bool,
    files: bool,
}

impl DiscordDriver {
    /// Sends one part.
    pub(crate) async fn send_part(&self, sending: &Sending) -> Result<Sent, SendError> {
        match deed(sending)? {
            Deed::Say(said) => self.say(sending, &said).await,
            Deed::Change(change) => self.make_change(sending, &change).await,
        }
    }

    /// Says something new.
    pub(crate) async fn say(&self, sending: &Sending, said: &Said) -> Result<Sent, SendError> {
        match said.by {
            Voice::Webhook => self.by_webhook(sending, said).await,
            Voice::Bot => self.by_bot(sending, said).await.map_err(|failure| self.ended(sending, &failure)),
            Voice::BotElseWebhook => match self.by_bot(sending, said).await {
                Err(Ended::Call(failure)) if keeps_the_bot_out(&failure) => self.by_webhook(sending, said).await,
                outcome => outcome.map_err(|failure| self.ended(sending, &failure)),
            },
        }
    }

    async fn by_bot(&self, sending: &Sending, said: &Said) -> Result<Sent, Ended> {
        let channel = channel(sending).ok_or_else(|| no_channel(sending))?;
        let _turn = self.turn(sending, Some(channel)).await;
        if self.doubts.is_unsure(&sending.key) && !self.is_fresh(sending) {
            // The nonce is forgotten by now, and the last try may have arrived.
            if let Some(sent) = self.find_by_bot(sending, said).await? {
                return Ok(sent);
            }
        }
        let path = format!("channels/{channel}/messages");
        let mut without = Without::default();
        loop {
            let mut message = self.message(said, said.named_text(), without);
            message.insert("nonce".to_owned(), json!(sending.key.as_str()));
            message.insert("enforce_nonce".to_owned(), json!(true));
            if let Some(answered) = &said.answers {
                let reference = json!({ "message_id": answered, "fail_if_not_exists": false });
                message.insert("message_reference".to_owned(), reference);
            }
            let call = Posting { path: &path, caller: Caller::Bot, into: None };
            match self.call(&call, sending, said, &Value::Object(message), without).await? {
                Ok(answer) => {
                    let named = said.named.is_some();
                    let how = How { named, files: without.files(said), ..How::by(Sender::Bot) };
                    return self.sent(sending, &answer, how, without.says(said, named)).map_err(Ended::Send);
                }
                Err(failure) => without = repaired(without, said, &failure).ok_or(Ended::Call(failure))?,
            }
        }
    }

    async fn by_webhook(&self, sending: &Sending, said: &Said) -> Result<Sent, SendError> {
        let mut place = self.place(sending).await?;
        let _turn = self.turn(sending, Some(place.channel())).await;
        let mut without = Without::default();
        let mut is_remade = false;
        loop {
            let thread = place.thread.map(|thread| format!("&thread_id={thread}")).unwrap_or_default();
            let path = format!("{}?wait=true{thread}", place.webhook.path());
            let call = Posting { path: &path, caller: Caller::Webhook, into: Some(&place) };
            let title = said.title.as_ref().filter(|_| !without.title);
            let named = title.is_none() && said.named.is_some();
            let answered = said.answers.as_deref().and_then(Snowflake::parse);
            let (text, answers) = self.behind_link(sending, answered, said.text_of(named));
            let mut message = self.message(said, &text, without);
            if let Some(title) = title {
                message.insert("username".to_owned(), json!(title));
            }
            if let Some(avatar) = said.avatar.as_ref().filter(|_| !without.avatar) {
                message.insert("avatar_url".to_owned(), json!(avatar));
            }
            let failure = match self.call(&call, sending, said, &Value::Object(message), without).await? {
                Ok(answer) => {
                    let by = Sender::Webhook(place.webhook.id);
                    let how = How { by, named, files: without.files(said), answers };
                    return self.sent(sending, &answer, how, without.says(said, named));
                }
                Err(failure) => failure,
            };
            let is_dead = failure.refusal().is_some_and(Refusal::is_dead_webhook);
            if let Some(channel) = place.managed.filter(|_| is_dead && !is_remade) {
                is_remade = true;
                self.webhooks.forget(channel);
                place = self.place(sending).await?;
            } else if let Some(repaired) = repaired(without, said, &failure) {
                without = repaired;
            } else {
                return Err(failure.of_send(&scope(sending)));
            }
        }
    }

    /// What every message says.
    fn message(&self, said: &Said, text: &str, without: Without) -> Map<String, Value> {
        let mut message = Map::new();
        let text = if without.files { said.with_labels(text) } else { text.to_owned() };
        if !text.is_empty() {
            message.insert("content".to_owned(), Value::String(text));
        }
        if !said.files.is_empty() && !without.files {
            let named = |(index, file): (usize, &FileFacts)| json!({ "id": index, "filename": file.name });
            message.insert("attachments".to_owned(), said.files.iter().enumerate().map(named).collect());
        }
        message.insert("allowed_mentions".to_owned(), self.allowed_mentions(said));
        message
    }

    /// Whom a message, or what becomes of it, calls. Without this, Discord lets a bot call everybody.
    pub(crate) fn allowed_mentions(&self, said: &Said) -> Value {
        let allowed = self.instance.mentions;
        let kinds = [(allowed.everyone, "everyone"), (allowed.roles, "roles")];
        let parse: Vec<&str> = kinds.into_iter().filter_map(|(allowed, kind)| allowed.then_some(kind)).collect();
        json!({ "parse": parse, "users": said.mentions, "replied_user": false })
    }

    /// A text behind a link to what it answers, which a webhook cannot show in another way; and whether the link is there:
    /// there must be room for it, and the server must be known.
    pub(crate) fn behind_link(
        &self,
        sending: &Sending,
        answered: Option<Snowflake>,
        text: &str,
    ) -> (String, Option<Snowflake>) {
        let link = answered.and_then(|answered| self.link_to(sending, &answered.to_string()));
        let whole = link.map(|link| with_answer_line(&link, text));
        match whole.filter(|whole| whole.encode_utf16().count() <= MAX_TEXT) {
            Some(whole) => (whole, answered),
            None => (text.to_owned(), None),
        }
    }

    async fn call(
        &self,
        call: &Posting<'_>,
        sending: &Sending,
        said: &Said,
        message: &Value,
        without: Without,
    ) -> Result<Result<Answer, Failure>, SendError> {
        let uploads = if without.files { Vec::new() } else { self.uploads(sending, said).await? };
        let payload = if uploads.is_empty() { Payload::Json(message) } else { Payload::Files(message, &uploads) };
        let call = Call {
            method: Method::POST,
            path: call.path,
            payload,
            caller: call.caller,
            into: call.into.map(|place| place.into),
            waits: false,
            of_others: false,
        };
        Ok(self.api.call(&call).await)
    }

    async fn uploads(&self, sending: &Sending, said: &Said) -> Result<Vec<Upload>, SendError> {
        let mut uploads = Vec::new();
        for (file, spooled) in said.files.iter().zip(&sending.part.files) {
            let gone = |error| SendError::Permanent {
                reason: format!("the file `{}` is not in the spool: {error}", file.name),
            };
            let path = self.services.spool.open(spooled).await.map_err(gone)?;
            uploads.push(Upload { path, name: file.name.clone(), mime: file.mime.clone() });
        }
        Ok(uploads)
    }

    fn sent(&self, sending: &Sending, answer: &Answer, how: How, says: bool) -> Result<Sent, SendError> {
        let pause = pause(sending, answer);
        let sent = match self.became(sending, &answer.body, how, says) {
            Some(sent) => sent,
            // Nobody could look for it, and a server that names none would be sent it again and again.
            None if self.instance.bot_token.is_none() => Sent::default(),
            None => {
                let reason = "Discord took the message, but did not name it".to_owned();
                return Err(SendError::Ambiguous { reason });
            }
        };
        Ok(Sent { pause, ..sent })
    }

    /// What a message says about the part that became it; `None` if it names itself not. `says`: it holds more than files.
    pub(crate) fn became(&self, sending: &Sending, message: &Value, how: How, says: bool) -> Option<Sent> {
        let id = |key: &str| id(message, key).map(|id| id.to_string());
        let message = MessageId::new(&id("id")?).ok()?;
        self.claims.take(&message, &sending.key);
        self.doubts.settle(&sending.key);
        let channel = id("channel_id").and_then(|channel| ChannelKey::new(&channel).ok());
        Some(Sent { ids: vec![message], channel, how: Some(how.to_string()), wordless: !says, ..Sent::default() })
    }

    /// How a send of the bot ended.
    fn ended(&self, sending: &Sending, ended: &Ended) -> SendError {
        let error = match ended {
            Ended::Send(error) => error.clone(),
            Ended::Call(failure) => failure.of_send(&scope(sending)),
        };
        if matches!(error, SendError::Ambiguous { .. }) {
            self.doubts.doubt(&sending.key);
        }
        error
    }
}

/// The wait that an answer asks for before the next call of its kind.
pub(crate) fn pause(sending: &Sending, answer: &Answer) -> Option<Pause> {
    answer.spent_until.map(|until| Pause { scope: scope(sending), until })
}

impl Without {
    /// Whether the message holds files.
    fn files(self, said: &Said) -> bool {
        !said.files.is_empty() && !self.files
    }

    /// Whether it holds a text.
    fn says(self, said: &Said, named: bool) -> bool {
        !said.text_of(named).is_empty() || (self.files && !said.files.is_empty())
    }
}

/// Where a message is posted.
struct Posting<'o> {
    path: &'o str,
    caller: Caller,
    into: Option<&'o Place>,
}

/// How a send of the bot ended without success.
enum Ended {
    /// By a call that failed.
    Call(Failure),
    /// Otherwise.
    Send(SendError),
}

impl From<SendError> for Ended {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

/// What to leave out so that Discord takes the message; `None` if nothing more can be.
fn repaired(without: Without, said: &Said, failure: &Failure) -> Option<Without> {
    let refusal = failure.refusal()?;
    // A bot that may write, but not attach.
    let files = refusal.is_too_large() || refusal.code == Some(code::MISSING_PERMISSIONS);
    let repaired = Without {
        title: without.title || (refusal.is_field("username") && said.title.is_some()),
        avatar: without.avatar || (refusal.is_field("avatar_url") && said.avatar.is_some()),
        files: without.files || (files && !said.files.is_empty()),
    };
    (repaired != without).then_some(repaired)
}

/// Whether the bot may not write where a webhook may.
fn keeps_the_bot_out(failure: &Failure) -> bool {
    let code = failure.code();
    failure.refusal().is_some_and(Refusal::is_permission)
        || matches!(code, Some(code::NO_HISTORY | code::THREAD_ARCHIVED | code::UNKNOWN_CHANNEL))
}

/// What the part does.
pub(crate) fn deed(sending: &Sending) -> Result<Deed, SendError> {
    let unknown = |error| SendError::Permanent { reason: format!("this part was stored by another version: {error}") };
    serde_json::from_value(sending.part.body.clone()).map_err(unknown)
}
