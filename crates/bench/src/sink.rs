//! The sink: takes Incoming Webhook posts as Rocket.Chat does, and notes when each message came.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) struct Sink {
    port: u16,
    arrivals: Arc<Arrivals>,
}

struct Arrivals {
    times: Mutex<HashMap<u64, Instant>>,
    count: watch::Sender<usize>,
}

/// The number that the load puts into a text: `bench 42`.
fn number(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let digits = &text[text.find("bench ")? + 6..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

impl Arrivals {
    async fn take(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        // A body that breaks off is no message; the relay would be told so by the broken connection.
        let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let mut answer = r#"{"success":true}"#.to_owned();
        if let Some(number) = number(&body) {
            answer = format!(
                r##"{{"responses":[{{"channel":"#out","message":{{"_id":"sink{number}","rid":"OUT"}}}}],"success":true}}"##
            );
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.entry(number).or_insert_with(Instant::now);
            self.count.send_replace(times.len());
        }
        let mut response = Response::new(Full::from(answer));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

impl Sink {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let arrivals = Arc::new(Arrivals { times: Mutex::default(), count: watch::Sender::new(0) });
        let shared = Arc::clone(&arrivals);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let arrivals = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let arrivals = Arc::clone(&arrivals);
                        async move { arrivals.take(request).await }
                    });
                    // A connection that the relay cuts is the relay's affair.
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Ok(Self { port, arrivals })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Forgets what has arrived.
    pub(crate) fn forget(&self) {
        self.arrivals.times.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.arrivals.count.send_replace(0);
    }

    /// Waits until so many messages have arrived.
    pub(crate) async fn wait_for(&self, messages: usize) {
        let mut count = self.arrivals.count.subscribe();
        // It fails only when the sender is gone, and that is ours.
        drop(count.wait_for(|count| *count >= messages).await);
    }

    /// Takes out when a message came, once it has.
    pub(crate) async fn arrival(&self, number: u64) -> Instant {
        let mut count = self.arrivals.count.subscribe();
        loop {
            let found = self.arrivals.times.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied();
            if let Some(time) = found {
                return time;
            }
            drop(count.changed().await);
        }
    }
}
