//! What the server does about what a client says.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::connection::{BAD_JSON, Connections, PROTOCOL_ERROR, Sub};
use super::realtime::Subscribed;
use crate::rocketchat::inside::Inside;
use crate::rocketchat::state::State;

/// The key of a subscription to every message that the account could read.
pub(crate) const MY_MESSAGES: &str = "__my_messages__";

/// How long a login lives, by what the server says: 90 days.
const TOKEN_LIFE_MS: i64 = 90 * 24 * 3600 * 1000;

impl Inside {
    /// A frame came; `None`: it was no text.
    pub(crate) fn hear_frame(&self, number: u64, text: Option<&str>) {
        let frame = text.and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_object);
        {
            let mut ddp = self.ddp.lock();
            match frame {
                Some(frame) => self.hear(&mut ddp, number, &frame),
                None => close(&mut ddp, number, BAD_JSON),
            }
        }
        self.changed();
    }

    fn hear(&self, ddp: &mut Connections, number: u64, frame: &Value) {
        let text = |key: &str| frame.get(key).and_then(Value::as_str);
        ddp.heard.push(without_secrets(frame.clone()));
        let Some(connection) = ddp.open.get_mut(&number).filter(|connection| !connection.over) else { return };
        let msg = text("msg").unwrap_or_default();
        if !connection.connected && msg != "connect" {
            return connection.close(PROTOCOL_ERROR);
        }
        match msg {
            "connect" if text("version") == Some("1") => {
                connection.connected = true;
                connection.say(&json!({ "msg": "connected", "session": format!("session{number}") }));
            }
            "connect" => connection.say(&json!({ "msg": "failed", "version": "1" })),
            "ping" => {
                let mut pong = json!({ "msg": "pong" });
                if let Some(id) = frame.get("id") {
                    pong["id"] = id.clone();
                }
                connection.say(&pong);
            }
            "method" => {
                let (Some(id), Some(method)) = (text("id"), text("method")) else {
                    return connection.close(PROTOCOL_ERROR);
                };
                let params = frame["params"].as_array().map(Vec::as_slice).unwrap_or_default();
                let outcome = match method {
                    "login" => self.ddp_login(params.first().unwrap_or(&Value::Null)).inspect(|result| {
                        connection.user = result["id"].as_str().map(str::to_owned);
                        ddp.logins += 1;
                    }),
                    "stream-notify-room" => may_type(&self.state(), connection.user.as_deref(), params),
                    _ => Err(error(&json!(404), &format!("Method '{method}' not found"))),
                };
                let done = outcome.is_ok();
                connection.say(&match outcome {
                    Ok(Value::Null) => json!({ "msg": "result", "id": id }),
                    Ok(result) => json!({ "msg": "result", "id": id, "result": result }),
                    Err(error) => json!({ "msg": "result", "id": id, "error": error }),
                });
                connection.say(&json!({ "msg": "updated", "methods": [id] }));
                if let ("stream-notify-room", true, [key, said @ ..]) = (method, done, params) {
                    // Whoever said it is not told.
                    tell_activity(ddp, Some(number), key.as_str().unwrap_or_default(), said);
                }
            }
            "sub" => {
                let (Some(id), Some(stream)) = (text("id"), text("name")) else {
                    return connection.close(PROTOCOL_ERROR);
                };
                let key = frame.pointer("/params/0").and_then(Value::as_str).unwrap_or_default();
                let refused = refusal(&self.state(), connection.user.as_deref(), stream, key);
                if let Some(error) = &refused {
                    connection.say(&json!({ "msg": "nosub", "id": id, "error": error }));
                } else {
                    let sub = Sub { id: id.to_owned(), stream: stream.to_owned(), key: key.to_owned() };
                    connection.subs.push(sub);
                    connection.say(&json!({ "msg": "ready", "subs": [id] }));
                }
                ddp.subscribed.push(Subscribed {
                    connection: number,
                    stream: stream.to_owned(),
                    key: key.to_owned(),
                    refused: refused.is_some(),
                });
            }
            "unsub" => {
                let Some(id) = text("id") else { return connection.close(PROTOCOL_ERROR) };
                connection.subs.retain(|sub| sub.id != id);
                connection.say(&json!({ "msg": "nosub", "id": id }));
            }
            _ => {}
        }
    }

    /// A personal access token or a session's, or a user name with the digest of a password.
    fn ddp_login(&self, wish: &Value) -> Result<Value, Value> {
        let text = |pointer: &str| wish.pointer(pointer).and_then(Value::as_str);
        let expires = json!({ "$date": self.now().as_millisecond() + TOKEN_LIFE_MS });
        let mut state = self.state();
        if let Some(resume) = text("/resume") {
            let account = state.tokens.get(resume).cloned();
            let logged_out = "You've been logged out by the server. Please log in again.";
            let account = account.ok_or_else(|| error(&json!(403), logged_out))?;
            return Ok(json!({ "id": account, "token": resume, "tokenExpires": expires, "type": "resume" }));
        }
        let digest = text("/password/digest").filter(|_| text("/password/algorithm") == Some("sha-256"));
        let account = text("/user/username").and_then(|name| state.account_named(name)).cloned();
        let account = account.filter(|account| {
            let right = account.password.as_ref().map(|password| format!("{:x}", Sha256::digest(password)));
            right.is_some() && right.as_deref() == digest
        });
        let account = account.ok_or_else(|| error(&json!(403), "User not found"))?;
        let token = state.new_id("session-token-");
        state.tokens.insert(token.clone(), account.id.clone());
        Ok(json!({ "id": account.id, "token": token, "tokenExpires": expires, "type": "password" }))
    }
}

/// Whether somebody may say what they do in a room: it must be told under their own name.
fn may_type(state: &State, user: Option<&str>, params: &[Value]) -> Result<Value, Value> {
    let activity = params.first().and_then(Value::as_str).is_some_and(|key| key.ends_with("/user-activity"));
    let own = user
        .and_then(|user| state.account(user))
        .is_some_and(|account| params.get(1) == Some(&json!(account.username)));
    if activity && own { Ok(Value::Null) } else { Err(error(&json!("not-allowed"), "Not allowed")) }
}

/// Tells everybody who subscribed to it, apart from one connection, what somebody does in a room.
pub(crate) fn tell_activity(ddp: &mut Connections, apart_from: Option<u64>, key: &str, said: &[Value]) {
    for (_, connection) in ddp.open.iter_mut().filter(|(number, _)| Some(**number) != apart_from) {
        if connection.subs.iter().any(|sub| sub.stream == "stream-notify-room" && sub.key == key) {
            let fields = json!({ "eventName": key, "args": said });
            let frame = json!({ "msg": "changed", "collection": "stream-notify-room", "id": "id", "fields": fields });
            connection.say(&frame);
        }
    }
}

/// Why somebody may not subscribe.
fn refusal(state: &State, user: Option<&str>, stream: &str, key: &str) -> Option<Value> {
    let (place, what) = key.split_once('/').unwrap_or((key, ""));
    let room = state.room(place);
    let allowed = match (user, stream, what) {
        (Some(_), "stream-room-messages", "") if key == MY_MESSAGES => true,
        (Some(user), "stream-room-messages", "") => room.is_some_and(|room| room.readable_by(user)),
        (Some(user), "stream-notify-room", "deleteMessage" | "deleteMessageBulk" | "user-activity") => {
            room.is_some_and(|room| room.has(user))
        }
        (Some(user), "stream-notify-user", "subscriptions-changed" | "rooms-changed" | "message") => user == place,
        (_, "stream-room-messages" | "stream-notify-room" | "stream-notify-user", _) => false,
        _ => return Some(error(&json!(404), &format!("Subscription '{stream}' not found"))),
    };
    (!allowed).then(|| error(&json!("not-allowed"), "Not allowed"))
}

fn close(ddp: &mut Connections, number: u64, code: u16) {
    if let Some(connection) = ddp.open.get_mut(&number) {
        connection.close(code);
    }
}

fn error(code: &Value, reason: &str) -> Value {
    let shown = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
    json!({
        "isClientSafe": true, "error": code, "reason": reason, "message": format!("{reason} [{shown}]"),
        "errorType": "Meteor.Error",
    })
}

/// What is remembered of a frame: who logs in, but not with what.
fn without_secrets(mut frame: Value) -> Value {
    if frame["method"] == "login"
        && let Some(params) = frame.get_mut("params")
    {
        *params = json!("hidden");
    }
    frame
}
