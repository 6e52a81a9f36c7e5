//! Outgoing Webhooks: whom the server calls when a message was posted, and what it makes of the answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::inside::Inside;
use super::message::{FakeMessage, iso};
use super::posting::Draft;
use super::state::{RoomKind, RoomState, State};
use crate::caller;

/// An Outgoing Webhook.
#[derive(Debug, Clone)]
pub struct OutgoingHook {
    /// `all_public_channels`, `all_private_groups`, `all_direct_messages`, `#name`, `#rid`, `@username`, `@uid`.
    /// Blank: public channels only.
    pub channels: Vec<String>,
    /// Whom to call; each of them gets every message.
    pub urls: Vec<String>,
    /// The secret in the body.
    pub token: String,
    /// When a failed call is made again.
    pub retry: Retry,
    /// Whether edits are told too; the admin form's default is yes.
    pub run_on_edits: bool,
    /// What is told.
    pub event: HookEvent,
    /// The username of the account that the answers are posted as.
    pub post_as: String,
}

impl Default for OutgoingHook {
    fn default() -> Self {
        let all = ["all_public_channels", "all_private_groups", "all_direct_messages"];
        Self {
            channels: all.map(str::to_owned).into(),
            urls: Vec::new(),
            token: String::new(),
            retry: Retry::After(vec![Duration::from_millis(1); 6]),
            run_on_edits: true,
            event: HookEvent::SendMessage,
            post_as: "rocket.cat".to_owned(),
        }
    }
}

/// What an Outgoing Webhook is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookEvent {
    /// Every message, also that of a file (without the file).
    SendMessage,
    /// Messages with files, whole.
    FileUploaded,
}

/// When a failed call is made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// Never.
    Off,
    /// After each of these times. The real server's are 0.1 s, 1 s, 10 s, 100 s…
    After(Vec<Duration>),
    /// So many times, each when [`FakeRocketChat::retry_once`](super::FakeRocketChat::retry_once) says so.
    ByHand(usize),
}

/// One call to a webhook, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCall {
    /// Whom the server called.
    pub url: String,
    /// Which message it was about.
    pub message_id: String,
    /// 1 for the first call, 2 for its first repeat.
    pub attempt: usize,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// What the server makes of it.
    pub verdict: HookVerdict,
}

/// What the server makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookVerdict {
    /// Taken.
    Taken,
    /// Taken, and the answer was posted as a message.
    Posted,
    /// Failed; it is called again, if the hook says so.
    Failed,
    /// Failed, and never called again: 500, or no connection.
    GivenUp,
    /// 410: the integration is disabled.
    Disabled,
}

/// An Outgoing Webhook with its state.
#[derive(Debug, Clone)]
pub(crate) struct HookCalls {
    pub(crate) id: String,
    pub(crate) hook: OutgoingHook,
    pub(crate) enabled: bool,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    Posted,
    Edited,
}

/// How long the real server waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Calls every webhook that listens. Nothing waits for the calls, and their order is not kept.
pub(crate) fn fire(inside: &Arc<Inside>, message: &FakeMessage, happening: Happening) {
    let calls: Vec<(HookCalls, Value)> = {
        let state = inside.state();
        let Some(room) = state.room(&message.room) else { return };
        state
            .outgoing
            .iter()
            .filter(|calls| calls.enabled && listens(&state, &calls.hook, room, message, happening))
            .map(|calls| (calls.clone(), payload(inside, calls, room, message, happening)))
            .collect()
    };
    for (calls, payload) in calls {
        for url in calls.hook.urls.clone() {
            let body = Bytes::from(payload.to_string());
            let task = call(Arc::clone(inside), calls.clone(), url, body, message.clone());
            inside.spawn(task);
        }
    }
}

fn listens(state: &State, hook: &OutgoingHook, room: &RoomState, message: &FakeMessage, happening: Happening) -> bool {
    let wanted = match hook.event {
        HookEvent::SendMessage => happening == Happening::Posted || hook.run_on_edits,
        HookEvent::FileUploaded => happening == Happening::Posted && !message.files.is_empty(),
    };
    let blank = hook.channels.iter().all(|channel| channel.trim().is_empty());
    let selected = |selector: &String| match selector.as_str() {
        "all_public_channels" => room.kind == RoomKind::Public,
        "all_private_groups" => room.kind == RoomKind::Private,
        "all_direct_messages" => room.kind == RoomKind::Direct,
        other => match (other.strip_prefix('#'), other.strip_prefix('@')) {
            (Some(name), _) => room.id == name || (room.kind != RoomKind::Direct && room.name == name),
            (_, Some(user)) => {
                // The sender's own name is skipped.
                room.kind == RoomKind::Direct
                    && message.user != user
                    && state
                        .account_named(user)
                        .or_else(|| state.account(user))
                        .is_some_and(|account| room.has(&account.id) && account.id != message.user_id)
            }
            _ => false,
        },
    };
    wanted && if blank { room.kind == RoomKind::Public } else { hook.channels.iter().any(selected) }
}

fn payload(inside: &Inside, calls: &HookCalls, room: &RoomState, message: &FakeMessage, happening: Happening) -> Value {
    let bot = match &message.bot {
        Some(integration) if inside.script.bot_flag_as_object => json!({ "i": integration }),
        flag => json!(flag.is_some()),
    };
    let mut payload = json!({
        "token": calls.hook.token, "bot": bot, "channel_id": room.id, "message_id": message.id,
        "timestamp": iso(message.time), "user_id": message.user_id, "user_name": message.user, "text": message.text,
    });
    if room.kind != RoomKind::Direct {
        payload["channel_name"] = json!(room.name);
    }
    if let Some(alias) = &message.alias {
        payload["alias"] = json!(alias);
    }
    match calls.hook.event {
        HookEvent::SendMessage => {
            payload["siteUrl"] = json!(inside.url());
            if happening == Happening::Edited {
                payload["isEdited"] = json!(true);
            }
            if let Some(tmid) = &message.tmid {
                payload["tmid"] = json!(tmid);
            }
        }
        HookEvent::FileUploaded => {
            payload["user"] = json!({ "_id": message.user_id, "username": message.user, "name": message.user_name });
            payload["room"] = room.to_json();
            payload["message"] = message.to_json();
        }
    }
    payload
}

/// Calls one URL, as often as the rules want it.
async fn call(inside: Arc<Inside>, calls: HookCalls, url: String, body: Bytes, message: FakeMessage) {
    let headers = [("content-type", "application/json"), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/41")];
    for attempt in 1.. {
        let reply = caller::call(http::Method::POST, &url, &headers, body.clone(), ANSWER_WITHIN).await;
        let (status, verdict) = match &reply {
            Ok(reply) => (Some(reply.status.as_u16()), judge(&inside, &calls, &message, reply)),
            Err(error) => {
                tracing::debug!(%error, "An Outgoing Webhook had no answer");
                (None, HookVerdict::GivenUp)
            }
        };
        inside.called(HookCall { url: url.clone(), message_id: message.id.clone(), attempt, status, verdict });
        if verdict != HookVerdict::Failed {
            return;
        }
        match &calls.hook.retry {
            Retry::After(delays) if attempt <= delays.len() => tokio::time::sleep(delays[attempt - 1]).await,
            Retry::ByHand(times) if attempt <= *times => inside.retry_permit().await,
            _ => return,
        }
    }
}

fn judge(inside: &Arc<Inside>, calls: &HookCalls, message: &FakeMessage, reply: &caller::Reply) -> HookVerdict {
    if reply.body.is_empty() {
        return HookVerdict::Failed;
    }
    match reply.status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => post_answer(inside, calls, message, reply),
        StatusCode::GONE => {
            let mut state = inside.state();
            if let Some(hook) = state.outgoing.iter_mut().find(|hook| hook.id == calls.id) {
                hook.enabled = false;
            }
            HookVerdict::Disabled
        }
        StatusCode::INTERNAL_SERVER_ERROR => HookVerdict::GivenUp,
        _ => HookVerdict::Failed,
    }
}

/// An answer with a text or attachments is said in the room.
fn post_answer(inside: &Arc<Inside>, calls: &HookCalls, message: &FakeMessage, reply: &caller::Reply) -> HookVerdict {
    let json_type = reply
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("json"));
    let answer: Value = match serde_json::from_slice(&reply.body) {
        Ok(answer) if json_type => answer,
        _ => return HookVerdict::Taken,
    };
    let text = answer.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    let attachments = answer.get("attachments").and_then(Value::as_array).cloned().unwrap_or_default();
    if text.is_empty() && attachments.is_empty() {
        return HookVerdict::Taken;
    }
    let author = inside.state().account_named(&calls.hook.post_as).map(|account| account.id.clone());
    let Some(author) = author else { return HookVerdict::Taken };
    let draft = Draft {
        room: message.room.clone(),
        author,
        text,
        attachments,
        alias: answer.get("alias").and_then(Value::as_str).map(str::to_owned),
        bot: Some(calls.id.clone()),
        ..Draft::default()
    };
    if let Err(refusal) = inside.post(draft) {
        tracing::debug!(?refusal, "The answer of an Outgoing Webhook could not be posted");
        return HookVerdict::Taken;
    }
    HookVerdict::Posted
}
