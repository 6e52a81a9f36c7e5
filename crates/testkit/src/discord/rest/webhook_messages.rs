//! What a webhook writes, edits and deletes.

use http::StatusCode;
use serde_json::Value;

use super::super::inside::Inside;
use super::super::mention::Allowed;
use super::super::message::FakeMessage;
use super::super::posting::{Author, delete};
use super::super::refusal::{Refusal, json_answer, no_content};
use super::super::route::Route;
use super::super::snowflake::Snowflake;
use super::super::state::{ChannelKind, State, WebhookState};
use super::super::telling::Events;
use super::form::{given, text};
use super::message_form::{Form, check_message, is_empty};
use super::writing::{FLAGS, IS_COMPONENTS_V2, change, draft, may_change};
use super::{Call, form};
use crate::port::Answer;

impl Inside {
    pub(crate) fn execute_webhook(&self, call: Call) -> Result<Answer, Refusal> {
        let webhook = self.by_token(&mut self.state(), &call)?;
        let body = call.json();
        let thread = call.query_id("thread_id")?;
        let wait = match call.query("wait") {
            None | Some("false" | "False" | "0") => false,
            Some("true" | "True" | "1") => true,
            Some(_) => {
                let said = "Must be either true or false.";
                return Err(Refusal::invalid_field("wait", "BOOLEAN_TYPE_CONVERT", said));
            }
        };
        check_message(Form::Execute, &body)?;
        self.note_doubts(Route::ExecuteWebhook, &body, FLAGS);
        let files = self.files(Route::ExecuteWebhook, &body, call.given.files, &[])?;
        if is_empty(&body, files.new.len()) {
            return Err(Refusal::empty_message());
        }
        let name = Some(text(&body, "username").trim()).filter(|name| !name.is_empty()).unwrap_or(&webhook.name);
        let own =
            webhook.avatar.as_ref().map(|hash| format!("{}/avatars/{}/{hash}.png", self.links.origin, webhook.id));
        let avatar = given(&body, "avatar_url").and_then(Value::as_str).map(str::to_owned).or(own);
        let author = Author::Webhook { id: webhook.id, name: name.to_owned(), avatar };
        let message = self.act(|state, events| {
            let channel = self.place(state, events, &webhook, thread, text(&body, "thread_name"))?;
            let mut draft = draft(channel, author, &body, Allowed::users());
            draft.files = files.new;
            draft.application = webhook.application;
            let message = self.post(state, events, draft);
            Ok(self.viewing(state, None).message(&message))
        })?;
        Ok(if wait { json_answer(StatusCode::OK, &message) } else { no_content() })
    }

    /// Where a webhook writes: its channel, a thread of it, or a new thread in a forum.
    fn place(
        &self,
        state: &mut State,
        events: &mut Events,
        webhook: &WebhookState,
        thread: Option<Snowflake>,
        new_thread: &str,
    ) -> Result<Snowflake, Refusal> {
        let forum = state.channel(webhook.channel).is_some_and(|channel| channel.kind == ChannelKind::Forum);
        match thread {
            Some(_) if forum && !new_thread.is_empty() => Err(Refusal::forum_takes_one_thread()),
            _ if !forum && !new_thread.is_empty() => Err(Refusal::no_forum()),
            Some(thread) => {
                let found = state.channel(thread).filter(|thread| thread.parent == Some(webhook.channel));
                let found = found.ok_or_else(Refusal::unknown_channel)?;
                if found.locked { Err(Refusal::locked_thread()) } else { Ok(thread) }
            }
            None if forum && new_thread.is_empty() => Err(Refusal::forum_needs_thread()),
            None if forum => {
                let id = state.new_id(self.now());
                self.new_thread(state, events, id, (webhook.channel, webhook.id), new_thread);
                Ok(id)
            }
            None => Ok(webhook.channel),
        }
    }

    pub(crate) fn webhook_message(&self, call: &Call) -> Result<Value, Refusal> {
        let mut state = self.state();
        let webhook = self.by_token(&mut state, call)?;
        Ok(self.viewing(&state, None).message(own_message(&state, &webhook, call)?))
    }

    pub(crate) fn edit_webhook_message(&self, call: Call) -> Result<Value, Refusal> {
        let body = call.json();
        let known = {
            let mut state = self.state();
            let webhook = self.by_token(&mut state, &call)?;
            let known = own_message(&state, &webhook, &call)?.clone();
            may_change(&state, known.channel, false)?;
            known
        };
        check_message(Form::EditByWebhook, &body)?;
        self.note_doubts(Route::EditWebhookMessage, &body, FLAGS & IS_COMPONENTS_V2);
        let files = self.files(Route::EditWebhookMessage, &body, call.given.files, &known.files)?;
        let change = change(&known, &body, files, Allowed::users())?;
        self.act(|state, events| {
            let message = self.edit(state, events, known.id, change).ok_or_else(Refusal::unknown_message)?;
            Ok(self.viewing(state, None).message(&message))
        })
    }

    pub(crate) fn delete_webhook_message(&self, call: &Call) -> Result<Answer, Refusal> {
        self.act(|state, events| {
            let webhook = self.by_token(state, call)?;
            let message = own_message(state, &webhook, call)?;
            let (id, channel) = (message.id, message.channel);
            delete(state, events, channel, &[id]);
            Ok(no_content())
        })
    }

    /// The webhook of a path with a token. Who calls again one that was said not to exist is on the way to a ban.
    pub(crate) fn by_token(&self, state: &mut State, call: &Call) -> Result<WebhookState, Refusal> {
        let id = call.id(0, "webhook_id")?;
        let Some(webhook) = state.webhooks.iter().find(|webhook| webhook.id == id) else {
            if !state.known_dead.insert(id.to_string()) {
                self.note(call.target.route, format!("the webhook {id} was said not to exist, and is called again"));
            }
            return Err(Refusal::unknown_webhook());
        };
        // Only incoming webhooks have a token that anybody knows.
        if webhook.kind == 1 && webhook.token == call.target.parameter(1) {
            Ok(webhook.clone())
        } else {
            Err(Refusal::wrong_webhook_token())
        }
    }
}

/// The message of a path, if the webhook wrote it, and in the thread that the query names.
fn own_message<'a>(state: &'a State, webhook: &WebhookState, call: &Call) -> Result<&'a FakeMessage, Refusal> {
    let id = form::id("message_id", call.target.parameter(2))?;
    let channel = call.query_id("thread_id")?.unwrap_or(webhook.channel);
    let found = state.message_in(channel, id).filter(|message| message.webhook_id == Some(webhook.id));
    found.ok_or_else(Refusal::unknown_message)
}
