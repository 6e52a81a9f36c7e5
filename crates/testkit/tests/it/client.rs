//! A REST client as small as these tests need it.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use tieline_testkit::rocketchat::{FakeRocketChat, User};
use tieline_testkit::{Reply, call};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Who calls which server.
pub(crate) struct Client<'a>(pub(crate) &'a FakeRocketChat, pub(crate) &'a User);

impl Client<'_> {
    pub(crate) async fn post(&self, call: &str, body: &Value) -> (u16, Value) {
        self.raw(Method::POST, call, "application/json", Bytes::from(body.to_string())).await
    }

    pub(crate) async fn get(&self, call: &str) -> (u16, Value) {
        self.raw(Method::GET, call, "application/json", Bytes::new()).await
    }

    pub(crate) async fn upload(&self, call: &str, part: &str, name: &str, mime: &str, bytes: &[u8]) -> (u16, Value) {
        let mut body = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"msg\"\r\n\r\nignored?\r\n--frontier\r\n\
             Content-Disposition: form-data; name=\"{part}\"; filename=\"{name}\"\r\nContent-Type: {mime}\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--frontier--\r\n");
        self.raw(Method::POST, call, "multipart/form-data; boundary=frontier", Bytes::from(body)).await
    }

    async fn raw(&self, method: Method, path: &str, mime: &str, body: Bytes) -> (u16, Value) {
        let reply = self.reply(method, &format!("/api/v1/{path}"), mime, body).await;
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
    }

    pub(crate) async fn reply(&self, method: Method, path: &str, mime: &str, body: Bytes) -> Reply {
        let headers = [("x-auth-token", &*self.1.token), ("x-user-id", &*self.1.id), ("content-type", mime)];
        call(method, &format!("{}{path}", self.0.url()), &headers, body, PATIENCE).await.unwrap()
    }
}
