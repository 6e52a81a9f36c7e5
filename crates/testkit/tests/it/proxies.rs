//! The proxies pass on what they should, and remember it.

use tieline_testkit::rocketchat::{FakeRocketChat, RocketChatScript};
use tieline_testkit::{FakeProxy, ProxyScript};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn address(url: &str) -> String {
    url.rsplit(['/', '@']).next().unwrap().to_owned()
}

async fn say(proxy: &FakeProxy, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(&proxy.url())).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn http_takes_tunnels_and_absolute_requests() {
    let server = FakeRocketChat::start(RocketChatScript::default()).await;
    let target = address(server.url());
    let proxy = FakeProxy::http().await;
    let absolute = format!("GET http://{target}/api/info HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: x\r\n\r\n");
    assert!(say(&proxy, absolute.as_bytes()).await.contains("8.1"));
    let inner = "GET /api/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let tunnel = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n{inner}");
    assert!(say(&proxy, tunnel.as_bytes()).await.contains("8.1"));
    assert_eq!(proxy.targets(), [target.clone(), target]);
}

#[tokio::test]
async fn http_asks_for_the_login_and_can_refuse() {
    let script = ProxyScript { login: Some(("u".to_owned(), "p".to_owned())), refuse: true };
    let proxy = FakeProxy::http_with(script).await;
    let without = "CONNECT a:1 HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(say(&proxy, without.as_bytes()).await.starts_with("HTTP/1.1 407"));
    let with = "CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Basic dTpw\r\n\r\n";
    assert!(say(&proxy, with.as_bytes()).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn socks5_connects_by_name_after_the_login() {
    let server = FakeRocketChat::start(RocketChatScript::default()).await;
    let port = address(server.url()).rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let script = ProxyScript { login: Some(("u".to_owned(), "p".to_owned())), refuse: false };
    let proxy = FakeProxy::socks5_with(script).await;
    let mut bytes = vec![5, 1, 2, 1, 1, b'u', 1, b'p', 5, 1, 0, 3, 9];
    bytes.extend_from_slice(b"localhost");
    bytes.extend_from_slice(&port.to_be_bytes());
    bytes.extend_from_slice(b"GET /api/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(address(&proxy.url())).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer[..4], [5, 2, 1, 0]);
    assert!(String::from_utf8_lossy(&answer).contains("8.1"));
    assert_eq!(proxy.targets(), [format!("localhost:{port}")]);
}
