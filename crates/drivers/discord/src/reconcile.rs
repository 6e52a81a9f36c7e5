//! What became of a send whose answer was lost.
//!
//! The channel's history tells: a message is ours if our webhook or bot posted it since the send, if it says the same with
//! the same files, and if it belongs to no other send of ours. An echo that the outbox holds is looked at first: it costs no
//! call. A bot's repeat under the same nonce does no harm for some minutes, so until then nothing depends on the history.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;
use tieline_core::event::{Body, Event};
use tieline_core::id::MessageId;
use tieline_core::markup::Dialect;
use tieline_core::send::{Reconciled, SendError, Sending, Sent};
use tokio::sync::OwnedMutexGuard;

use crate::driver::DiscordDriver;
use crate::fields::{id, list, part, text, whole};
use crate::how::{How, Sender};
use crate::markup::DiscordDialect;
use crate::part::{Deed, FileFacts, Said, Voice};
use crate::place::{channel, scope};
use crate::refusal::{Failure, Refusal};
use crate::send::deed;
use crate::snowflake::Snowflake;

/// What begins the line that leads to what a webhook answers, behind the mark of small print.
const ANSWER_SIGN: &str = "↪ ";
/// How long a nonce counts for certain. Discord says "some minutes".
const NONCE: SignedDuration = SignedDuration::from_mins(1);
/// How far Discord's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// When the history is looked at: at once, and again, since a message may enter it a moment after its call was cut.
const LOOKS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(1500)];
/// The longest page of history.
const PAGE: usize = 100;
/// How many pages are read: much may have been said while the relay was away.
const PAGES: usize = 20;

/// What a message must be to be the one.
struct Wanted<'w> {
    sending: &'w Sending,
    said: &'w Said,
    channel: Snowflake,
    posters: Posters,
    /// No message before it counts.
    earliest: Snowflake,
}

/// Who may have posted it.
#[derive(Default)]
struct Posters {
    bot: Option<Snowflake>,
    webhook: Option<Snowflake>,
}

/// What the history says.
enum Seen {
    Here(Box<Sent>),
    Nowhere,
    /// It cannot be read, or not far enough.
    Unreadable,
}

impl DiscordDriver {
    pub(crate) async fn find_out(&self, sending: &Sending, held: &[Event]) -> Result<Reconciled, SendError> {
        let said = match deed(sending)? {
            Deed::Say(said) => said,
            // Only what became a new message may be there twice.
            Deed::Change(change) => match self.correction_of(sending, &change).await? {
                Some(correction) => correction,
                None => return Ok(Reconciled::Missing),
            },
        };
        let seen = match said.by {
            Voice::Bot => {
                let _turn = self.turn(sending, channel(sending)).await;
                self.look_by_bot(sending, &said, held).await?
            }
            Voice::Webhook | Voice::BotElseWebhook => self.look_by_webhook(sending, &said, held).await?,
        };
        Ok(match seen {
            Seen::Here(sent) => Reconciled::Arrived(*sent),
            Seen::Nowhere => Reconciled::Missing,
            // The doubt stays: the repeat does no harm now, but it would later.
            Seen::Unreadable if said.by == Voice::Bot && self.is_fresh(sending) => Reconciled::Missing,
            Seen::Unreadable => Reconciled::Unknowable,
        })
    }

    /// Whether the platform still knows a nonce of this send.
    pub(crate) fn is_fresh(&self, sending: &Sending) -> bool {
        // How old one is that seems to be in the future, since the clock was set back, nobody knows.
        (SignedDuration::ZERO..NONCE).contains(&self.services.clock.now().duration_since(sending.since))
    }

    /// Waits until no other send of the same content into a channel is under way, or looked for.
    pub(crate) async fn turn(&self, sending: &Sending, channel: Option<Snowflake>) -> OwnedMutexGuard<()> {
        let channel = channel.map(|channel| channel.to_string()).unwrap_or_default();
        self.claims.turn(&channel, &sending.part.body.to_string()).await
    }

    /// The message that a send of the bot became, if the history shows one. The send has its turn.
    pub(crate) async fn find_by_bot(&self, sending: &Sending, said: &Said) -> Result<Option<Sent>, SendError> {
        match self.look_by_bot(sending, said, &[]).await? {
            Seen::Here(sent) => Ok(Some(*sent)),
            Seen::Nowhere | Seen::Unreadable => Ok(None),
        }
    }

    async fn look_by_bot(&self, sending: &Sending, said: &Said, held: &[Event]) -> Result<Seen, SendError> {
        let Some(channel) = channel(sending) else { return Ok(Seen::Unreadable) };
        let bot = self.bot().await.map_err(|failure| failure.before_send(&scope(sending)))?;
        self.look(&self.wanted(sending, said, channel, Posters { bot: Some(bot), webhook: None }), held).await
    }

    async fn look_by_webhook(&self, sending: &Sending, said: &Said, held: &[Event]) -> Result<Seen, SendError> {
        let place = match self.place(sending).await {
            // Most likely the bot answered, whether there can be a webhook or not.
            Err(_) if said.by == Voice::BotElseWebhook => {
                let _turn = self.turn(sending, channel(sending)).await;
                return self.look_by_bot(sending, said, held).await;
            }
            place => place?,
        };
        let _turn = self.turn(sending, Some(place.channel())).await;
        if self.instance.bot_token.is_none() {
            return Ok(Seen::Unreadable);
        }
        let bot = match said.by {
            Voice::BotElseWebhook => Some(self.bot().await.map_err(|failure| failure.before_send(&scope(sending)))?),
            Voice::Bot | Voice::Webhook => None,
        };
        let posters = Posters { bot, webhook: Some(place.webhook.id) };
        self.look(&self.wanted(sending, said, place.channel(), posters), held).await
    }

    /// The bot's user id.
    async fn bot(&self) -> Result<Snowflake, Failure> {
        if let Some(account) = self.me.account() {
            return Ok(account.bot);
        }
        let me = self.api.get("users/@me").await?;
        id(&me, "id").ok_or_else(|| Failure::Unusable("Discord does not say who the bot is".to_owned()))
    }

    fn wanted<'w>(&self, sending: &'w Sending, said: &'w Said, channel: Snowflake, posters: Posters) -> Wanted<'w> {
        // The clock may have been set back since.
        let since = sending.since.min(self.services.clock.now());
        let earliest = Snowflake::at(since.checked_sub(SKEW).unwrap_or(since));
        Wanted { sending, said, channel, posters, earliest }
    }

    async fn look(&self, wanted: &Wanted<'_>, held: &[Event]) -> Result<Seen, SendError> {
        for event in held.iter().filter(|event| wanted.is_event(event)) {
            if self.claims.is_anothers(&event.message_id, &wanted.sending.key) {
                continue;
            }
            self.claims.take(&event.message_id, &wanted.sending.key);
            self.doubts.settle(&wanted.sending.key);
            let (ids, channel) = (vec![event.message_id.clone()], Some(event.channel.clone()));
            let how = wanted.how_of_event(event).map(|how| how.to_string());
            let wordless = event.message().is_some_and(|message| message.text.is_blank());
            return Ok(Seen::Here(Box::new(Sent { ids, channel, how, wordless, ..Sent::default() })));
        }
        let mut seen = Seen::Nowhere;
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            seen = match self.look_back(wanted, held).await {
                Ok(seen) => seen,
                Err(failure) if is_closed(&failure) => Seen::Unreadable,
                Err(failure) => return Err(failure.before_send(&scope(wanted.sending))),
            };
            if !matches!(seen, Seen::Nowhere) {
                break;
            }
        }
        Ok(seen)
    }

    /// Looks for the message in what was said since the send, from the oldest on: of two that say the same, the older one
    /// is the older send's.
    async fn look_back(&self, wanted: &Wanted<'_>, held: &[Event]) -> Result<Seen, Failure> {
        let mut after = wanted.earliest;
        for _ in 0..PAGES {
            let path = format!("channels/{}/messages?after={after}&limit={PAGE}", wanted.channel);
            let page = self.api.get(&path).await?;
            let mut messages: Vec<(Snowflake, &Value)> = page
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|message| Some((id(message, "id")?, message)))
                .collect();
            messages.sort_by_key(|(id, _)| *id);
            for (_, message) in &messages {
                if let Some(sent) = self.is_found(wanted, message, held).await {
                    return Ok(Seen::Here(Box::new(sent)));
                }
            }
            match messages.last() {
                Some((last, _)) if messages.len() >= PAGE => after = *last,
                Some(_) => return Ok(Seen::Nowhere),
                None if after > wanted.earliest || !self.has_news(wanted).await? => return Ok(Seen::Nowhere),
                None => return Ok(Seen::Unreadable),
            }
        }
        Ok(Seen::Unreadable)
    }

    /// Whether the channel says that something was written since the send. A bot that may not read the history is shown an
    /// empty one.
    async fn has_news(&self, wanted: &Wanted<'_>) -> Result<bool, Failure> {
        let channel = self.api.get(&format!("channels/{}", wanted.channel)).await?;
        Ok(id(&channel, "last_message_id").is_some_and(|last| last >= wanted.earliest))
    }

    async fn is_found(&self, wanted: &Wanted<'_>, message: &Value, held: &[Event]) -> Option<Sent> {
        let key = &wanted.sending.key;
        let is_certain = text(message, "nonce").as_deref() == Some(key.as_str());
        let is_posted = is_certain || wanted.is_poster(message, |webhook| self.webhooks.is_ours(webhook));
        if !is_posted || !(is_certain || wanted.is_message(message)) {
            return None;
        }
        let id = id(message, "id").and_then(|id| MessageId::new(&id.to_string()).ok())?;
        if self.claims.is_anothers(&id, key) {
            return None;
        }
        let is_held = held.iter().any(|event| event.message_id == id);
        let is_free = is_certain || is_held || !self.services.links.is_known(&self.instance.realm, &id).await;
        let says = text(message, "content").is_some();
        if is_free { self.became(wanted.sending, message, wanted.how_of(message), says) } else { None }
    }
}

impl Wanted<'_> {
    fn is_event(&self, event: &Event) -> bool {
        let Body::Message(message) = &event.body else { return false };
        let author = Snowflake::parse(&event.author.id);
        let is_posted = author.is_some() && [self.posters.bot, self.posters.webhook].contains(&author);
        let is_new = Snowflake::parse(event.message_id.as_str()).is_some_and(|id| id >= self.earliest);
        let is_here = event.channel.as_str() == self.channel.to_string();
        let sizes: Vec<Option<u64>> = message.attachments.iter().map(|file| file.size).collect();
        let echoed = message.text.to_plain();
        let echoed = collapsed(self.own_text(&echoed));
        is_posted && is_new && is_here && self.says(&sizes, |wanted| plain(wanted) == echoed)
    }

    /// How a message was sent that turned out to be the one.
    fn how_of(&self, message: &Value) -> How {
        let by = id(message, "webhook_id").map_or(Sender::Bot, Sender::Webhook);
        let content = message.get("content").and_then(Value::as_str).unwrap_or_default();
        self.how(by, content, !list(message, "attachments").is_empty(), collapsed)
    }

    /// The same of its echo.
    fn how_of_event(&self, event: &Event) -> Option<How> {
        let author = Snowflake::parse(&event.author.id)?;
        let by = if self.posters.bot == Some(author) { Sender::Bot } else { Sender::Webhook(author) };
        let message = event.message()?;
        Some(self.how(by, &message.text.to_plain(), !message.attachments.is_empty(), plain))
    }

    /// `read`: a text of ours as it stands there.
    fn how(&self, by: Sender, content: &str, files: bool, read: impl Fn(&str) -> String) -> How {
        let own = self.own_text(content);
        let nameless = [self.said.text.clone(), self.said.with_labels(&self.said.text)];
        let named = self.said.named.is_some() && !nameless.iter().any(|text| read(text) == collapsed(own));
        let answered = self.said.answers.as_deref().and_then(Snowflake::parse);
        How { by, named, files, answers: answered.filter(|_| own.len() < content.len()) }
    }

    fn is_poster(&self, message: &Value, is_ours: impl Fn(Snowflake) -> bool) -> bool {
        match id(message, "webhook_id") {
            Some(webhook) => self.posters.webhook.is_some_and(|ours| ours == webhook || is_ours(webhook)),
            None => self.posters.bot.is_some() && id(part(message, "author"), "id") == self.posters.bot,
        }
    }

    fn is_message(&self, message: &Value) -> bool {
        let sizes: Vec<Option<u64>> = list(message, "attachments").iter().map(|file| whole(file, "size")).collect();
        let content = message.get("content").and_then(Value::as_str).unwrap_or_default();
        let content = collapsed(self.own_text(content));
        self.says(&sizes, |wanted| collapsed(wanted) == content)
    }

    /// A text without the line that leads to what it answers: whether that is there depends on what was known of the server.
    fn own_text<'t>(&self, text: &'t str) -> &'t str {
        match text.split_once('\n') {
            Some((line, rest))
                if self.said.answers.is_some() && line.trim_start_matches("-# ").starts_with(ANSWER_SIGN) =>
            {
                rest
            }
            _ => text,
        }
    }

    /// Whether a message with files of these sizes, and a text that `is` tells, is what is said in one way or another.
    fn says(&self, sizes: &[Option<u64>], is: impl Fn(&str) -> bool) -> bool {
        let texts = [self.said.text.as_str(), self.said.named_text()];
        let same =
            |(file, size): (&FileFacts, &Option<u64>)| file.size == 0 || size.is_none_or(|size| size == file.size);
        let all = sizes.len() == self.said.files.len() && self.said.files.iter().zip(sizes).all(same);
        let with_files = all && texts.iter().any(|text| is(text));
        let with_labels = || sizes.is_empty() && texts.iter().any(|text| is(&self.said.with_labels(text)));
        with_files || with_labels()
    }
}

/// Whether the bot may not read there.
fn is_closed(failure: &Failure) -> bool {
    let is_nowhere = failure.status() == Some(http::StatusCode::NOT_FOUND);
    matches!(failure, Failure::NoToken) || is_nowhere || failure.refusal().is_some_and(Refusal::is_permission)
}

/// A text behind a link to what it answers, which a webhook cannot show in another way.
pub(crate) fn with_answer_line(link: &str, text: &str) -> String {
    format!("-# {ANSWER_SIGN}<{link}>\n{text}")
}

/// A text as a person reads it.
fn plain(text: &str) -> String {
    collapsed(&DiscordDialect { everyone: false }.parse(text).to_plain())
}

/// A text whose blanks count once: Discord cuts some of them.
fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
