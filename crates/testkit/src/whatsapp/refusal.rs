//! How the addon refuses: status and body, as it writes them.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::port::{Answer, bytes_body};

/// A refused call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// A JSON body.
    Json(StatusCode, Value),
    /// Express' own page, with this text in it.
    Html(StatusCode, String),
    /// To the login page.
    Login,
    /// Too many calls; seconds until the limit ends.
    Limited(u64),
}

impl Refusal {
    /// `{"detail": …}`.
    pub(crate) fn detail(status: StatusCode, detail: &str) -> Self {
        Self::Json(status, json!({ "detail": detail }))
    }

    /// A field is missing.
    pub(crate) fn missing(what: &str) -> Self {
        Self::detail(StatusCode::BAD_REQUEST, what)
    }

    /// Something was thrown.
    pub(crate) fn thrown(message: &str) -> Self {
        Self::detail(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// The account is not connected.
    pub(crate) fn not_connected() -> Self {
        Self::detail(StatusCode::SERVICE_UNAVAILABLE, "Not connected")
    }

    /// The token is missing or wrong.
    pub(crate) fn unauthorized(given: bool) -> Self {
        let detail = if given { "Invalid X-Auth-Token" } else { "Missing X-Auth-Token" };
        Self::Json(StatusCode::UNAUTHORIZED, json!({ "error": "Unauthorized", "detail": detail }))
    }

    /// No such route.
    pub(crate) fn no_route(method: &http::Method, path: &str) -> Self {
        Self::Html(StatusCode::NOT_FOUND, format!("Cannot {method} {path}"))
    }

    /// The answer that it is.
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Json(status, body) => json_answer(*status, body),
            Self::Html(status, text) => page(*status, text),
            Self::Login => {
                let mut answer = text(StatusCode::FOUND, "text/plain; charset=utf-8", "Found. Redirecting to /login");
                answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/login"));
                answer
            }
            Self::Limited(seconds) => {
                let said = "Too many API requests from this IP, please try again after a minute";
                let mut answer = text(StatusCode::TOO_MANY_REQUESTS, "text/html; charset=utf-8", said);
                let headers = answer.headers_mut();
                headers.insert("ratelimit-policy", HeaderValue::from_static("300;w=60"));
                headers.insert("ratelimit-limit", HeaderValue::from_static("300"));
                headers.insert("ratelimit-remaining", HeaderValue::from_static("0"));
                headers.insert("ratelimit-reset", HeaderValue::from(*seconds));
                answer
            }
        }
    }
}

/// A JSON answer as Express writes it.
pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Answer {
    text(status, "application/json; charset=utf-8", &body.to_string())
}

/// An answer that is `body`, labelled by what it looks like.
pub(crate) fn any_answer(status: StatusCode, body: &str) -> Answer {
    let is_json = serde_json::from_str::<Value>(body).is_ok();
    let mime = if is_json { "application/json; charset=utf-8" } else { "text/html; charset=utf-8" };
    text(status, mime, body)
}

fn text(status: StatusCode, mime: &'static str, body: &str) -> Answer {
    let mut answer = Response::new(bytes_body(body.to_owned()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    answer.headers_mut().insert("x-powered-by", HeaderValue::from_static("Express"));
    answer
}

fn page(status: StatusCode, said: &str) -> Answer {
    let said = said.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;");
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n\
         <body>\n<pre>{said}</pre>\n</body>\n</html>\n"
    );
    text(status, "text/html; charset=utf-8", &html)
}
