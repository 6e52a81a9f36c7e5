//! How Rocket.Chat refuses: status and body, as the platform writes them.

use http::StatusCode;
use serde_json::{Value, json};

/// A refused call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// `None`: an empty body.
    pub(crate) body: Option<Value>,
}

impl Refusal {
    /// A Meteor error: `reason [code]`, with the code as `errorType`.
    pub(crate) fn meteor(code: &str, reason: &str) -> Self {
        let error = if reason.is_empty() { format!("[{code}]") } else { format!("{reason} [{code}]") };
        Self::json(StatusCode::BAD_REQUEST, json!({ "success": false, "error": error, "errorType": code }))
    }

    /// The same with details.
    pub(crate) fn meteor_with(code: &str, reason: &str, details: Value) -> Self {
        let mut refusal = Self::meteor(code, reason);
        if let Some(Value::Object(body)) = &mut refusal.body {
            body.insert("details".to_owned(), details);
        }
        refusal
    }

    /// A plain error: 400 with only a text.
    pub(crate) fn plain(error: &str) -> Self {
        Self::json(StatusCode::BAD_REQUEST, json!({ "success": false, "error": error }))
    }

    /// The body does not fit the schema.
    pub(crate) fn schema(problems: &[String]) -> Self {
        Self::json(
            StatusCode::BAD_REQUEST,
            json!({ "success": false, "error": problems.join("\n "), "errorType": "invalid-params" }),
        )
    }

    /// Nobody is logged in.
    pub(crate) fn unauthorized() -> Self {
        let text = "You must be logged in to do this.";
        Self::json(
            StatusCode::UNAUTHORIZED,
            json!({ "success": false, "status": "error", "message": text, "error": text }),
        )
    }

    /// No such call.
    pub(crate) fn unknown_route() -> Self {
        Self::json(StatusCode::NOT_FOUND, json!({ "success": false, "error": "Resource not found" }))
    }

    /// Status and an empty body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, body: None }
    }

    pub(crate) fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Some(body) }
    }
}
