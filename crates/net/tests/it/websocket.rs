//! The WebSocket dialer, directly and through proxies.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use tieline_core::driver::ProxyChoice;
use tieline_core::secret::Secret;
use tieline_net::websocket::tungstenite::Message;
use tieline_net::websocket::{Broken, WebSocketError, WebSocketSettings, connect, leave, say};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use url::Url;

use crate::peer::{nobody, peer, read_until};

/// Sends back what comes.
async fn echo() -> SocketAddr {
    let (at, _task) = peer(|stream| async move {
        let mut socket = accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                break;
            }
        }
    })
    .await;
    at
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn through(proxy: &str) -> WebSocketSettings {
    WebSocketSettings { proxy: ProxyChoice::Url(Secret::new(proxy)), ..WebSocketSettings::default() }
}

async fn says_hello(address: &str, settings: &WebSocketSettings) {
    let mut socket = connect(&url(address), settings).await.unwrap();
    for text in ["hello", "again"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    socket.close(None).await.unwrap();
}

async fn failure(address: &str, settings: &WebSocketSettings) -> WebSocketError {
    let error = connect(&url(address), settings).await.expect_err("it must fail");
    let words = format!("{error} {error:?}");
    assert!(!words.contains("hunter") && !words.contains("127.0.0.1") && !words.contains("://"), "{words}");
    error
}

/// A proxy that understands `CONNECT` and leads to `to`, whatever name it is asked for. Heads of requests are told.
async fn tunnel(to: SocketAddr) -> (SocketAddr, mpsc::Receiver<String>) {
    let (heads, asked) = mpsc::channel(1);
    let (at, _task) = peer(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_until(&mut stream, "\r\n\r\n").await).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let mut there = TcpStream::connect(to).await.unwrap();
            // How a connection ends is not the proxy's concern.
            if copy_bidirectional(&mut stream, &mut there).await.is_err() {}
        }
    })
    .await;
    (at, asked)
}

/// A SOCKS5 proxy (RFC 1928, RFC 1929) that asks for a password if there is one, and tells names and ports.
async fn socks(to: SocketAddr, password: Option<&'static str>) -> (SocketAddr, mpsc::Receiver<String>) {
    let (names, asked) = mpsc::channel(1);
    let (at, _task) = peer(move |mut stream| {
        let names = names.clone();
        async move {
            assert_eq!(stream.read_u8().await.unwrap(), 5);
            let mut methods = vec![0; usize::from(stream.read_u8().await.unwrap())];
            stream.read_exact(&mut methods).await.unwrap();
            if let Some(password) = password {
                assert!(methods.contains(&2), "{methods:?}");
                stream.write_all(&[5, 2]).await.unwrap();
                assert_eq!(stream.read_u8().await.unwrap(), 1);
                let mut said = Vec::new();
                for _ in 0..2 {
                    let mut word = vec![0; usize::from(stream.read_u8().await.unwrap())];
                    stream.read_exact(&mut word).await.unwrap();
                    said.push(String::from_utf8(word).unwrap());
                }
                assert_eq!(said, ["user", password]);
                stream.write_all(&[1, 0]).await.unwrap();
            } else {
                stream.write_all(&[5, 0]).await.unwrap();
            }
            let mut head = [0; 5];
            stream.read_exact(&mut head).await.unwrap();
            assert_eq!(head[..4], [5, 1, 0, 3], "a domain name is wanted");
            let mut name = vec![0; usize::from(head[4])];
            stream.read_exact(&mut name).await.unwrap();
            let port = stream.read_u16().await.unwrap();
            names.send(format!("{}:{port}", String::from_utf8(name).unwrap())).await.unwrap();
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            let mut there = TcpStream::connect(to).await.unwrap();
            if copy_bidirectional(&mut stream, &mut there).await.is_err() {}
        }
    })
    .await;
    (at, asked)
}

#[tokio::test]
async fn directly() {
    says_hello(&format!("ws://{}/websocket", echo().await), &WebSocketSettings::default()).await;
}

#[tokio::test]
async fn an_http_proxy_is_asked_for_a_tunnel() {
    let (at, mut asked) = tunnel(echo().await).await;
    let proxy = format!("http://user:hunter22@{at}");
    says_hello("ws://only-the-proxy-knows.internal/websocket", &through(&proxy)).await;
    let head = asked.recv().await.unwrap();
    assert!(head.starts_with("CONNECT only-the-proxy-knows.internal:80 HTTP/1.1\r\n"), "{head}");
    // "user:hunter22" in Base64.
    assert!(head.to_lowercase().contains("proxy-authorization: basic "), "{head}");
    assert!(head.contains("dXNlcjpodW50ZXIyMg=="), "{head}");
}

#[tokio::test]
async fn a_socks_proxy_is_asked_for_the_name() {
    for scheme in ["socks5", "socks5h"] {
        let (at, mut asked) = socks(echo().await, None).await;
        says_hello("ws://only-the-proxy-knows.internal:3000/websocket", &through(&format!("{scheme}://{at}"))).await;
        assert_eq!(asked.recv().await.unwrap(), "only-the-proxy-knows.internal:3000");
    }
    let (at, mut asked) = socks(echo().await, Some("hunter22")).await;
    says_hello("ws://a.internal/websocket", &through(&format!("socks5://user:hunter22@{at}"))).await;
    assert_eq!(asked.recv().await.unwrap(), "a.internal:80");
}

/// The name that is asked for stands in the TLS greeting, and HTTP/2, which knows no such upgrade, is not offered.
#[tokio::test]
async fn tls_goes_through_the_tunnel() {
    let (greetings, mut seen) = mpsc::channel(1);
    let (server, _task) = peer(move |mut stream| {
        let greetings = greetings.clone();
        async move {
            let mut greeting = vec![0; 4096];
            let length = stream.read(&mut greeting).await.unwrap();
            greetings.send(String::from_utf8_lossy(&greeting[..length]).into_owned()).await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let (at, mut asked) = tunnel(server).await;
    let error = failure("wss://chat.internal/websocket", &through(&format!("http://{at}"))).await;
    assert!(error.to_string().starts_with("TLS: "), "{error}");
    assert!(asked.recv().await.unwrap().starts_with("CONNECT chat.internal:443 "));
    let greeting = seen.recv().await.unwrap();
    assert!(greeting.contains("chat.internal") && greeting.contains("http/1.1") && !greeting.contains("\u{2}h2"));
}

#[tokio::test]
async fn we_say_who_we_are() {
    let (heads, mut seen) = mpsc::channel(1);
    let (at, _task) = peer(move |mut stream| {
        let heads = heads.clone();
        async move { heads.send(read_until(&mut stream, "\r\n\r\n").await).await.unwrap() }
    })
    .await;
    failure(&format!("ws://{at}/a?b"), &WebSocketSettings::default()).await;
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(concat!("user-agent: tieline/", env!("CARGO_PKG_VERSION"))), "{head}");
}

#[tokio::test]
async fn another_status_is_told() {
    for (status, rest) in [(401, ""), (429, "retry-after: 9\r\n"), (302, "location: /b\r\n")] {
        let (at, _task) = peer(move |mut stream| async move {
            read_until(&mut stream, "\r\n\r\n").await;
            let answer = format!("HTTP/1.1 {status} X\r\n{rest}content-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let error = failure(&format!("ws://{at}/hunter22"), &WebSocketSettings::default()).await;
        assert_eq!(error, WebSocketError::Refused(StatusCode::from_u16(status).unwrap()));
    }
}

#[tokio::test]
async fn nobody_is_there() {
    let at = nobody().await;
    let refused = WebSocketError::Failed("connection refused".to_owned());
    assert_eq!(failure(&format!("ws://{at}/"), &WebSocketSettings::default()).await, refused);
    let error = failure("ws://a.internal/", &through(&format!("http://u:hunter22@{at}"))).await;
    assert_eq!(error.to_string(), "the proxy: connection refused");
}

#[tokio::test]
async fn the_proxy_refuses() {
    for status in ["403 Forbidden", "407 Proxy Authentication Required"] {
        let (at, _task) = peer(move |mut stream| async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        })
        .await;
        let error = failure("ws://a.internal/", &through(&format!("http://{at}"))).await.to_string();
        assert!(error.starts_with("the proxy: "), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing() {
    let (at, _task) = peer(|mut stream| async move {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    })
    .await;
    let settings = WebSocketSettings { connect_timeout: Duration::from_millis(50), ..WebSocketSettings::default() };
    assert_eq!(failure(&format!("ws://{at}/"), &settings).await, WebSocketError::Timeout);
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_connection() {
    let settings = WebSocketSettings { max_message: 100, ..WebSocketSettings::default() };
    let mut socket = connect(&url(&format!("ws://{}/", echo().await)), &settings).await.unwrap();
    let long = |length| Message::text("x".repeat(length));
    socket.send(long(100)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), long(100));
    socket.send(long(101)).await.unwrap();
    assert!(socket.next().await.unwrap().is_err());
}

#[tokio::test]
async fn addresses_that_are_none() {
    for address in ["http://chat.example.com/", "ftp://x/"] {
        let error = connect(&url(address), &WebSocketSettings::default()).await.unwrap_err();
        assert!(matches!(error, WebSocketError::Address(_)), "{error}");
    }
    let error = connect(&url("ws://x/"), &through("ftp://user:hunter22@p")).await.unwrap_err();
    assert!(matches!(error, WebSocketError::Proxy(_)) && !error.to_string().contains("hunter"), "{error}");
}

#[tokio::test]
async fn a_goodbye_is_answered_and_one_that_is_not_is_not_waited_for() {
    let (told, mut code) = mpsc::channel(1);
    let (at, _task) = peer(move |stream| {
        let told = told.clone();
        async move {
            let mut socket = accept_async(stream).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Close(frame) = message {
                    told.send(frame.map(|frame| u16::from(frame.code))).await.unwrap();
                }
            }
        }
    })
    .await;
    for parting in [Some(4000), None] {
        let socket = connect(&url(&format!("ws://{at}")), &WebSocketSettings::default()).await.unwrap();
        assert!(leave(socket, parting).await);
        assert_eq!(code.recv().await.unwrap(), parting);
    }
    let (deaf, _task) = peer(|stream| async move {
        let _socket = accept_async(stream).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let socket = connect(&url(&format!("ws://{deaf}")), &WebSocketSettings::default()).await.unwrap();
    assert!(!leave(socket, Some(4000)).await);
}

#[tokio::test]
async fn what_is_said_gets_through_or_the_line_is_broken() {
    let at = echo().await;
    let mut socket = connect(&url(&format!("ws://{at}")), &WebSocketSettings::default()).await.unwrap();
    assert_eq!(say(&mut socket, "hello".to_owned()).await, Ok(()));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    socket.close(None).await.unwrap();
    assert_eq!(say(&mut socket, "too late".to_owned()).await, Err(Broken));
}
