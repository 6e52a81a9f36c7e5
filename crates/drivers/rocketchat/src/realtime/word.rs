//! What goes over the socket.

use std::time::Duration;

use serde_json::{Value, json};
use tieline_core::secret::Secret;

/// The stream of rooms' messages.
pub(crate) const MESSAGES: &str = "stream-room-messages";
/// The stream of what else happens in rooms.
pub(crate) const ROOM: &str = "stream-notify-room";
/// The stream of what concerns an account.
pub(crate) const USER: &str = "stream-notify-user";
/// What of a room tells who types there.
pub(crate) const ACTIVITY: &str = "user-activity";
/// The key of every message that the account could read.
pub(crate) const MY_MESSAGES: &str = "__my_messages__";

/// What the server says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Word {
    /// The conversation begins.
    Connected,
    /// The server speaks no version of DDP that we speak.
    Unsupported,
    /// A call is answered: to a login, with our user id.
    Result(Result<String, CallError>),
    /// These subscriptions tell from now on.
    Ready(Vec<u64>),
    /// This subscription does not tell any more, or never did.
    NoSub { id: u64, why: String },
    /// Something happened.
    Changed(Changed),
    /// Wants this echoed.
    Ping(Option<Value>),
    /// Anything else: it shows that the server lives.
    Other,
}

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallError {
    /// Whether the credentials are wrong.
    pub(crate) credentials: bool,
    /// How long to wait before the next call, if the server says so.
    pub(crate) wait: Option<Duration>,
    pub(crate) why: String,
}

/// Something that a subscription tells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Changed {
    pub(crate) stream: String,
    /// What of the stream: a room's id, `{room}/deleteMessage`.
    pub(crate) key: String,
    pub(crate) args: Vec<Value>,
}

impl Word {
    /// Understands a frame; `None`: it is no JSON object.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut frame: Value = serde_json::from_str(text).ok().filter(Value::is_object)?;
        let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok());
        Some(match frame["msg"].as_str().unwrap_or_default() {
            "connected" => Self::Connected,
            "failed" => Self::Unsupported,
            "result" => match frame.get("error") {
                Some(error) => Self::Result(Err(CallError::read(error))),
                None => Self::Result(Ok(frame["result"]["id"].as_str().unwrap_or_default().to_owned())),
            },
            "ready" => Self::Ready(frame["subs"].as_array().into_iter().flatten().filter_map(id).collect()),
            "nosub" => match id(&frame["id"]) {
                Some(id) => Self::NoSub { id, why: CallError::read(&frame["error"]).why },
                None => Self::Other,
            },
            "changed" => {
                let fields = frame["fields"].take();
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                Self::Changed(Changed {
                    stream: text(&frame["collection"]),
                    key: text(&fields["eventName"]),
                    args: fields["args"].as_array().cloned().unwrap_or_default(),
                })
            }
            "ping" => Self::Ping(frame.get("id").cloned()),
            _ => Self::Other,
        })
    }
}

impl CallError {
    fn read(error: &Value) -> Self {
        let text = |key: &str| error[key].as_str().filter(|text| !text.is_empty());
        let wait = error.pointer("/details/timeToReset").and_then(Value::as_u64);
        Self {
            credentials: error["error"] == 403 || error["error"] == "403",
            wait: wait.map(Duration::from_millis),
            why: text("reason").or_else(|| text("message")).or_else(|| text("error")).unwrap_or("no reason").to_owned(),
        }
    }
}

/// What we say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Connect,
    /// Logs in with a personal access token, or that of a session.
    Login(Secret),
    Sub {
        id: u64,
        stream: &'static str,
        key: String,
    },
    Unsub(u64),
    /// Says in a room that the account of this name types there. The server drops it if that is another account's.
    Typing {
        room: String,
        username: String,
    },
    Ping,
    Pong(Option<Value>),
}

impl Command {
    pub(crate) fn text(&self) -> String {
        let frame = match self {
            Self::Connect => json!({ "msg": "connect", "version": "1", "support": ["1"] }),
            Self::Login(token) => {
                json!({ "msg": "method", "method": "login", "id": "login", "params": [{ "resume": token.reveal() }] })
            }
            Self::Sub { id, stream, key } => {
                let params = json!([key, { "useCollection": false, "args": [] }]);
                json!({ "msg": "sub", "id": id.to_string(), "name": stream, "params": params })
            }
            Self::Unsub(id) => json!({ "msg": "unsub", "id": id.to_string() }),
            Self::Typing { room, username } => {
                let params = json!([format!("{room}/{ACTIVITY}"), username, ["user-typing"], {}]);
                json!({ "msg": "method", "method": ROOM, "id": "typing", "params": params })
            }
            Self::Ping => json!({ "msg": "ping" }),
            Self::Pong(None) => json!({ "msg": "pong" }),
            Self::Pong(Some(id)) => json!({ "msg": "pong", "id": id }),
        };
        frame.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_the_reference_are_understood() {
        let read = |frame: Value| Word::read(&frame.to_string()).expect("an object");
        assert_eq!(read(json!({ "server_id": "0" })), Word::Other);
        assert_eq!(read(json!({ "msg": "connected", "session": "x" })), Word::Connected);
        assert_eq!(read(json!({ "msg": "failed", "version": "1" })), Word::Unsupported);
        assert_eq!(read(json!({ "msg": "ready", "subs": ["1", "x", "7"] })), Word::Ready(vec![1, 7]));
        assert_eq!(
            read(json!({ "msg": "result", "id": "login", "result": { "id": "u1", "token": "t" } })),
            Word::Result(Ok("u1".to_owned()))
        );
        let refused = json!({ "error": 403, "reason": "logged out", "message": "logged out [403]" });
        let Word::Result(Err(error)) = read(json!({ "msg": "result", "id": "login", "error": refused })) else {
            panic!("an error")
        };
        assert!(error.credentials && error.why == "logged out");
        let busy = json!({ "error": "too-many-requests", "reason": "slow down", "details": { "timeToReset": 4000 } });
        let Word::Result(Err(error)) = read(json!({ "msg": "result", "id": "login", "error": busy })) else {
            panic!("an error")
        };
        assert_eq!((error.credentials, error.wait), (false, Some(Duration::from_secs(4))));
        let not_allowed = json!({ "error": "not-allowed" });
        assert_eq!(
            read(json!({ "msg": "nosub", "id": "3", "error": not_allowed })),
            Word::NoSub { id: 3, why: "not-allowed".to_owned() }
        );
        assert_eq!(read(json!({ "msg": "ping", "id": "9" })), Word::Ping(Some(json!("9"))));
        let fields = json!({ "eventName": "R1", "args": [{ "_id": "m" }] });
        let changed = read(json!({ "msg": "changed", "collection": MESSAGES, "id": "id", "fields": fields }));
        let wanted = Changed { stream: MESSAGES.to_owned(), key: "R1".to_owned(), args: vec![json!({ "_id": "m" })] };
        assert_eq!(changed, Word::Changed(wanted));
        assert_eq!(Word::read("[]"), None);
        assert_eq!(Word::read("{"), None);
    }
}
