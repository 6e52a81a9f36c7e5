//! `login`: a password, or a token that is still good.

use http::StatusCode;
use serde_json::{Value, json};

use crate::rocketchat::inside::Inside;
use crate::rocketchat::refusal::Refusal;

impl Inside {
    pub(super) fn login(&self, body: &Value) -> Result<Value, Refusal> {
        let refused = || {
            let body = json!({ "status": "error", "error": "Unauthorized", "message": "Unauthorized" });
            Refusal::json(StatusCode::UNAUTHORIZED, body)
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let mut state = self.state();
        let account = if let Some(resume) = text("resume") {
            state.tokens.get(resume).and_then(|id| state.account(id)).cloned()
        } else {
            let password = text("password").ok_or_else(refused)?;
            let account = text("user").and_then(|user| state.account_named(user));
            account.filter(|account| account.password.as_deref() == Some(password)).cloned()
        };
        let account = account.ok_or_else(refused)?;
        let token = match text("resume") {
            Some(resume) => resume.to_owned(),
            None => state.new_id("session-token-"),
        };
        state.tokens.insert(token.clone(), account.id.clone());
        let data = json!({ "userId": account.id, "authToken": token, "me": account.to_json() });
        Ok(json!({ "status": "success", "data": data }))
    }
}
