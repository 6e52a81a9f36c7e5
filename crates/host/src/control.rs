//! The control listener: how the process and its instances are.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;
use tieline_core::secret::Secret;
use tieline_relay::{Relay, State as InstanceState};

use crate::access::{bears, foreign};

/// What the endpoints look at.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) relay: Arc<Relay>,
    /// The bearer token; `None` on loopback.
    pub(crate) token: Option<Secret>,
}

/// The routes of the control listener.
pub(crate) fn router(control: Control) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route_layer(middleware::from_fn_with_state(control.token.clone(), need_token));
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(guarded)
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async { refuse(StatusCode::METHOD_NOT_ALLOWED, "use GET here") })
        .layer(middleware::from_fn_with_state(control.token.clone(), refuse_foreign))
        .with_state(control)
}

async fn healthz() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

async fn readyz(State(control): State<Control>) -> Response {
    let health = control.relay.health();
    let all_ready = health.values().all(|instance| instance.state == InstanceState::Ready);
    let status = if all_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health)).into_response()
}

async fn metrics(State(control): State<Control>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match control.relay.metrics().await {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn need_token(State(token): State<Option<Secret>>, request: Request, next: Next) -> Response {
    match token {
        Some(token) if !bears(request.headers(), &token) => {
            let refusal = refuse(StatusCode::UNAUTHORIZED, "this needs the bearer token of `global.http.token`");
            ([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response()
        }
        _ => next.run(request).await,
    }
}

async fn refuse_foreign(State(token): State<Option<Secret>>, request: Request, next: Next) -> Response {
    match foreign(request.headers(), request.uri()) {
        Some(reason) if token.is_none() => refuse(StatusCode::FORBIDDEN, reason),
        _ => next.run(request).await,
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Method;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use std::time::Duration;
    use tieline_core::outbox::Retention;
    use tieline_net::{Listeners, Spool};
    use tieline_outbox::SqliteOutbox;
    use tieline_relay::{Rooms, Settings};

    use crate::clock::SystemClock;
    use crate::data_dir::DataDir;

    struct House {
        control: Control,
        _folder: tempfile::TempDir,
    }

    impl House {
        async fn with_token(token: Option<&str>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let dir = DataDir::new(folder.path());
            let settings = Settings {
                plan: Arc::default(),
                instances: Vec::new(),
                secrets: Vec::new(),
                secret_guard: true,
                alerts: None,
                fingerprints: std::collections::HashMap::new(),
                command_prefix: "tie".to_owned(),
                give_up_after: Duration::from_mins(1),
                retention: Retention { messages_ms: 1000, links_ms: 1000 },
            };
            let rooms = Rooms {
                outbox: Arc::new(SqliteOutbox::open(&dir.outbox()).unwrap()),
                spool: Arc::new(Spool::open(dir.spool()).unwrap()),
                webhooks: Arc::new(Listeners::default()),
                clock: Arc::new(SystemClock),
            };
            let relay = Relay::start(settings, rooms).await.unwrap();
            Self { control: Control { relay, token: token.map(Secret::new) }, _folder: folder }
        }

        async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
            let request = Request::builder().method(method).uri(path);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let service = TowerToHyperService::new(router(self.control.clone()));
            let response = service.call(request.body(Body::empty()).unwrap()).await.unwrap();
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            (status, String::from_utf8(body.to_vec()).unwrap())
        }

        async fn get(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
            self.ask(Method::GET, path, headers).await.0
        }
    }

    #[tokio::test]
    async fn without_a_token_this_machine_sees_everything_and_others_nothing() {
        let house = House::with_token(None).await;
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(house.get(path, &[("host", "localhost:8090")]).await, 200, "{path}");
            assert_eq!(house.get(path, &[("host", "rebound.example")]).await, 403, "{path}");
            let foreign = [("host", "localhost:8090"), ("origin", "http://evil.example")];
            assert_eq!(house.get(path, &foreign).await, 403, "{path}");
        }
    }

    #[tokio::test]
    async fn with_a_token_the_state_is_public_and_the_numbers_are_not() {
        let house = House::with_token(Some("s3cr3t-token")).await;
        let host = ("host", "tieline.example");
        assert_eq!(house.get("/healthz", &[host]).await, 200);
        assert_eq!(house.get("/readyz", &[host]).await, 200);
        assert_eq!(house.get("/metrics", &[host]).await, 401);
        assert_eq!(house.get("/metrics", &[host, ("authorization", "Bearer wrong")]).await, 401);
        let (status, text) =
            house.ask(Method::GET, "/metrics", &[host, ("authorization", "Bearer s3cr3t-token")]).await;
        assert_eq!(status, 200);
        assert!(text.contains("tieline_messages{state=\"planned\"} 0"), "{text}");
    }

    #[tokio::test]
    async fn every_refusal_is_json() {
        let house = House::with_token(None).await;
        for (method, path, status) in [(Method::GET, "/nothing", 404), (Method::POST, "/readyz", 405)] {
            let (answered, body) = house.ask(method, path, &[("host", "127.0.0.1")]).await;
            assert_eq!(answered, status);
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert!(body["error"].is_string(), "{body}");
        }
    }
}
