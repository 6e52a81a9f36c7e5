//! The webhook listeners against clients that behave, and against those that do not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use tieline_core::webhook::{ListenAt, Mount, Mounted, WebhookHandler, WebhookRequest, WebhookResponse, Webhooks};
use tieline_net::{ListenerLimits, Listeners};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::peer::{Answer, read_answer, read_to_end};

/// Takes requests that carry its token in the query, and answers with their body.
pub(crate) struct Echo {
    pub(crate) token: &'static str,
}

#[async_trait]
impl WebhookHandler for Echo {
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        let close = request.headers.contains_key("x-close");
        let body = request.body.clone();
        (request.query.as_deref() == Some(self.token)).then_some(WebhookResponse {
            status: StatusCode::OK,
            body,
            close,
        })
    }
}

/// Says that a request is there, and answers when it is told to.
struct Slow {
    arrived: mpsc::Sender<()>,
    go: Arc<Notify>,
}

#[async_trait]
impl WebhookHandler for Slow {
    async fn handle(&self, _: &WebhookRequest) -> Option<WebhookResponse> {
        self.arrived.send(()).await.unwrap();
        self.go.notified().await;
        Some(WebhookResponse::ok())
    }
}

pub(crate) async fn mount(listeners: &Listeners, port: u16, path: &str, handler: impl WebhookHandler) -> Mounted {
    let at = ListenAt { host: "127.0.0.1".to_owned(), port, path: path.to_owned() };
    listeners.mount(Mount { at, body_limit: 1000, handler: Arc::new(handler) }).await.unwrap()
}

/// Sends bytes on a new connection and returns the answer.
pub(crate) async fn send(at: SocketAddr, bytes: &str) -> Answer {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    read_answer(&mut stream).await
}

pub(crate) fn post(target: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn short() -> ListenerLimits {
    ListenerLimits {
        head_time: Duration::from_millis(50),
        body_stall: Duration::from_millis(50),
        linger: Duration::from_millis(200),
        ..ListenerLimits::default()
    }
}

pub(crate) fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()), "{answer:?}");
}

#[tokio::test]
async fn instances_share_a_port_by_path_and_a_path_by_token() {
    let listeners = Listeners::default();
    let a = mount(&listeners, 0, "/one", Echo { token: "a" }).await;
    let at = a.local;
    let b = mount(&listeners, at.port(), "/one", Echo { token: "b" }).await;
    let c = mount(&listeners, at.port(), "/two", Echo { token: "c" }).await;
    assert_eq!((b.local, c.local), (at, at));

    for target in ["/one?a", "/one?b", "/two?c"] {
        let answer = send(at, &post(target, "{\"n\":1}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{\"n\":1}"), "{target}");
    }
    assert_refused(&send(at, &post("/one?c", "{}")).await, 401);
    drop(a);
    assert_refused(&send(at, &post("/one?a", "{}")).await, 401);
    assert_eq!(send(at, &post("/one?b", "{}")).await.status, 200);
    drop(b);
    assert_refused(&send(at, &post("/one?b", "{}")).await, 404);
    listeners.stop(Duration::ZERO).await;
}

/// One of several sessions that share path and token, as it stands in the query.
struct Session {
    name: &'static str,
}

#[async_trait]
impl WebhookHandler for Session {
    async fn handle(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        let ours = request.query.as_deref() == Some("secret") && request.body == self.name.as_bytes();
        ours.then(|| WebhookResponse { body: Bytes::from_static(b"{\"taken\":true}"), ..WebhookResponse::ok() })
    }

    fn unclaimed(&self, request: &WebhookRequest) -> Option<WebhookResponse> {
        // Only one of the two knows what to say, so the other one's silence must not be the last word.
        (self.name == "two" && request.query.as_deref() == Some("secret")).then(WebhookResponse::ok)
    }
}

#[tokio::test]
async fn what_no_instance_claims_is_answered_by_the_first_that_knows_it() {
    let listeners = Listeners::default();
    let one = mount(&listeners, 0, "/", Session { name: "one" }).await;
    let _two = mount(&listeners, one.local.port(), "/", Session { name: "two" }).await;
    for name in ["one", "two"] {
        assert_eq!(send(one.local, &post("/?secret", name)).await.body, "{\"taken\":true}", "{name}");
    }
    let unclaimed = send(one.local, &post("/?secret", "three")).await;
    assert_eq!((unclaimed.status, unclaimed.body.as_str()), (200, "{}"));
    assert_refused(&send(one.local, &post("/?guess", "three")).await, 401);
}

#[tokio::test]
async fn a_port_can_be_taken_again_at_once() {
    let listeners = Listeners::default();
    let mut mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let at = mounted.local;
    for _ in 0..20 {
        drop(mounted);
        mounted = mount(&listeners, at.port(), "/", Echo { token: "a" }).await;
        assert_eq!(send(at, &post("/?a", "{}")).await.status, 200);
    }
}

#[tokio::test]
async fn a_place_that_is_taken_is_named() {
    let listeners = Listeners::default();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let at = ListenAt { host: "127.0.0.1".to_owned(), port, path: "/".to_owned() };
    let mount = Mount { at, body_limit: 1, handler: Arc::new(Echo { token: "" }) };
    let error = listeners.mount(mount).await.err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot listen at 127.0.0.1:{port}: ")), "{error}");
}

#[tokio::test]
async fn wrong_path_wrong_method() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/hook", Echo { token: "a" }).await;
    assert_refused(&send(mounted.local, &post("/hook/", "{}")).await, 404);
    assert_refused(&send(mounted.local, &post("/Hook", "{}")).await, 404);
    let answer = send(mounted.local, "GET /hook?a HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_refused(&answer, 405);
    assert!(answer.head.contains("allow: POST"), "{answer:?}");
}

#[tokio::test]
async fn declared_body_over_the_limit() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    // Not a byte of the body is sent, so it is not waited for.
    let answer = send(mounted.local, "POST /?a HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n").await;
    assert_refused(&answer, 413);
    assert_eq!(send(mounted.local, &post("/?a", &"x".repeat(1000))).await.status, 200);
}

/// The client is busy sending and reads only afterwards: it must see the 413 and no reset.
#[tokio::test]
async fn large_body_is_refused_in_mid_send() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let answer = send(mounted.local, &post("/?a", &"x".repeat(4_000_000))).await;
    assert_refused(&answer, 413);
}

#[tokio::test]
async fn chunked_body_is_cut_at_the_limit() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let head = "POST /?a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("1f4\r\n{}\r\n", "y".repeat(500));
    let fits = send(mounted.local, &format!("{head}{chunk}{chunk}0\r\n\r\n")).await;
    assert_eq!((fits.status, fits.body.len()), (200, 1000));
    // The end of the body never comes, so it was not waited for.
    assert_refused(&send(mounted.local, &format!("{head}{chunk}{chunk}{chunk}")).await, 413);
}

#[tokio::test]
async fn bodies_that_stall_take_bounded_memory_and_no_place_of_small_ones() {
    let listeners = Listeners::new(ListenerLimits { small_body: 100, large_bodies: 900, ..ListenerLimits::default() });
    let mounted = mount(&listeners, 0, "/rc", Echo { token: "a" }).await;
    let mut stalled = TcpStream::connect(mounted.local).await.unwrap();
    let head = "POST /rc?a HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
    stalled.write_all(format!("{head}{}", "x".repeat(900)).as_bytes()).await.unwrap();
    let large = post("/rc?a", &"y".repeat(400));
    // It is refused as soon as the listener has read what the other one sent.
    let refused = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let answer = send(mounted.local, &large).await;
            if answer.status == 503 {
                return answer;
            }
        }
    });
    assert_refused(&refused.await.unwrap(), 503);
    assert_eq!(send(mounted.local, &post("/rc?a", "small")).await.status, 200);

    stalled.write_all("x".repeat(100).as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stalled).await.status, 200);
    assert_eq!(send(mounted.local, &large).await.status, 200, "the room is given back");
}

#[tokio::test]
async fn client_stalls_in_the_body() {
    let listeners = Listeners::new(short());
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let mut stream = TcpStream::connect(mounted.local).await.unwrap();
    stream.write_all(b"POST /?a HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
    assert_refused(&read_answer(&mut stream).await, 408);
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn client_stalls_in_the_head() {
    let listeners = Listeners::new(short());
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    for half in ["", "POST /?a HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(mounted.local).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        // Whether hyper says 408 first is its business; that the connection ends is ours.
        let said = read_to_end(&mut stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
}

#[tokio::test]
async fn head_is_too_large() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let head = format!("POST /?a HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(20_000));
    assert_refused(&send(mounted.local, &head).await, 431);
}

#[tokio::test]
async fn too_many_connections() {
    let listeners = Listeners::new(ListenerLimits { connections: 2, ..short() });
    let (arrived, mut arrivals) = mpsc::channel(2);
    let go = Arc::new(Notify::new());
    let mounted = mount(&listeners, 0, "/", Slow { arrived, go: Arc::clone(&go) }).await;
    let mut first = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(mounted.local).await.unwrap();
        stream.write_all(post("/", "{}").as_bytes()).await.unwrap();
        arrivals.recv().await.unwrap();
        first.push(stream);
    }
    let answer = send(mounted.local, &post("/", "{}")).await;
    assert_refused(&answer, 503);
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    go.notify_waiters();
    for stream in &mut first {
        assert_eq!(read_answer(stream).await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests_until_a_handler_closes_it() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let mut stream = TcpStream::connect(mounted.local).await.unwrap();
    for body in ["1", "22", ""] {
        stream.write_all(post("/?a", body).as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
    }
    stream.write_all(b"POST /?a HTTP/1.1\r\nhost: x\r\nx-close: 1\r\ncontent-length: 1\r\n\r\n1").await.unwrap();
    assert!(read_answer(&mut stream).await.head.contains("connection: close"));
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn stop_lets_requests_in_flight_finish() {
    let listeners = Arc::new(Listeners::default());
    let (arrived, mut arrivals) = mpsc::channel(1);
    let go = Arc::new(Notify::new());
    let mounted = mount(&listeners, 0, "/", Slow { arrived, go: Arc::clone(&go) }).await;
    let mut stream = TcpStream::connect(mounted.local).await.unwrap();
    stream.write_all(post("/", "{}").as_bytes()).await.unwrap();
    arrivals.recv().await.unwrap();

    let stopping = tokio::spawn({
        let listeners = Arc::clone(&listeners);
        async move { listeners.stop(Duration::from_mins(1)).await }
    });
    // The socket is closed first of all.
    while TcpStream::connect(mounted.local).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    go.notify_one();
    assert_eq!(read_answer(&mut stream).await.status, 200);
    drop(stream);
    stopping.await.unwrap();

    let at = ListenAt { host: "127.0.0.1".to_owned(), port: 0, path: "/".to_owned() };
    let late = Mount { at, body_limit: 1, handler: Arc::new(Echo { token: "" }) };
    assert!(listeners.mount(late).await.is_err());
}

#[tokio::test]
async fn stop_cuts_off_what_takes_too_long() {
    let listeners = Listeners::default();
    let (arrived, mut arrivals) = mpsc::channel(1);
    let mounted = mount(&listeners, 0, "/", Slow { arrived, go: Arc::new(Notify::new()) }).await;
    let mut stream = TcpStream::connect(mounted.local).await.unwrap();
    stream.write_all(post("/", "{}").as_bytes()).await.unwrap();
    arrivals.recv().await.unwrap();
    listeners.stop(Duration::ZERO).await;
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn garbage_is_no_reason_to_stop() {
    let listeners = Listeners::new(short());
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    for garbage in ["\0\0\0\0", "POST\r\n\r\n", "\x16\x03\x01\x02", "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n"] {
        let mut stream = TcpStream::connect(mounted.local).await.unwrap();
        stream.write_all(garbage.as_bytes()).await.unwrap();
        let said = read_to_end(&mut stream).await;
        assert!(!said.starts_with("HTTP/1.1 2"), "{said}");
    }
    assert_eq!(send(mounted.local, &post("/?a", "{}")).await.body, Bytes::from_static(b"{}"));
}
