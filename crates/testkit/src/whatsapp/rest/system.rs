//! The calls about the addon itself, and its files.

use http::{HeaderValue, Method, Response, header};
use serde_json::{Value, json};

use super::super::form::Form;
use super::super::inside::{Inside, lock};
use super::super::media::mime_of;
use super::super::refusal::Refusal;
use super::super::state::Connection;
use crate::port::{Answer, bytes_body, file_body};

impl Inside {
    pub(super) fn health(&self) -> Value {
        let connected = self.state().sessions.iter().any(|session| session.connection == Connection::Open);
        let memory = json!({ "rss": 1, "heapTotal": 1, "heapUsed": 1, "external": 1, "arrayBuffers": 1 });
        json!({ "status": if connected { "connected" } else { "running" }, "uptime": self.uptime(), "memory": memory })
    }

    pub(super) fn dashboard(&self, session: &str) -> Value {
        let webhook = lock(&self.settings).webhook.clone();
        let mut state = self.state();
        let at = state.session(session);
        let status = at.status();
        let device = at.account.as_ref().map(|account| json!({ "name": account.name, "number": account.number }));
        let list: Vec<Value> = state
            .sessions
            .iter()
            .map(|session| json!({ "id": session.id, "connected": session.connection == Connection::Open }))
            .collect();
        json!({
            "sessionId": session, "isConnected": status["connected"], "isConnecting": status["connecting"],
            "stats": status["stats"], "webhookEnabled": webhook.is_some(),
            "webhookUrl": webhook.map(|webhook| webhook.url).unwrap_or_default(), "deviceInfo": device,
            "sessionList": list, "addonVersion": "2.1.1", "baileysVersion": "7.0.0-rc14",
            "uptimeSeconds": self.uptime(),
        })
    }

    /// Says that it was updated, and changes nothing.
    pub(super) fn settings_webhook(&self, form: &Form) -> Result<Value, Refusal> {
        match form.get("enabled") {
            None => Err(Refusal::thrown("Cannot read properties of undefined (reading 'enabled')")),
            Some(Value::Null) => Err(Refusal::thrown("Cannot read properties of null (reading 'enabled')")),
            Some(_) => {
                let webhook = lock(&self.settings).webhook.clone();
                let (enabled, url) = (webhook.is_some(), webhook.map(|webhook| webhook.url).unwrap_or_default());
                Ok(json!({ "status": "updated", "enabled": enabled, "url": url }))
            }
        }
    }

    pub(super) async fn media(&self, method: &Method, path: &str) -> Result<Answer, Refusal> {
        let gone = || Refusal::no_route(method, path);
        let name = path.trim_start_matches("/media/");
        let file = self.state().media.get(name).cloned().ok_or_else(gone)?;
        let body = if *method == Method::HEAD {
            bytes_body(Vec::new())
        } else {
            file_body(&file.path).await.map_err(|_| gone())?
        };
        let mut answer = Response::new(body);
        let mime = mime_of(name).unwrap_or("application/octet-stream");
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(file.size));
        Ok(answer)
    }
}
