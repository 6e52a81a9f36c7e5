//! An object storage on an origin of its own, to which downloads are redirected.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use async_trait::async_trait;
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;

use super::files::file_answer;
use super::inside::Inside;
use super::refusal::Refusal;
use super::rest::refused;
use crate::port::{Answer, Hangup, Serve};

/// A request that reached the object storage.
#[derive(Debug, Clone)]
pub struct StorageRequest {
    /// Path and query.
    pub target: String,
    /// Its headers: no credentials of the chat server may be among them.
    pub headers: HeaderMap,
}

#[derive(Default)]
pub(crate) struct Storage {
    pub(crate) server: OnceLock<Weak<Inside>>,
    requests: Mutex<Vec<StorageRequest>>,
}

impl Storage {
    pub(crate) fn requests(&self) -> Vec<StorageRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Serve for Storage {
    async fn serve(self: Arc<Self>, request: Request<Incoming>, _: SocketAddr) -> Result<Answer, Hangup> {
        let target = request.uri().to_string();
        let seen = StorageRequest { target, headers: request.headers().clone() };
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        let signed = request.uri().query().is_some_and(|query| query.contains("X-Amz-Signature=signed"));
        if !signed {
            return Ok(refused(&Refusal::empty(StatusCode::FORBIDDEN)));
        }
        let id = request.uri().path().trim_start_matches("/bucket/").to_owned();
        let server = self.server.get().and_then(Weak::upgrade);
        let file = server.and_then(|server| server.state().upload(&id).map(|upload| upload.file.clone()));
        match file {
            Some(file) => Ok(file_answer(&file, id != file.id).await.unwrap_or_else(|refusal| refused(&refusal))),
            None => Ok(refused(&Refusal::empty(StatusCode::NOT_FOUND))),
        }
    }
}
