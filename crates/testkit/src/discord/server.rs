//! The server as a test or the demo holds it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::port::{Answer, Hangup, Http, Port, Serve, bytes_body};

/// A fake Discord on a port of loopback. It ends when it is dropped.
pub struct FakeDiscord {
    port: Port,
}

struct Inside;

#[async_trait]
impl Serve for Inside {
    async fn serve(self: Arc<Self>, _: Request<Incoming>, _: SocketAddr) -> Result<Answer, Hangup> {
        let mut answer = Response::new(bytes_body(""));
        *answer.status_mut() = StatusCode::NOT_FOUND;
        Ok(answer)
    }
}

impl FakeDiscord {
    /// Starts a server.
    pub async fn try_start() -> io::Result<Self> {
        Ok(Self { port: Port::bind(Arc::new(Http(Arc::new(Inside)))).await? })
    }

    /// The base URL of its REST API, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}/api/v10", self.port.local())
    }
}
