//! Files behind signed links, fetched as a platform would.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tieline_core::offer::{FileOffer, OfferError};
use tieline_core::spool::{MediaSpool, SpoolId};
use tieline_core::webhook::{ListenAt, Mounted, Webhooks};
use tieline_net::{ListenerLimits, Listeners, Spool};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::listener::{Echo, assert_refused, mount, post, send, short};
use crate::peer::{Answer, read_answer, read_to_end};
use crate::spool::put;

const HOUR: Duration = Duration::from_hours(1);

/// A listener that offers the files of its spool.
struct Scene {
    listeners: Listeners,
    mounted: Mounted,
    spool: Arc<Spool>,
    _dir: tempfile::TempDir,
}

impl Scene {
    async fn new(limits: ListenerLimits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(dir.path()).unwrap());
        let listeners = Listeners::new(limits);
        listeners.offer_from(spool.clone());
        let mounted = mount(&listeners, 0, "/hook", Echo { token: "a" }).await;
        Self { listeners, mounted, spool, _dir: dir }
    }

    fn at(&self) -> ListenAt {
        ListenAt { host: "127.0.0.1".to_owned(), port: self.mounted.local.port(), path: "/hook".to_owned() }
    }

    async fn keep(&self, content: &'static str) -> SpoolId {
        put(&self.spool, [Bytes::from_static(content.as_bytes())]).await.id
    }

    async fn link(&self, file: &SpoolId, lives: Duration) -> String {
        let offer = FileOffer { file: file.clone(), name: "a b.txt".to_owned(), mime: "text/plain".to_owned(), lives };
        self.listeners.offer(&self.at(), offer).await.unwrap().path
    }

    async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        send(self.mounted.local, &format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await
    }
}

#[tokio::test]
async fn a_link_leads_to_its_file() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let file = scene.keep("0123456789").await;
    let path = scene.link(&file, HOUR).await;
    assert!(path.ends_with("/a_b.txt") && path.contains(file.as_str()), "{path}");
    let answer = scene.ask("GET", &path, "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "0123456789"));
    for header in [
        "content-type: text/plain",
        "content-length: 10",
        "content-disposition: attachment; filename=\"a_b.txt\"",
        "x-content-type-options: nosniff",
        "accept-ranges: bytes",
        "cache-control: private, no-store",
    ] {
        assert!(answer.head.contains(header), "{header}: {answer:?}");
    }
    assert!(!answer.head.contains("chunked"), "{answer:?}");
}

#[tokio::test]
async fn the_head_says_what_would_come() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let path = scene.link(&scene.keep("0123456789").await, HOUR).await;
    let mut stream = TcpStream::connect(scene.mounted.local).await.unwrap();
    let head = format!("HEAD {path} HTTP/1.1\r\nhost: x\r\nrange: bytes=2-3\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let said = read_to_end(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("content-length: 10\r\n"), "{said}");
    assert!(said.ends_with("\r\n\r\n"), "{said}");
}

#[tokio::test]
async fn a_transfer_is_resumed() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let file = scene.keep("0123456789").await;
    let path = scene.link(&file, HOUR).await;
    for (range, content_range, body) in [
        ("bytes=4-", "content-range: bytes 4-9/10", "456789"),
        ("bytes=0-0", "content-range: bytes 0-0/10", "0"),
        ("bytes=-2", "content-range: bytes 8-9/10", "89"),
    ] {
        let answer = scene.ask("GET", &path, &format!("range: {range}\r\nif-range: \"{file}\"\r\n")).await;
        assert_eq!((answer.status, answer.body.as_str()), (206, body), "{range}");
        assert!(answer.head.contains(content_range), "{answer:?}");
    }
    let answer = scene.ask("GET", &path, "range: bytes=10-\r\n").await;
    assert_refused(&answer, 416);
    assert!(answer.head.contains("content-range: bytes */10"), "{answer:?}");
    let answer = scene.ask("GET", &path, "range: bytes=0-1,4-5\r\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "0123456789"));
}

/// What is wrong with a link, or whether there is one, is not told: it is a path like any other that leads nowhere.
#[tokio::test]
async fn a_stranger_learns_nothing() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let file = scene.keep("secret").await;
    let good = scene.link(&file, HOUR).await;
    let nowhere = scene.ask("GET", "/nowhere", "").await;
    assert_refused(&nowhere, 404);
    let expired = scene.link(&file, Duration::ZERO).await;
    let gone = scene.keep("gone").await;
    let removed = scene.link(&gone, HOUR).await;
    scene.spool.remove(&[gone]).await;
    let signature = good.split('/').nth(2).unwrap();
    let unsigned = good.replace(signature, &"A".repeat(signature.len()));
    let renamed = good.replace("a_b.txt", "a_b.htm");
    for bad in [expired, unsigned, renamed, removed.clone(), "/tieline-files/".to_owned(), "/tieline-files".to_owned()]
    {
        for method in ["GET", "POST"] {
            // Of a file that is gone the link is still good, so its method is looked at first.
            if method == "POST" && bad == removed {
                continue;
            }
            let answer = scene.ask(method, &bad, "").await;
            assert_eq!((answer.status, &answer.body), (404, &nowhere.body), "{method} {bad}");
        }
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer = scene.ask(method, &good, "").await;
        assert_refused(&answer, 405);
        assert!(answer.head.contains("allow: GET, HEAD"), "{answer:?}");
    }
}

#[tokio::test]
async fn instances_that_share_a_port_share_its_links() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let port = scene.mounted.local.port();
    let second = mount(&scene.listeners, port, "/second", Echo { token: "b" }).await;
    let elsewhere = mount(&scene.listeners, 0, "/hook", Echo { token: "a" }).await;
    let file = scene.keep("x").await;
    let path = scene.link(&file, HOUR).await;
    assert_refused(&send(elsewhere.local, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await, 404);
    // An instance that is reloaded does not take the links of the others away.
    drop(second);
    assert_eq!(scene.ask("GET", &path, "").await.body, "x");
}

#[tokio::test]
async fn a_mount_wins_over_a_link() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let path = scene.link(&scene.keep("x").await, HOUR).await;
    let _mounted = mount(&scene.listeners, scene.mounted.local.port(), &path, Echo { token: "c" }).await;
    assert_eq!(send(scene.mounted.local, &post(&format!("{path}?c"), "mine")).await.body, "mine");
    assert_refused(&scene.ask("GET", &path, "").await, 405);
}

#[tokio::test]
async fn what_cannot_be_offered() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let file = scene.keep("x").await;
    let offer =
        |file: &SpoolId| FileOffer { file: file.clone(), name: String::new(), mime: String::new(), lives: HOUR };
    let missing = scene.listeners.offer(&scene.at(), offer(&SpoolId::of_digest([7; 32]))).await.unwrap_err();
    assert!(matches!(missing, OfferError::Spool(error) if error.kind() == std::io::ErrorKind::NotFound));
    let at = scene.at();
    drop(scene.mounted);
    let error = scene.listeners.offer(&at, offer(&file)).await.unwrap_err();
    assert!(matches!(error, OfferError::NotListening { port, .. } if port == at.port), "{error}");
    let without = Listeners::default();
    let mounted = mount(&without, 0, "/", Echo { token: "a" }).await;
    let at = ListenAt { port: mounted.local.port(), ..at };
    assert!(matches!(without.offer(&at, offer(&file)).await, Err(OfferError::Unsupported)));
}

/// The file looks like what hyper says by itself, which is exchanged on its way out; and it is longer than any buffer.
#[tokio::test]
async fn a_large_file_arrives_byte_for_byte() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let line = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let content = line.repeat(100_000);
    let file = put(&scene.spool, [Bytes::from(content.clone())]).await.id;
    let path = scene.link(&file, HOUR).await;
    let mut stream = TcpStream::connect(scene.mounted.local).await.unwrap();
    // Twice on one connection, then something else: what was said before is forgotten.
    for _ in 0..2 {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.body == content, "{} bytes", answer.body.len());
    }
    stream.write_all(post("/hook?a", "{}").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.body, "{}");
}

#[tokio::test]
async fn an_empty_file() {
    let scene = Scene::new(ListenerLimits::default()).await;
    let path = scene.link(&scene.keep("").await, HOUR).await;
    let answer = scene.ask("GET", &path, "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(answer.head.contains("content-length: 0"), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off() {
    let limits = ListenerLimits { connections: 1, answer_stall: Duration::from_millis(50), ..short() };
    let scene = Scene::new(limits).await;
    let size = 32 * 1024 * 1024;
    let file = put(&scene.spool, [Bytes::from(vec![b'x'; size])]).await.id;
    let path = scene.link(&file, HOUR).await;
    let mut asleep = TcpStream::connect(scene.mounted.local).await.unwrap();
    asleep.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    // The first bytes are there, so it has the only place.
    asleep.readable().await.unwrap();
    let given_back = tokio::time::timeout(Duration::from_mins(1), async {
        while send(scene.mounted.local, &post("/hook?a", "{}")).await.status == 503 {}
    });
    given_back.await.unwrap();
    let read = read_to_end(&mut asleep).await.len();
    assert!(read < size, "{read}");
    // A transfer that was cut off leaves the file where it is.
    assert_eq!(scene.spool.sweep(&HashSet::from([file])).await.unwrap(), 0);
}
