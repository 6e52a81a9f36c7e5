//! Requests that are no HTTP are refused in JSON like all others.

use tieline_net::Listeners;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::listener::{Echo, assert_refused, mount, post, send};
use crate::peer::{read_answer, read_to_end};

#[tokio::test]
async fn what_cannot_be_parsed() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    for broken in [
        "\0\0\0\0",
        "POST\r\n\r\n",
        "\x16\x03\x01\x02",
        "POST / HTTP/3.7\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nhos t: x\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(mounted.local).await.unwrap();
        stream.write_all(broken.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_refused(&answer, 400);
        assert!(answer.head.contains("connection: close"), "{broken:?}: {answer:?}");
        assert_eq!(read_to_end(&mut stream).await, "", "{broken:?}");
    }
}

#[tokio::test]
async fn after_a_good_request() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let mut stream = TcpStream::connect(mounted.local).await.unwrap();
    for body in ["one", "two"] {
        stream.write_all(post("/?a", body).as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut stream).await.body, body);
    }
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    assert_refused(&read_answer(&mut stream).await, 400);
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn two_hosts() {
    let listeners = Listeners::default();
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let two = "POST /?a HTTP/1.1\r\nhost: x\r\nhost: y\r\ncontent-length: 2\r\n\r\n{}";
    assert_refused(&send(mounted.local, two).await, 400);
}
