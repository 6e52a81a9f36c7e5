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
