//! How Discord refuses: status and body, as it writes them.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::port::{Answer, bytes_body};

/// The page that Cloudflare puts before a caller that it does not like.
const BLOCKED: &str = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body><h1>Sorry, \
                       you have been blocked</h1></body></html>";

/// The page that Cloudflare shows where Discord does not answer it.
const BAD_GATEWAY: &str = "<!DOCTYPE html><html><head><title>discord.com | 502: Bad gateway</title></head><body><h1>Bad \
                           gateway</h1></body></html>";

/// A refused call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// A JSON body.
    Json(StatusCode, Value),
    /// A page.
    Html(StatusCode, String),
}

impl Refusal {
    fn coded(status: StatusCode, code: u64, message: &str) -> Self {
        Self::Json(status, json!({ "message": message, "code": code }))
    }

    /// A 404 by its code.
    fn unknown(code: u64, what: &str) -> Self {
        Self::coded(StatusCode::NOT_FOUND, code, &format!("Unknown {what}"))
    }

    pub(crate) fn unauthorized() -> Self {
        Self::coded(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized")
    }

    pub(crate) fn no_route() -> Self {
        Self::coded(StatusCode::NOT_FOUND, 0, "404: Not Found")
    }

    pub(crate) fn blocked() -> Self {
        Self::Html(StatusCode::FORBIDDEN, BLOCKED.to_owned())
    }

    pub(crate) fn bad_gateway() -> Self {
        Self::Html(StatusCode::BAD_GATEWAY, BAD_GATEWAY.to_owned())
    }

    pub(crate) fn unknown_channel() -> Self {
        Self::unknown(10003, "Channel")
    }

    pub(crate) fn unknown_guild() -> Self {
        Self::unknown(10004, "Guild")
    }

    pub(crate) fn unknown_member() -> Self {
        Self::unknown(10007, "Member")
    }

    pub(crate) fn unknown_message() -> Self {
        Self::unknown(10008, "Message")
    }

    pub(crate) fn unknown_webhook() -> Self {
        Self::unknown(10015, "Webhook")
    }

    pub(crate) fn unknown_emoji() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 10014, "Unknown Emoji")
    }

    pub(crate) fn too_many_webhooks(most: usize) -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 30007, &format!("Maximum number of webhooks reached ({most})"))
    }

    pub(crate) fn too_many_reactions(most: usize) -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 30010, &format!("Maximum number of reactions reached ({most})"))
    }

    pub(crate) fn too_many_attachments(most: usize) -> Self {
        Self::coded(
            StatusCode::BAD_REQUEST,
            30015,
            &format!("Maximum number of attachments in a message reached ({most})"),
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::coded(StatusCode::PAYLOAD_TOO_LARGE, 40005, "Request entity too large")
    }

    pub(crate) fn missing_access() -> Self {
        Self::coded(StatusCode::FORBIDDEN, 50001, "Missing Access")
    }

    pub(crate) fn not_the_author() -> Self {
        Self::coded(StatusCode::FORBIDDEN, 50005, "Cannot edit a message authored by another user")
    }

    pub(crate) fn empty_message() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 50006, "Cannot send an empty message")
    }

    pub(crate) fn no_text_channel() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 50008, "Cannot send messages in a non-text channel")
    }

    pub(crate) fn missing_permissions() -> Self {
        Self::coded(StatusCode::FORBIDDEN, 50013, "Missing Permissions")
    }

    pub(crate) fn system_message() -> Self {
        Self::coded(StatusCode::FORBIDDEN, 50021, "Cannot execute action on a system message")
    }

    pub(crate) fn wrong_channel_kind() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 50024, "Cannot execute action on this channel type")
    }

    pub(crate) fn wrong_webhook_token() -> Self {
        Self::coded(StatusCode::UNAUTHORIZED, 50027, "Invalid Webhook Token")
    }

    pub(crate) fn too_old_to_delete() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 50034, "You can only bulk delete messages that are under 14 days old.")
    }

    pub(crate) fn archived_thread() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 50083, "Thread is archived")
    }

    pub(crate) fn invalid_json() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 50109, "The request body contains invalid JSON.")
    }

    pub(crate) fn reaction_blocked() -> Self {
        Self::coded(StatusCode::FORBIDDEN, 90001, "Reaction was blocked")
    }

    pub(crate) fn locked_thread() -> Self {
        Self::coded(StatusCode::FORBIDDEN, 160_005, "Thread is locked")
    }

    pub(crate) fn forum_needs_thread() -> Self {
        let said = "Webhooks posted to forum channels must have a thread_name or thread_id";
        Self::coded(StatusCode::BAD_REQUEST, 220_001, said)
    }

    pub(crate) fn forum_takes_one_thread() -> Self {
        let said = "Webhooks posted to forum channels cannot have both a thread_name and thread_id";
        Self::coded(StatusCode::BAD_REQUEST, 220_002, said)
    }

    pub(crate) fn no_forum() -> Self {
        Self::coded(StatusCode::BAD_REQUEST, 220_003, "Webhooks can only create threads in forum channels")
    }

    /// The form is wrong; `errors` says where.
    pub(crate) fn invalid_form(errors: &Value) -> Self {
        let body = json!({ "message": "Invalid Form Body", "code": 50035, "errors": errors });
        Self::Json(StatusCode::BAD_REQUEST, body)
    }

    /// One field of the form is wrong.
    pub(crate) fn invalid_field(name: &str, code: &str, message: &str) -> Self {
        Self::invalid_form(&json!({ name: { "_errors": [{ "code": code, "message": message }] } }))
    }

    /// The answer that it is.
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Json(status, body) => json_answer(*status, body),
            Self::Html(status, page) => labelled(*status, "text/html; charset=UTF-8", page),
        }
    }
}

/// A JSON answer.
pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Answer {
    labelled(status, "application/json", &body.to_string())
}

/// An answer that is scripted: labelled JSON where it is JSON, HTML else.
pub(crate) fn any_answer(status: u16, body: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_json = serde_json::from_str::<Value>(body).is_ok();
    labelled(status, if is_json { "application/json" } else { "text/html; charset=UTF-8" }, body)
}

/// 204.
pub(crate) fn no_content() -> Answer {
    let mut answer = Response::new(bytes_body(""));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn labelled(status: StatusCode, mime: &'static str, body: &str) -> Answer {
    let mut answer = Response::new(bytes_body(body.to_owned()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    answer
}
