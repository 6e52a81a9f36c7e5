//! The media spool on a real disk.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use tieline_core::event::AttachmentKind;
use tieline_core::spool::{MediaSpool, SpoolError, SpoolId, SpooledFile};
use tieline_net::spool::{Spool, file_body, file_part};
use tieline_net::{ClientSettings, client};
use tokio::sync::mpsc;

use crate::peer::{answer, peer, read_until};

pub(crate) async fn put(spool: &Spool, pieces: impl IntoIterator<Item = Bytes>) -> SpooledFile {
    let mut writer = spool.begin(u64::MAX).await.unwrap();
    for piece in pieces {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_named_by_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path().join("new/media")).unwrap();
    let file = put(&spool, [Bytes::from_static(b"ab"), Bytes::new(), Bytes::from_static(b"c")]).await;
    assert_eq!(file.id.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((file.size, file.sniffed), (3, None));
    let path = spool.open(&file.id).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"abc");
    assert_eq!(put(&spool, []).await.size, 0);
}

#[tokio::test]
async fn two_writers_of_the_same_content_meet() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let pieces = || (0..100).map(|n| Bytes::from(vec![n; 10_000]));
    let (a, b) = tokio::join!(put(&spool, pieces()), put(&spool, pieces()));
    assert_eq!((&a, a.size), (&b, 1_000_000));
    assert_eq!(names(dir.path()), [a.id.as_str()]);
    assert_eq!(std::fs::read(spool.open(&a.id).await.unwrap()).unwrap().len(), 1_000_000);

    spool.remove(&[a.id.clone(), a.id.clone()]).await;
    assert_eq!(spool.open(&a.id).await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_file_over_the_limit_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let mut writer = spool.begin(1000).await.unwrap();
    writer.write(Bytes::from(vec![0; 1000])).await.unwrap();
    let error = writer.write(Bytes::from_static(b"x")).await.unwrap_err();
    assert!(matches!(error, SpoolError::TooLarge { limit: 1000 }));
    assert!(names(dir.path()).is_empty());
    assert!(matches!(writer.finish().await, Err(SpoolError::Disk(_))));
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let mut writer = spool.begin(u64::MAX).await.unwrap();
    writer.write(Bytes::from(vec![0; 300_000])).await.unwrap();
    assert_eq!(names(dir.path()).len(), 1);
    drop(writer);
    assert!(names(dir.path()).is_empty());
}

#[tokio::test]
async fn what_a_crash_left_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let kept = put(&spool, [Bytes::from_static(b"kept")]).await.id;
    put(&spool, [Bytes::from_static(b"not needed")]).await;
    std::fs::write(dir.path().join("part-abc"), "half").unwrap();
    std::fs::write(dir.path().join("README"), "not ours").unwrap();
    let gone = SpoolId::of_digest([7; 32]);
    assert_eq!(spool.sweep(&HashSet::from([kept.clone(), gone])).await.unwrap(), 2);
    assert_eq!(names(dir.path()), [kept.as_str(), "README"]);
}

/// Somebody's backup, perhaps. It must not keep the relay from starting.
#[tokio::test]
async fn folders_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let id = SpoolId::of_digest([7; 32]);
    for name in ["part-x", id.as_str(), "backup"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    std::fs::write(dir.path().join("part-y"), "half").unwrap();
    assert_eq!(spool.sweep(&HashSet::new()).await.unwrap(), 1);
    assert_eq!(names(dir.path()), [id.as_str(), "backup", "part-x"]);
    assert_eq!(spool.open(&id).await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn bytes_say_what_a_file_is() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let png = put(&spool, [Bytes::from_static(b"\x89PNG"), Bytes::from_static(b"\r\n\x1a\n\0\0\0\rIHDR")]).await;
    assert_eq!(png.sniffed, Some("image/png"));
    for svg in ["<svg xmlns='http://www.w3.org/2000/svg'/>", "<?xml version='1.0'?><svg/>"] {
        let svg = put(&spool, [Bytes::from_static(svg.as_bytes())]).await;
        assert_eq!(AttachmentKind::of_mime(svg.sniffed.unwrap_or("image/svg+xml")), AttachmentKind::Document);
    }
}

#[tokio::test]
async fn an_upload_declares_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let file = put(&spool, [Bytes::from(vec![b'x'; 400_000]), Bytes::from_static(b"THE END")]).await;
    let path = spool.open(&file.id).await.unwrap();
    assert_eq!(file_body(&path).await.unwrap().1, 400_007);

    let (requests, mut seen) = mpsc::channel(1);
    let (at, _peer) = peer(move |mut stream| {
        let requests = requests.clone();
        async move {
            requests.send(read_until(&mut stream, "THE END").await).await.unwrap();
            answer(&mut stream, "{}").await;
        }
    })
    .await;
    let form = reqwest::multipart::Form::new().part("file", file_part(&path).await.unwrap().file_name("x.txt"));
    let client = client(&ClientSettings::default().for_uploads()).unwrap();
    client.post(format!("http://{at}/")).multipart(form).send().await.unwrap();
    let request = seen.recv().await.unwrap();
    assert!(request.contains("content-length: 400") && !request.contains("chunked"), "{}", &request[..300]);
}
