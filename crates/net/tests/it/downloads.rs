//! Bodies of answers into the spool, on a real disk.

use std::net::SocketAddr;
use std::path::Path;

use tieline_core::spool::{MediaSpool, SpooledFile};
use tieline_net::{ClientSettings, Spool, StoreError, client, store};
use tokio::io::AsyncWriteExt;

use crate::peer::{peer, read_until};

/// A server of one answer, which it sends as it stands here, and closes.
async fn server(answer: &'static str) -> SocketAddr {
    let (at, _task) = peer(move |mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    at
}

async fn fetch(answer: &'static str, dir: &Path, limit: u64) -> Result<SpooledFile, StoreError> {
    let spool = Spool::open(dir).unwrap();
    let client = client(&ClientSettings::default()).unwrap();
    let response = client.get(format!("http://{}/", server(answer).await)).send().await.unwrap();
    let stored = store(response, &spool, limit).await;
    if let Ok(file) = &stored {
        assert_eq!(std::fs::read(spool.open(&file.id).await.unwrap()).unwrap().len() as u64, file.size);
    }
    stored
}

#[tokio::test]
async fn a_body_of_the_limit_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    for answer in ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\n\r\nhello"] {
        assert_eq!(fetch(answer, dir.path(), 5).await.unwrap().size, 5, "{answer}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_breaks_off_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello!\r\n0\r\n\r\n",
    ] {
        let error = fetch(answer, dir.path(), 5).await.unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { limit: 5 }), "{answer}: {error}");
        assert_eq!(error.to_string(), "larger than 5 bytes");
    }
    let broken = fetch("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", dir.path(), 5).await.unwrap_err();
    assert!(matches!(broken, StoreError::BrokeOff(_)), "{broken}");
    assert!(broken.to_string().starts_with("the download broke off: "), "{broken}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_disk_that_refuses_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path().join("media")).unwrap();
    std::fs::remove_dir(dir.path().join("media")).unwrap();
    let client = client(&ClientSettings::default()).unwrap();
    let at = server("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let response = client.get(format!("http://{at}/")).send().await.unwrap();
    let error = store(response, &spool, 5).await.unwrap_err();
    assert!(matches!(error, StoreError::Disk(_)), "{error}");
}
