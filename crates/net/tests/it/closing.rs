//! Connections that are closed after the answer. The `WhatsApp` addon reads no answer and closes no connection itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tieline_core::webhook::{WebhookHandler, WebhookRequest, WebhookResponse};
use tieline_net::{ListenerLimits, Listeners, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::listener::{mount, post};
use crate::peer::{read_answer, read_to_end};

/// More than there may be connections.
const MANY: usize = 500;

struct Closes;

#[async_trait]
impl WebhookHandler for Closes {
    async fn handle(&self, _: &WebhookRequest) -> Option<WebhookResponse> {
        Some(WebhookResponse { close: true, ..WebhookResponse::ok() })
    }
}

/// The clients never close, and lingering takes longer than the test: still each finds a place.
#[tokio::test]
async fn a_closed_connection_gives_its_place_back_at_once() {
    let limits = ListenerLimits { connections: 4, linger: Duration::from_mins(10), ..ListenerLimits::default() };
    let listeners = Listeners::new(limits);
    let mounted = mount(&listeners, 0, "/", Closes).await;
    let mut clients = Vec::new();
    for n in 0..MANY {
        let mut client = TcpStream::connect(mounted.local).await.unwrap();
        client.write_all(post("/", "{}").as_bytes()).await.unwrap();
        let answer = read_answer(&mut client).await;
        assert_eq!(answer.status, 200, "{n}: {answer:?}");
        assert!(answer.head.contains("connection: close"), "{answer:?}");
        assert_eq!(read_to_end(&mut client).await, "");
        clients.push(client);
    }
}

struct Nobodys;

#[async_trait]
impl WebhookHandler for Nobodys {
    async fn handle(&self, _: &WebhookRequest) -> Option<WebhookResponse> {
        None
    }
}

/// Strangers who have no token, or knock at the wrong door, and never close.
#[tokio::test]
async fn whoever_is_refused_keeps_no_place() {
    let limits = ListenerLimits { connections: 4, linger: Duration::from_mins(10), ..ListenerLimits::default() };
    let listeners = Listeners::new(limits);
    let mounted = mount(&listeners, 0, "/", Nobodys).await;
    let mut clients = Vec::new();
    for n in 0..MANY {
        let mut client = TcpStream::connect(mounted.local).await.unwrap();
        let (path, status) = if n % 2 == 0 { ("/", 401) } else { ("/elsewhere", 404) };
        client.write_all(post(path, "{}").as_bytes()).await.unwrap();
        let answer = read_answer(&mut client).await;
        assert_eq!(answer.status, status, "{n}: {answer:?}");
        assert!(answer.head.contains("connection: close"), "{answer:?}");
        clients.push(client);
    }
}

/// The clients neither read nor close.
#[tokio::test]
async fn no_connection_stays_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let open = Arc::new(Semaphore::new(MANY));
    let (served, mut requests) = mpsc::channel(MANY);
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn({
        let open = Arc::clone(&open);
        async move {
            // Only the answer's header can close them: the time for the next request's head is not over.
            let limits = ListenerLimits {
                head_time: Duration::from_mins(10),
                linger: Duration::from_millis(20),
                ..ListenerLimits::default()
            };
            let service = |_| {
                // It lives as long as its connection does.
                let alive = Arc::clone(&open).try_acquire_owned().unwrap();
                let served = served.clone();
                service_fn(move |_: Request<Incoming>| {
                    assert_eq!(alive.num_permits(), 1);
                    let served = served.clone();
                    async move {
                        served.send(()).await.unwrap();
                        let answer = Response::builder().header("connection", "close");
                        Ok::<_, Infallible>(answer.body(Full::new(Bytes::from_static(b"{}"))).unwrap())
                    }
                })
            };
            serve(listener, service, &limits, async { stopped.await.unwrap() }).await;
        }
    });
    let mut clients = Vec::new();
    for _ in 0..MANY {
        let mut client = TcpStream::connect(at).await.unwrap();
        client.write_all(post("/", "{}").as_bytes()).await.unwrap();
        clients.push(client);
    }
    for _ in 0..MANY {
        requests.recv().await.unwrap();
    }
    let all = tokio::time::timeout(Duration::from_mins(1), open.acquire_many(MANY as u32)).await;
    assert!(all.is_ok(), "{} connections are still open", MANY - open.available_permits());
    stop.send(Duration::ZERO).unwrap();
    server.await.unwrap();
}

/// The client neither reads nor closes: what is left of the connection is the socket, without hyper's buffers.
#[tokio::test]
async fn what_lingers_has_given_its_memory_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let open = Arc::new(Semaphore::new(1));
    let _server = tokio::spawn({
        let open = Arc::clone(&open);
        async move {
            let limits = ListenerLimits { linger: Duration::from_mins(10), ..ListenerLimits::default() };
            let service = |_| {
                // It lives as long as hyper's part of the connection does.
                let alive = Arc::clone(&open).try_acquire_owned().unwrap();
                service_fn(move |_: Request<Incoming>| {
                    assert_eq!(alive.num_permits(), 1);
                    let answer = Response::builder().header("connection", "close");
                    async { Ok::<_, Infallible>(answer.body(Full::new(Bytes::from_static(b"{}"))).unwrap()) }
                })
            };
            serve(listener, service, &limits, std::future::pending()).await;
        }
    });
    let mut client = TcpStream::connect(at).await.unwrap();
    client.write_all(post("/", "{}").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut client).await.status, 200);
    assert!(tokio::time::timeout(Duration::from_mins(1), open.acquire()).await.is_ok(), "hyper is still there");
}
