//! The accept loop by itself, with another service and another kind of socket.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tieline_net::{ListenerLimits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;

use crate::peer::{read_answer, read_to_end};

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from(format!("hello {}", request.uri().path())))))
}

#[tokio::test]
async fn a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        let limits = ListenerLimits::default();
        serve(listener, |_| service_fn(hello), &limits, async { stopped.await.unwrap() }).await;
    });
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello /healthz"), "{answer}");
    drop(stream);
    stop.send(Duration::from_secs(5)).unwrap();
    server.await.unwrap();
}

/// An idle connection is no request in flight: stopping does not wait for it.
#[tokio::test]
async fn idle_connections_are_closed_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        let limits = ListenerLimits::default();
        serve(listener, |_| service_fn(hello), &limits, async { stopped.await.unwrap() }).await;
    });
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut stream).await.body, "hello /a");
    stop.send(Duration::from_mins(1)).unwrap();
    assert_eq!(read_to_end(&mut stream).await, "");
    drop(stream);
    server.await.unwrap();
}
