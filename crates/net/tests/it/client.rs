//! What an error means: whether the request may have arrived, and what people are told.

use std::time::Duration;

use tieline_core::driver::ProxyChoice;
use tieline_core::secret::Secret;
use tieline_net::{ClientSettings, Endpoint, Transport, Unanswered, client, describe, outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::peer::{answer, nobody, peer, read_until, reset};

const TOKEN: &str = "hook-token-hunter22";

/// Posts to a path that holds a secret and returns how that failed. An endpoint must fail in the same way.
async fn failure(settings: &ClientSettings, base: &str) -> (Transport, String) {
    let url = format!("{base}/hooks/{TOKEN}?key={TOKEN}");
    let result = async { client(settings).unwrap().post(&url).body("hello").send().await?.bytes().await };
    let error = result.await.expect_err("the request must fail");
    let words = describe(&error);
    assert!(!words.contains("hunter") && !words.contains("127.0.0.1") && !words.contains("://"), "{words}");
    let failed = Endpoint::new(&Secret::new(url), settings).unwrap().post_json(b"hello".to_vec(), 1000).await;
    let lost = Unanswered::Lost { outcome: outcome(&error), why: words.clone() };
    assert_eq!(failed.expect_err("the post must fail"), lost);
    (outcome(&error), words)
}

fn direct() -> ClientSettings {
    ClientSettings::default()
}

fn through(url: &str) -> ClientSettings {
    ClientSettings::through(ProxyChoice::Url(Secret::new(url)))
}

fn not_sent(words: &str) -> (Transport, String) {
    (Transport::NotSent, words.to_owned())
}

fn unknown(words: &str) -> (Transport, String) {
    (Transport::Unknown, words.to_owned())
}

#[tokio::test]
async fn connection_refused() {
    let at = nobody().await;
    assert_eq!(failure(&direct(), &format!("http://{at}")).await, not_sent("connection refused"));
}

#[tokio::test]
async fn unknown_host_name() {
    let (transport, words) = failure(&direct(), "http://tieline.invalid").await;
    assert_eq!(transport, Transport::NotSent);
    assert!(words.starts_with("the host name cannot be resolved"), "{words}");
}

#[tokio::test]
async fn no_tls_on_the_other_side() {
    let (at, _peer) = peer(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    })
    .await;
    let (transport, words) = failure(&direct(), &format!("https://{at}")).await;
    assert_eq!(transport, Transport::NotSent);
    assert!(words.starts_with("TLS: "), "{words}");
}

#[tokio::test]
async fn tls_handshake_hangs() {
    let (at, _peer) = peer(|mut stream| async move {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    })
    .await;
    let settings = ClientSettings { connect_timeout: Duration::from_millis(50), ..direct() };
    assert_eq!(failure(&settings, &format!("https://{at}")).await, not_sent("timed out while connecting"));
}

#[tokio::test]
async fn closed_after_the_request_was_read() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "hello").await;
    })
    .await;
    let words = "the connection was closed before the answer was complete";
    assert_eq!(failure(&direct(), &format!("http://{at}")).await, unknown(words));
}

#[tokio::test]
async fn reset_after_the_request_was_read() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "hello").await;
        reset(&stream);
    })
    .await;
    assert_eq!(failure(&direct(), &format!("http://{at}")).await, unknown("the connection was reset"));
}

#[tokio::test]
async fn no_answer_in_time() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "hello").await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    })
    .await;
    for settings in [
        ClientSettings { read_timeout: Some(Duration::from_millis(50)), ..direct() },
        ClientSettings { total_timeout: Some(Duration::from_millis(50)), ..direct().for_uploads() },
    ] {
        assert_eq!(failure(&settings, &format!("http://{at}")).await, unknown("timed out without an answer"));
    }
}

#[tokio::test]
async fn answer_breaks_off() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "hello").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let (transport, _) = failure(&direct(), &format!("http://{at}")).await;
    assert_eq!(transport, Transport::Unknown);
}

#[tokio::test]
async fn answer_is_not_http() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "hello").await;
        stream.write_all(b"220 mail.example.com ESMTP\r\n").await.unwrap();
    })
    .await;
    let (transport, _) = failure(&direct(), &format!("http://{at}")).await;
    assert_eq!(transport, Transport::Unknown);
}

#[tokio::test]
async fn proxy_refuses_the_tunnel() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let (transport, words) = failure(&through(&format!("http://{at}")), "https://chat.example.com").await;
    assert_eq!(transport, Transport::NotSent);
    assert!(words.starts_with("cannot connect"), "{words}");
}

#[tokio::test]
async fn proxy_is_down() {
    let at = nobody().await;
    for scheme in ["http", "https"] {
        let settings = through(&format!("{scheme}://{at}"));
        assert_eq!(failure(&settings, "http://chat.example.com").await, not_sent("connection refused"), "{scheme}");
    }
    // hyper-util keeps the cause to itself here.
    let (transport, words) = failure(&through(&format!("socks5://{at}")), "http://chat.example.com").await;
    assert_eq!(transport, Transport::NotSent);
    assert!(words.starts_with("cannot connect: SOCKS error"), "{words}");
}

#[tokio::test]
async fn a_socks_proxy_is_asked_for_the_name() {
    let (names, mut asked) = mpsc::channel(1);
    let (at, _peer) = peer(move |mut stream| {
        let names = names.clone();
        async move {
            // RFC 1928: greeting, "no authentication", request with a domain name (address type 3).
            let mut greeting = [0; 3];
            stream.read_exact(&mut greeting[..2]).await.unwrap();
            let mut methods = vec![0; usize::from(greeting[1])];
            stream.read_exact(&mut methods).await.unwrap();
            stream.write_all(&[5, 0]).await.unwrap();
            let mut head = [0; 5];
            stream.read_exact(&mut head).await.unwrap();
            assert_eq!(head[..4], [5, 1, 0, 3]);
            let mut name = vec![0; usize::from(head[4]) + 2];
            stream.read_exact(&mut name).await.unwrap();
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            read_until(&mut stream, "hello").await;
            answer(&mut stream, "{}").await;
            names.send(String::from_utf8_lossy(&name[..name.len() - 2]).into_owned()).await.unwrap();
        }
    })
    .await;
    let client = client(&through(&format!("socks5://{at}"))).unwrap();
    let answer = client.post("http://only-the-proxy-knows.internal/x").body("hello").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "{}");
    assert_eq!(asked.recv().await.unwrap(), "only-the-proxy-knows.internal");
}

#[tokio::test]
async fn a_redirect_is_handed_over() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "hello").await;
        stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let answer = client(&direct()).unwrap().post(format!("http://{at}/a")).body("hello").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
}

#[tokio::test]
async fn we_say_who_we_are() {
    let (heads, mut seen) = mpsc::channel(1);
    let (at, _peer) = peer(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_until(&mut stream, "\r\n\r\n").await).await.unwrap();
            answer(&mut stream, "").await;
        }
    })
    .await;
    client(&direct()).unwrap().get(format!("http://{at}/")).send().await.unwrap();
    assert!(seen.recv().await.unwrap().contains(concat!("user-agent: tieline/", env!("CARGO_PKG_VERSION"))));
}

/// A server that closes an idle connection, as Node does after 5 s: the next request must not fail for it.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_not_used() {
    let (closed, mut closes) = mpsc::channel(2);
    let (at, _peer) = peer(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_until(&mut stream, "hello").await;
            answer(&mut stream, "{}").await;
            drop(stream);
            closed.send(()).await.unwrap();
        }
    })
    .await;
    let client = client(&direct()).unwrap();
    for _ in 0..2 {
        let answer = client.post(format!("http://{at}/")).body("hello").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "{}");
        closes.recv().await.unwrap();
        // The end of the connection is in the kernel already; each yield lets the client look there.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }
}

fn endpoint(url: String) -> Endpoint {
    Endpoint::new(&Secret::new(url), &direct()).unwrap()
}

/// The same of an endpoint, and that it keeps a connection that is open.
#[tokio::test]
async fn an_endpoint_uses_a_connection_again_and_none_that_was_closed_while_idle() {
    let (opened, mut opens) = mpsc::channel(4);
    let (at, _peer) = peer(move |mut stream| {
        let opened = opened.clone();
        async move {
            opened.send(()).await.unwrap();
            for _ in 0..2 {
                read_until(&mut stream, "hello").await;
                answer(&mut stream, "{}").await;
            }
        }
    })
    .await;
    let endpoint = endpoint(format!("http://{at}/"));
    for connections in [1, 1, 2, 2] {
        let answered = endpoint.post_json(b"hello".to_vec(), 1000).await.unwrap();
        assert_eq!((answered.status.as_u16(), answered.body.as_slice()), (200, b"{}".as_slice()));
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        assert_eq!(opens.max_capacity() - opens.capacity(), connections);
    }
    opens.close();
}

#[tokio::test]
async fn an_endpoint_asks_as_the_client_does() {
    let (heads, mut seen) = mpsc::channel(1);
    let (at, _peer) = peer(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_until(&mut stream, "hello").await).await.unwrap();
            answer(&mut stream, "").await;
        }
    })
    .await;
    // With credentials the same request goes through the client.
    for with in ["", "user:word@"] {
        let url = format!("http://{with}{at}/hooks/a%20b/c?d=e#f");
        endpoint(url.clone()).post_json(b"hello".to_vec(), 1000).await.unwrap();
        let asked = seen.recv().await.unwrap();
        let json = client(&direct()).unwrap().post(&url).header("content-type", "application/json");
        json.body("hello").send().await.unwrap();
        let sorted = |head: &str| {
            let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
            lines[1..].sort();
            lines
        };
        assert_eq!(sorted(&asked), sorted(&seen.recv().await.unwrap()));
    }
}

#[tokio::test]
async fn an_endpoint_reads_no_more_than_it_is_told() {
    let (at, _peer) = peer(|mut stream| async move {
        read_until(&mut stream, "hello").await;
        answer(&mut stream, "0123456789").await;
        read_until(&mut stream, "hello").await;
        let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n012345\r\n4\r\n6789\r\n0\r\n\r\n";
        stream.write_all(chunks.as_bytes()).await.unwrap();
    })
    .await;
    let endpoint = endpoint(format!("http://{at}/"));
    for limit in [10, 9] {
        let answered = endpoint.post_json(b"hello".to_vec(), limit).await;
        assert_eq!(answered.ok().map(|answered| answered.body), (limit == 10).then(|| b"0123456789".to_vec()));
    }
}

#[tokio::test]
async fn an_endpoint_goes_through_a_proxy() {
    let (heads, mut seen) = mpsc::channel(1);
    let (at, _peer) = peer(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_until(&mut stream, "hello").await).await.unwrap();
            answer(&mut stream, "{}").await;
        }
    })
    .await;
    let url = Secret::new("http://only-the-proxy-knows.internal/x");
    let endpoint = Endpoint::new(&url, &through(&format!("http://{at}"))).unwrap();
    endpoint.post_json(b"hello".to_vec(), 1000).await.unwrap();
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with("POST http://only-the-proxy-knows.internal/x HTTP/1.1"), "{head}");
}
