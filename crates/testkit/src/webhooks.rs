//! A listener for webhooks as small as a driver's tests need it: each mount has a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tieline_core::webhook::{Mount, MountError, Mounted, WebhookRequest, WebhookResponse, Webhooks};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::port::{Answer, Hangup, Http, Port, Serve, bytes_body};

/// Listens on loopback, at a port of its own for each mount, whatever port was asked for.
#[derive(Debug)]
pub struct LocalWebhooks(watch::Sender<Option<String>>);

impl Default for LocalWebhooks {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl LocalWebhooks {
    /// The URL of the latest mount, as soon as there is one.
    pub async fn url(&self) -> String {
        let mut url = self.0.subscribe();
        let mounted = url.wait_for(Option::is_some).await.map(|url| url.clone());
        mounted.ok().flatten().unwrap_or_default()
    }
}

#[async_trait]
impl Webhooks for LocalWebhooks {
    async fn mount(&self, mount: Mount) -> Result<Mounted, MountError> {
        let (host, port) = (mount.at.host.clone(), mount.at.port);
        let failed = |error: std::io::Error| MountError { host: host.clone(), port, reason: error.to_string() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let path = mount.at.path.clone();
        let port = Port::bind_at(listener, Arc::new(Http(Arc::new(OneMount(mount))))).map_err(failed)?;
        let local = port.local();
        self.0.send_replace(Some(format!("http://{local}{path}")));
        Ok(Mounted { local, guard: Box::new(port) })
    }
}

struct OneMount(Mount);

#[async_trait]
impl Serve for OneMount {
    async fn serve(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Result<Answer, Hangup> {
        let (head, body) = request.into_parts();
        let response = if head.uri.path() != self.0.at.path {
            WebhookResponse::refuse(StatusCode::NOT_FOUND, "nobody listens at this path")
        } else if head.method != Method::POST {
            WebhookResponse::refuse(StatusCode::METHOD_NOT_ALLOWED, "only POST is taken")
        } else if let Ok(body) = Limited::new(body, self.0.body_limit).collect().await {
            let query = head.uri.query().map(str::to_owned);
            let request =
                WebhookRequest { method: head.method, query, headers: head.headers, body: body.to_bytes(), peer };
            let refused = || WebhookResponse::refuse(StatusCode::UNAUTHORIZED, "the token is wrong");
            self.0.handler.handle(&request).await.unwrap_or_else(refused)
        } else {
            WebhookResponse::refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
        };
        let mut answer = Response::new(bytes_body(response.body));
        *answer.status_mut() = response.status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if response.close {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer)
    }
}
