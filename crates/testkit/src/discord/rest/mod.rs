//! The REST API: who calls, whether they may, what goes wrong, and what comes back.

mod body;
mod form;
mod guilds;
mod message_form;
mod messages;
mod reactions;
mod webhook_messages;
mod webhooks;
mod writing;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use http::{Request, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Map, Value};

use self::body::Given;
use super::fault::Fault;
use super::inside::{Inside, lock};
use super::limits::Counted;
use super::permission::Permission;
use super::refusal::{Refusal, any_answer, json_answer};
use super::route::{Route, Target};
use super::snowflake::Snowflake;
use super::state::{BotState, ChannelState, State};
use crate::port::{Answer, Hangup, Serve, truncated};

/// A call that was let in.
pub(crate) struct Call {
    target: Target,
    query: Vec<(String, String)>,
    given: Given,
    /// The bot that calls; `None` where a webhook's token is enough.
    bot: Option<BotState>,
}

impl Call {
    /// An id of the path.
    fn id(&self, at: usize, name: &str) -> Result<Snowflake, Refusal> {
        form::id(name, self.target.parameter(at))
    }

    /// A parameter of the query.
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// An id of the query.
    fn query_id(&self, name: &str) -> Result<Option<Snowflake>, Refusal> {
        self.query(name).map(|said| form::id(name, said)).transpose()
    }

    fn json(&self) -> Map<String, Value> {
        self.given.json.clone().unwrap_or_default()
    }

    fn bot(&self) -> Result<&BotState, Refusal> {
        self.bot.as_ref().ok_or_else(Refusal::unauthorized)
    }
}

#[async_trait]
impl Serve for Inside {
    async fn serve(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Result<Answer, Hangup> {
        if matches!(request.uri().path().trim_end_matches('/'), "/gateway" | "/gateway/resume") {
            return Ok(self.gateway.serve(request));
        }
        let (head, body) = request.into_parts();
        let target = Target::of(&head.method, head.uri.path());
        let number = self.record(target.route, &head);
        let caller = token(&head).map_or_else(|| peer.ip().to_string(), str::to_owned);
        let webhook_channel = (target.route == Route::ExecuteWebhook).then(|| self.webhook_channel(&target)).flatten();
        let counted = |now_ms| Counted {
            target: &target,
            caller: &caller,
            connection: peer,
            webhook_channel: webhook_channel.clone(),
            now_ms,
        };
        let is_api = target.route != Route::Cdn;
        if is_api {
            lock(&self.ledger).arrive(&counted(self.now().as_millisecond()));
        }
        let fault = self.faults.take(target.route);
        match &fault {
            Some(Fault::DropBefore) => return Err(Hangup),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Delay(delay)) => tokio::time::sleep(*delay).await,
            _ => {}
        }
        let given = self.read(target.route, &head, body).await?;
        if let Ok(given) = &given {
            self.record_more(number, |request| {
                request.body = given.json.clone().map(Value::Object);
                request.files = given.files.iter().map(|file| (file.number, file.name.clone())).collect();
                request.length = given.length;
            });
        }
        let mut answer = match fault.as_ref().and_then(|fault| self.scripted(fault, &counted)) {
            Some(answer) => answer,
            None if is_api => self.api(&head, given, &counted).unwrap_or_else(|refusal| refusal.answer()),
            None => self.cdn(&head).await.unwrap_or_else(|refusal| refusal.answer()),
        };
        match fault {
            Some(Fault::DropAfter) => return Err(Hangup),
            Some(Fault::HangAfter) => std::future::pending().await,
            Some(Fault::BadGatewayAfter) => answer = Refusal::bad_gateway().answer(),
            Some(Fault::AnswerAfter { status, body }) => answer = any_answer(status, &body),
            Some(Fault::Truncated) => answer = truncated(answer).await?,
            _ => {}
        }
        if is_api {
            lock(&self.ledger).note_answer(&answer);
        }
        self.record_more(number, |request| request.status = Some(answer.status().as_u16()));
        Ok(answer)
    }
}

/// The token of `Authorization: Bot …`.
fn token(head: &Parts) -> Option<&str> {
    head.headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bot ")
}

/// Whether a caller names itself as Discord wants bots to: `DiscordBot (url, version)`.
fn names_itself(head: &Parts) -> bool {
    let said = head.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let inner = said.strip_prefix("DiscordBot (").and_then(|rest| rest.split_once(')'));
    inner
        .and_then(|(inner, _)| inner.split_once(", "))
        .is_some_and(|(url, version)| !url.is_empty() && !version.is_empty())
}

impl Inside {
    /// The URL of the gateway.
    pub(crate) fn gateway_url(&self) -> String {
        format!("{}/gateway", self.links.origin.replacen("http", "ws", 1))
    }

    /// The answer that a fault stands for, if nothing is processed.
    fn scripted<'a>(&self, fault: &Fault, counted: &impl Fn(i64) -> Counted<'a>) -> Option<Answer> {
        match fault {
            Fault::Unauthorized => Some(Refusal::unauthorized().answer()),
            Fault::BadGateway => Some(Refusal::bad_gateway().answer()),
            Fault::Answer { status, body } => Some(any_answer(*status, body)),
            Fault::TooManyRequests { retry_after, scope } => {
                let (mut ledger, limits) = (lock(&self.ledger), *lock(&self.limits));
                let call = counted(self.now().as_millisecond());
                let allowance = ledger.peek(&limits, &call);
                Some(ledger.refuse(&call, *retry_after, *scope, &allowance))
            }
            _ => None,
        }
    }

    fn api<'a>(
        &self,
        head: &Parts,
        given: Result<Given, Refusal>,
        counted: &impl Fn(i64) -> Counted<'a>,
    ) -> Result<Answer, Refusal> {
        let now_ms = self.now().as_millisecond();
        let call = counted(now_ms);
        let target = call.target.clone();
        if !names_itself(head) {
            return Err(Refusal::blocked());
        }
        if target.route == Route::Unknown {
            return Err(Refusal::no_route());
        }
        let bot = self.bot_of(head);
        if bot.is_none() && !target.route.is_open() {
            return Err(Refusal::unauthorized());
        }
        let allowance = match lock(&self.ledger).count(&lock(&self.limits), &call) {
            Ok(allowance) => allowance,
            Err(answer) => return Ok(*answer),
        };
        let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        let query: Vec<_> = query.into_owned().collect();
        self.note_query(target.route, &query);
        let done = given.and_then(|given| self.answer(Call { target, query, given, bot }));
        let mut answer = done.unwrap_or_else(|refusal| refusal.answer());
        allowance.put(answer.headers_mut(), now_ms);
        Ok(answer)
    }

    fn bot_of(&self, head: &Parts) -> Option<BotState> {
        let token = token(head).filter(|token| !self.gateway.token_was_reset(token))?;
        self.state().bot_of_token(token).cloned()
    }

    fn webhook_channel(&self, target: &Target) -> Option<String> {
        let state = self.state();
        let webhook = state.webhooks.iter().find(|webhook| webhook.id.to_string() == target.parameter(0))?;
        Some(webhook.channel.to_string())
    }

    /// Notes what stands in a query and does nothing.
    fn note_query(&self, route: Route, query: &[(String, String)]) {
        let known: &[&str] = match route {
            Route::Messages => &["limit", "after", "before", "around"],
            Route::ExecuteWebhook => &["wait", "thread_id", "with_components"],
            Route::WebhookMessage | Route::DeleteWebhookMessage => &["thread_id"],
            Route::EditWebhookMessage => &["thread_id", "with_components"],
            Route::MyGuilds => &["limit", "after", "before", "with_counts"],
            Route::Guild => &["with_counts"],
            Route::SearchMembers => &["query", "limit"],
            _ => &[],
        };
        for (key, _) in query.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            self.note(route, format!("the query's key {key:?} is not known"));
        }
    }

    fn answer(&self, call: Call) -> Result<Answer, Refusal> {
        let value = match call.target.route {
            Route::Gateway => self.gateway_address(),
            Route::GatewayBot => self.gateway_for(&call)?,
            Route::Me => self.me(&call)?,
            Route::MyGuilds => self.my_guilds(&call)?,
            Route::Application => self.application(&call)?,
            Route::Guild => self.guild(&call)?,
            Route::GuildChannels => self.guild_channels(&call)?,
            Route::GuildRoles => self.guild_roles(&call)?,
            Route::GuildMember => self.guild_member(&call)?,
            Route::SearchMembers => self.search_members(&call)?,
            Route::GuildWebhooks => self.guild_webhooks(&call)?,
            Route::ActiveThreads => self.active_threads(&call)?,
            Route::Channel => self.channel(&call)?,
            Route::Messages => self.list_messages(&call)?,
            Route::Message => self.get_message(&call)?,
            Route::CreateMessage => self.create_message(call)?,
            Route::EditMessage => self.edit_message(call)?,
            Route::DeleteMessage => return self.delete_message(&call),
            Route::BulkDelete => return self.bulk_delete(&call),
            Route::AddReaction => return self.add_reaction(&call),
            Route::RemoveReaction => return self.remove_reaction(&call),
            Route::Typing => return self.typing(&call),
            Route::ChannelWebhooks => self.channel_webhooks(&call)?,
            Route::CreateWebhook => self.create_webhook(&call)?,
            Route::Webhook | Route::WebhookByToken => self.get_webhook(&call)?,
            Route::ModifyWebhook | Route::ModifyWebhookByToken => self.modify_webhook(&call)?,
            Route::DeleteWebhook | Route::DeleteWebhookByToken => return self.remove_webhook(&call),
            Route::ExecuteWebhook => return self.execute_webhook(call),
            Route::WebhookMessage => self.webhook_message(&call)?,
            Route::EditWebhookMessage => self.edit_webhook_message(call)?,
            Route::DeleteWebhookMessage => return self.delete_webhook_message(&call),
            Route::Cdn | Route::Unknown => return Err(Refusal::no_route()),
        };
        Ok(json_answer(StatusCode::OK, &value))
    }
}

/// The channel, if a bot sees it.
fn seen<'a>(state: &'a State, bot: &BotState, channel: Snowflake) -> Result<&'a ChannelState, Refusal> {
    let found = state.channel(channel).ok_or_else(Refusal::unknown_channel)?;
    if state.may(bot.user, channel, Permission::ViewChannel) { Ok(found) } else { Err(Refusal::missing_access()) }
}

/// Refuses unless a bot sees a channel and has a permission there.
fn need(state: &State, bot: &BotState, channel: Snowflake, permission: Permission) -> Result<(), Refusal> {
    seen(state, bot, channel)?;
    if state.may(bot.user, channel, permission) { Ok(()) } else { Err(Refusal::missing_permissions()) }
}
