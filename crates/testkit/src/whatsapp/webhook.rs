//! Webhooks: fire and forget. The answer is never looked at, and the socket stays open until the other side closes it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::calls::WebhookCall;
use super::inside::{Inside, lock};

/// How long the answer to a send waits for the webhook of its echo.
const ECHO_PATIENCE: Duration = Duration::from_secs(10);

impl Inside {
    /// Calls the webhook, if there is one. Returns the number of the call.
    pub(crate) fn fire(self: &Arc<Self>, payload: &Value) -> Option<usize> {
        let webhook = lock(&self.settings).webhook.clone()?;
        let call = WebhookCall {
            url: webhook.url.clone(),
            id: payload["id"].as_str().unwrap_or_default().to_owned(),
            body: payload.clone(),
            status: None,
            failed: None,
            open: false,
        };
        let number = {
            let mut calls = lock(&self.records.calls);
            calls.push(call);
            calls.len() - 1
        };
        self.changed();
        let (inside, body) = (Arc::clone(self), payload.to_string());
        let ended = self.ended.clone();
        tokio::spawn(async move {
            let calling = async {
                let failed = inside.call(number, &webhook.url, &webhook.token, &body).await.err();
                inside.note(number, |call| {
                    call.open = false;
                    if call.status.is_none() {
                        call.failed =
                            Some(failed.map_or("closed without an answer".to_owned(), |error| error.to_string()));
                    }
                });
            };
            tokio::select! {
                () = ended.cancelled() => {}
                () = calling => {}
            }
        });
        Some(number)
    }

    /// Waits until a webhook was answered or failed.
    pub(crate) async fn answered(&self, number: usize) {
        let decided = |inside: &Self| {
            let calls = lock(&inside.records.calls);
            calls.get(number).is_none_or(|call| call.status.is_some() || call.failed.is_some()).then_some(())
        };
        if self.until(ECHO_PATIENCE, decided).await.is_none() {
            tracing::warn!("The webhook of an echo was not answered; the send is answered all the same");
        }
    }

    fn note(&self, number: usize, change: impl FnOnce(&mut WebhookCall)) {
        if let Some(call) = lock(&self.records.calls).get_mut(number) {
            change(call);
        }
        self.changed();
    }

    async fn call(&self, number: usize, url: &str, token: &str, body: &str) -> io::Result<()> {
        let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
        let url = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
        if url.scheme() != "http" {
            return Err(invalid("the fake speaks http:// only"));
        }
        // Brackets of an IPv6 address are passed on as part of the name, as the addon does; it is then not found.
        let host = url.host_str().unwrap_or_default();
        if host.starts_with('[') {
            return Err(invalid("getaddrinfo ENOTFOUND"));
        }
        let mut stream = TcpStream::connect((host, url.port_or_known_default().unwrap_or(80))).await?;
        self.note(number, |call| call.open = true);
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let head = format!(
            "POST {target} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             X-Webhook-Token: {token}\r\nHost: {host}{port}\r\nConnection: keep-alive\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut first = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let read = stream.read(&mut chunk).await?;
            if read == 0 {
                return Ok(());
            }
            if first.len() < 12 {
                first.extend_from_slice(&chunk[..read.min(12)]);
                let status = first.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
                if status.is_some() {
                    self.note(number, |call| call.status = status);
                }
            }
        }
    }
}
