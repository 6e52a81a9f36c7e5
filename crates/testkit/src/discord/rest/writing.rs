//! Writing and editing messages as a bot, and what bots and webhooks have in common there.

use serde_json::{Map, Value};

use super::super::file::{FakeFile, Upload};
use super::super::inside::Inside;
use super::super::mention::Allowed;
use super::super::message::{FakeMessage, Reference};
use super::super::permission::Permission;
use super::super::posting::{Author, Change, Draft};
use super::super::refusal::Refusal;
use super::super::route::Route;
use super::super::snowflake::Snowflake;
use super::super::state::{BotState, ChannelKind, NonceState, State};
use super::form::{Problems, given, list, text};
use super::message_form::{Form, MAX_FILES, check_message, doubts, is_empty};
use super::messages::known_message;
use super::{Call, need, seen};

/// How long a nonce stands for the message that it came with. Discord says "a few minutes".
const NONCE_MINUTES: i64 = 5;
const SUPPRESS_EMBEDS: u64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
const IS_VOICE_MESSAGE: u64 = 1 << 13;
pub(crate) const IS_COMPONENTS_V2: u64 = 1 << 15;
/// The flags that a new message of a webhook may have.
pub(crate) const FLAGS: u64 = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | IS_COMPONENTS_V2;

/// The files that a form names.
#[derive(Default)]
pub(crate) struct Files {
    /// Those of the message that stay; `None`: all.
    pub(crate) kept: Option<Vec<(Snowflake, Option<String>)>>,
    pub(crate) new: Vec<(Upload, Option<String>)>,
}

impl Inside {
    pub(crate) fn create_message(&self, call: Call) -> Result<Value, Refusal> {
        let (bot, channel) = (call.bot()?.clone(), call.id(0, "channel_id")?);
        let body = call.json();
        may_write(&self.state(), &bot, channel, !call.given.files.is_empty())?;
        check_message(Form::Create, &body)?;
        self.note_doubts(Route::CreateMessage, &body, FLAGS | IS_VOICE_MESSAGE);
        let mut files = self.files(Route::CreateMessage, &body, call.given.files, &[])?;
        self.act(|state, events| {
            if let Some(known) = self.known_nonce(state, &bot, &body) {
                if known.content != text(&body, "content") {
                    self.note(Route::CreateMessage, "another message with the same nonce is lost");
                }
                return Ok(self.viewing(state, Some(bot.user)).message(&known));
            }
            let reference = reference(state, &bot, channel, &body)?;
            let forwards = reference.is_some_and(|reference| reference.forward);
            if !forwards && is_empty(&body, files.new.len()) {
                return Err(Refusal::empty_message());
            }
            let mut draft = draft(channel, Author::Account(bot.user), &body, Allowed::all());
            draft.files = std::mem::take(&mut files.new);
            draft.reference = reference;
            draft.nonce = given(&body, "nonce").cloned();
            let message = self.post(state, events, draft);
            if let Some(nonce) = message.nonce.clone() {
                state.nonces.push(NonceState { author: bot.user, nonce, message: message.id, since: self.now() });
            }
            Ok(self.viewing(state, Some(bot.user)).message(&message))
        })
    }

    pub(crate) fn edit_message(&self, call: Call) -> Result<Value, Refusal> {
        let (bot, channel) = (call.bot()?.clone(), call.id(0, "channel_id")?);
        let body = call.json();
        let known = {
            let state = self.state();
            seen(&state, &bot, channel)?;
            let known = known_message(&state, &call)?.clone();
            if known.author != bot.user || known.webhook_id.is_some() {
                return Err(Refusal::not_the_author());
            }
            may_change(&state, channel, state.may(bot.user, channel, Permission::ManageThreads))?;
            known
        };
        check_message(Form::Edit, &body)?;
        self.note_doubts(Route::EditMessage, &body, SUPPRESS_EMBEDS | IS_COMPONENTS_V2);
        let files = self.files(Route::EditMessage, &body, call.given.files, &known.files)?;
        let change = change(&known, &body, files, Allowed::all())?;
        self.act(|state, events| {
            let message = self.edit(state, events, known.id, change).ok_or_else(Refusal::unknown_message)?;
            Ok(self.viewing(state, Some(bot.user)).message(&message))
        })
    }

    /// The files that a form names, and those that came with it. `old` are those that the message has.
    pub(crate) fn files(
        &self,
        route: Route,
        body: &Map<String, Value>,
        mut uploads: Vec<Upload>,
        old: &[FakeFile],
    ) -> Result<Files, Refusal> {
        uploads.sort_by_key(|upload| upload.number);
        let mut files = Files::default();
        if given(body, "attachments").is_none() {
            files.new = uploads.into_iter().map(|upload| (upload, None)).collect();
        } else {
            let mut kept = Vec::new();
            for (at, listed) in list(body, "attachments").iter().enumerate() {
                let id = listed["id"].as_str().map_or_else(|| listed["id"].to_string(), str::to_owned);
                let description = listed["description"].as_str().map(str::to_owned);
                if let Some(file) = old.iter().find(|file| file.id.to_string() == id) {
                    kept.push((file.id, description));
                } else if let Some(found) = uploads.iter().position(|upload| upload.number.to_string() == id) {
                    let mut upload = uploads.remove(found);
                    upload.name = listed["filename"].as_str().map_or(upload.name, str::to_owned);
                    files.new.push((upload, description));
                } else {
                    let path = format!("attachments.{at}.id");
                    let mut problems = Problems::default();
                    problems.add(&path, "ATTACHMENT_NOT_FOUND", format!("Attachment data not found: {id}"));
                    problems.refuse()?;
                }
            }
            for upload in uploads {
                self.note(route, format!("files[{}] is not in attachments, and so is lost", upload.number));
            }
            files.kept = Some(kept);
        }
        let staying = files.kept.as_ref().map_or(old.len(), Vec::len);
        if staying + files.new.len() > MAX_FILES {
            return Err(Refusal::too_many_attachments(MAX_FILES));
        }
        Ok(files)
    }

    /// Notes what is wrong with a form although Discord takes it.
    pub(crate) fn note_doubts(&self, route: Route, body: &Map<String, Value>, known_flags: u64) {
        for doubt in doubts(body, known_flags) {
            self.note(route, doubt);
        }
    }

    /// The message that a nonce stands for, if it is to be enforced.
    fn known_nonce(&self, state: &State, bot: &BotState, body: &Map<String, Value>) -> Option<FakeMessage> {
        let nonce = given(body, "nonce").filter(|_| body.get("enforce_nonce") == Some(&Value::Bool(true)))?;
        let oldest = self.now() - jiff::SignedDuration::from_mins(NONCE_MINUTES);
        let mut all = state.nonces.iter().rev();
        let known = all.find(|known| known.author == bot.user && known.nonce == *nonce && known.since > oldest)?;
        state.message(known.message).cloned()
    }
}

/// What a form says, without its files.
pub(crate) fn draft(channel: Snowflake, author: Author, body: &Map<String, Value>, default: Allowed) -> Draft {
    let allowed = Allowed::parse(body.get("allowed_mentions").unwrap_or(&Value::Null), default);
    let mut draft = Draft::new(channel, author, allowed);
    text(body, "content").clone_into(&mut draft.content);
    draft.embeds = rich(list(body, "embeds"));
    draft.components = list(body, "components");
    draft.poll = given(body, "poll").cloned();
    draft.flags = given(body, "flags").and_then(Value::as_u64).unwrap_or_default();
    draft
}

/// Embeds as they stand in a message.
fn rich(embeds: Vec<Value>) -> Vec<Value> {
    let mut embeds = embeds;
    for embed in &mut embeds {
        embed["type"] = Value::from("rich");
    }
    embeds
}

/// What a form makes of a message. `default`: whom the text pings if the form does not say.
pub(crate) fn change(
    known: &FakeMessage,
    body: &Map<String, Value>,
    files: Files,
    default: Allowed,
) -> Result<Change, Refusal> {
    let new_text = body.contains_key("content");
    let embeds = body.contains_key("embeds").then(|| rich(list(body, "embeds")));
    let components = body.contains_key("components").then(|| list(body, "components"));
    let content = new_text.then(|| text(body, "content").to_owned());
    let no_files = files.new.is_empty() && files.kept.as_ref().map_or(known.files.len(), Vec::len) == 0;
    let nothing = content.as_ref().unwrap_or(&known.content).trim().is_empty()
        && embeds.as_ref().unwrap_or(&known.embeds).is_empty()
        && components.as_ref().unwrap_or(&known.components).is_empty();
    if nothing && no_files && known.poll.is_none() {
        return Err(Refusal::empty_message());
    }
    // Of the flags, these can be changed; the second can only be set.
    let flags = given(body, "flags")
        .and_then(Value::as_u64)
        .map(|flags| (known.flags & !SUPPRESS_EMBEDS) | (flags & (SUPPRESS_EMBEDS | IS_COMPONENTS_V2)));
    let said = body.get("allowed_mentions").unwrap_or(&Value::Null);
    let allowed = new_text.then(|| Allowed::parse(said, default));
    Ok(Change { content, embeds, components, flags, kept: files.kept, new_files: files.new, allowed })
}

/// Refuses where nothing may be changed: in archived threads, and in locked ones without the permission.
pub(crate) fn may_change(state: &State, channel: Snowflake, may_manage: bool) -> Result<(), Refusal> {
    match state.channel(channel) {
        Some(thread) if thread.locked && !may_manage => Err(Refusal::locked_thread()),
        Some(thread) if thread.archived => Err(Refusal::archived_thread()),
        _ => Ok(()),
    }
}

fn may_write(state: &State, bot: &BotState, channel: Snowflake, with_files: bool) -> Result<(), Refusal> {
    let found = seen(state, bot, channel)?;
    if found.kind == ChannelKind::Forum {
        return Err(Refusal::no_text_channel());
    }
    let in_thread = found.kind.is_thread();
    let send = if in_thread { Permission::SendMessagesInThreads } else { Permission::SendMessages };
    need(state, bot, channel, send)?;
    if with_files {
        need(state, bot, channel, Permission::AttachFiles)?;
    }
    if found.locked && !state.may(bot.user, channel, Permission::ManageThreads) {
        return Err(Refusal::locked_thread());
    }
    Ok(())
}

/// What a new message of a bot refers to.
fn reference(
    state: &State,
    bot: &BotState,
    channel: Snowflake,
    body: &Map<String, Value>,
) -> Result<Option<Reference>, Refusal> {
    let Some(said) = given(body, "message_reference") else { return Ok(None) };
    let id = |key: &str| said[key].as_str().and_then(|id| id.parse::<Snowflake>().ok());
    let forward = said["type"].as_u64() == Some(1);
    let other = id("channel_id").unwrap_or(channel);
    let wrong = |code: &str, message: &str| Err(Refusal::invalid_field("message_reference", code, message));
    if !forward && other != channel {
        return wrong("REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", "Cannot reply to a message of another channel");
    }
    need(state, bot, other, Permission::ReadMessageHistory)?;
    match id("message_id").filter(|id| state.message_in(other, *id).is_some()) {
        Some(message) => Ok(Some(Reference { forward, message, channel: other })),
        None if forward || said["fail_if_not_exists"].as_bool() != Some(false) => {
            wrong("REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        }
        None => Ok(None),
    }
}
