//! Incoming Webhooks: `POST /hooks/{id}/{token}`.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};

use super::inside::Inside;
use super::limits::Allowance;
use super::posting::Draft;
use super::refusal::Refusal;
use super::shape::text;
use super::state::Permission;

/// How an Incoming Webhook is set up.
#[derive(Debug, Clone, Default)]
pub struct HookOptions {
    /// Whether a post may name another channel.
    pub allow_override: bool,
    /// The name under which it posts, if a post names none.
    pub alias: Option<String>,
    /// The picture with which it posts, if a post names none.
    pub avatar: Option<String>,
}

/// An Incoming Webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingHook {
    /// The id of the integration, which marks its posts.
    pub id: String,
    /// Where to post.
    pub url: String,
}

#[derive(Debug, Clone)]
pub(crate) struct HookState {
    pub(crate) id: String,
    pub(crate) token: String,
    /// `#name`, `@user` or a room id, as an administrator entered it.
    pub(crate) channel: String,
    /// The id of the account.
    pub(crate) post_as: String,
    pub(crate) enabled: bool,
    pub(crate) options: HookOptions,
}

impl HookState {
    /// Where a post goes.
    fn channels(&self, body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
        let Some(named) = body.get("channel").or_else(|| body.get("roomId")) else {
            return Ok(vec![self.channel.clone()]);
        };
        if !self.options.allow_override {
            return Err(Refusal::plain("overriding destination channel is disabled for this integration"));
        }
        let names = match named {
            Value::String(name) => vec![name.clone()],
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        if names.is_empty() { Err(Refusal::meteor("error-invalid-room", "Invalid room")) } else { Ok(names) }
    }
}

impl Inside {
    /// Takes a post to an Incoming Webhook.
    pub(crate) fn hook(self: &Arc<Self>, path: &str, headers: &HeaderMap, body: &Bytes) -> Result<Value, Refusal> {
        let parts: Vec<&str> = path.trim_start_matches("/hooks/").split('/').collect();
        // An old form has the user's id between the two.
        let ([id, token] | [id, _, token]) = parts[..] else { return Err(bad_token()) };
        let hook = self.state().incoming.iter().find(|hook| hook.id == id && hook.token == token).cloned();
        let hook = hook.ok_or_else(bad_token)?;
        if !hook.enabled {
            return Err(Refusal::json(StatusCode::SERVICE_UNAVAILABLE, json!("Service Unavailable")));
        }
        let author = self.state().account(&hook.post_as).cloned().ok_or_else(Refusal::unauthorized)?;
        let body = parse(headers, body)?;
        if body.is_empty() {
            return Ok(json!({ "success": true }));
        }
        if self.script.hooks_need_impersonation && !author.may(Permission::Impersonate) {
            return Err(Refusal::plain("error-user-lacks-message-impersonate-permission"));
        }
        let channels = hook.channels(&body)?;
        let outcomes: Vec<(String, Result<Value, Refusal>)> = channels
            .into_iter()
            .map(|channel| {
                let posted = self.hook_post(&hook, &channel, &body).map_err(bare);
                (channel, posted)
            })
            .collect();
        if self.script.knows_separate_response() && body.get("separateResponse") == Some(&Value::Bool(true)) {
            return separate(outcomes);
        }
        for (_, outcome) in outcomes {
            outcome?;
        }
        Ok(json!({ "success": true }))
    }

    fn hook_post(
        self: &Arc<Self>,
        hook: &HookState,
        channel: &str,
        body: &Map<String, Value>,
    ) -> Result<Value, Refusal> {
        let now = self.now();
        let room = {
            let mut state = self.state();
            let room = state
                .destination(&hook.post_as, channel, now)
                .ok_or_else(|| Refusal::meteor("error-invalid-room", "Invalid room"))?;
            if let Some(room) = state.room_mut(&room)
                && room.kind == super::state::RoomKind::Public
                && !room.has(&hook.post_as)
            {
                room.members.push(hook.post_as.clone());
            }
            room
        };
        let first = |keys: [&str; 2]| keys.iter().find_map(|key| text(body, key)).filter(|value| !value.is_empty());
        let avatar = first(["icon_url", "avatar"]).map(str::to_owned);
        let emoji = first(["icon_emoji", "emoji"]).filter(|_| avatar.is_none()).map(str::to_owned);
        let avatar = avatar.or_else(|| hook.options.avatar.clone().filter(|_| emoji.is_none()));
        let draft = Draft {
            room,
            author: hook.post_as.clone(),
            text: first(["text", "msg"]).unwrap_or_default().trim().to_owned(),
            alias: first(["username", "alias"]).map(str::to_owned).or_else(|| hook.options.alias.clone()),
            avatar,
            emoji,
            attachments: body.get("attachments").and_then(Value::as_array).cloned().unwrap_or_default(),
            tmid: text(body, "tmid").map(str::to_owned),
            bot: Some(hook.id.clone()),
            quotes: body.get("parseUrls") != Some(&Value::Bool(false)),
            ..Draft::default()
        };
        self.post(draft).map(|message| message.to_json())
    }

    /// Counts a post against the hook's own limit.
    pub(crate) fn hook_allowance(&self, path: &str, client: IpAddr) -> Result<Option<Allowance>, (Refusal, Allowance)> {
        let Some(limit) = self.script.hook_limit else { return Ok(None) };
        let now = self.now().as_millisecond();
        let allowance = self.count(client, path, limit, now);
        if allowance.allowed { Ok(Some(allowance)) } else { Err((allowance.refusal(now), allowance)) }
    }
}

fn separate(outcomes: Vec<(String, Result<Value, Refusal>)>) -> Result<Value, Refusal> {
    let all_failed = outcomes.iter().all(|(_, outcome)| outcome.is_err());
    let responses: Vec<Value> = outcomes
        .into_iter()
        .map(|(channel, outcome)| match outcome {
            Ok(message) => json!({ "channel": channel, "message": message }),
            Err(refusal) => {
                let error = refusal.body.as_ref().and_then(|body| body.get("error")).cloned().unwrap_or_default();
                json!({ "channel": channel, "error": error })
            }
        })
        .collect();
    if all_failed {
        return Err(Refusal::json(StatusCode::BAD_REQUEST, json!({ "success": false, "responses": responses })));
    }
    Ok(json!({ "responses": responses, "success": true }))
}

/// JSON, or a form with the single field `payload`.
fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let payload = form.then(|| {
        let field = url::form_urlencoded::parse(body).find(|(key, _)| key == "payload");
        field.map(|(_, value)| value.into_owned()).unwrap_or_default()
    });
    let parsed = match &payload {
        Some(payload) => serde_json::from_str(payload),
        None => serde_json::from_slice(body),
    };
    match parsed {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::plain("Invalid JSON")),
    }
}

/// A hook answers with the code alone where REST says `reason [code]`.
fn bare(refusal: Refusal) -> Refusal {
    let code = refusal.body.as_ref().and_then(|body| body.get("errorType")).and_then(Value::as_str);
    code.map(Refusal::plain).unwrap_or(refusal)
}

fn bad_token() -> Refusal {
    let body = json!({ "success": false, "error": "Invalid integration id or token provided." });
    Refusal::json(StatusCode::INTERNAL_SERVER_ERROR, body)
}
