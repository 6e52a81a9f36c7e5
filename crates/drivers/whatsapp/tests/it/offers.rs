//! Files that are too large for a call: the addon fetches them from our listener.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tieline_core::driver::DriverContext;
use tieline_core::event::AttachmentKind;
use tieline_core::offer::{FileOffer, OfferError, OfferedFile};
use tieline_core::send::{SendError, Trouble};
use tieline_core::webhook::{ListenAt, Mount, MountError, Mounted, Webhooks};
use tieline_net::Listeners;
use tieline_testkit::whatsapp::{Fault, Route, WhatsAppScript};
use tieline_testkit::{EverySource, RecordingCursors};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::addon::{Scene, scene_with};

/// What a machine's router or proxy does: an address that is known before, and leads to the listener.
struct Gate {
    url: String,
    listeners: Listeners,
    local: watch::Sender<Option<SocketAddr>>,
}

impl Gate {
    async fn open() -> Arc<Self> {
        let outside = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port can be had");
        let url = format!("http://{}/", outside.local_addr().expect("it is bound"));
        let (local, mut known) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = outside.accept().await {
                let Ok(Some(to)) = known.wait_for(Option::is_some).await.map(|to| *to) else { return };
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(to).await.expect("it listens");
                    // Either side may close when it has enough.
                    tokio::io::copy_bidirectional(&mut from, &mut to).await.ok();
                });
            }
        });
        Arc::new(Self { url, listeners: Listeners::default(), local })
    }
}

#[async_trait]
impl Webhooks for Gate {
    async fn mount(&self, mount: Mount) -> Result<Mounted, MountError> {
        let mounted = self.listeners.mount(mount).await?;
        self.local.send_replace(Some(mounted.local));
        Ok(mounted)
    }

    async fn offer(&self, at: &ListenAt, offer: FileOffer) -> Result<OfferedFile, OfferError> {
        self.listeners.offer(at, offer).await
    }
}

async fn listening(gate: &Arc<Gate>, scene: &Scene) -> tokio_util::sync::DropGuard {
    gate.listeners.offer_from(Arc::clone(&scene.spool) as _);
    let shutdown = CancellationToken::new();
    let context = DriverContext {
        inbound: Arc::clone(&scene.inbound) as _,
        webhooks: Arc::clone(gate) as _,
        health: Arc::clone(&scene.health) as _,
        cursors: Arc::new(RecordingCursors::default()),
        sources: Arc::new(EverySource),
        shutdown: shutdown.clone(),
    };
    tokio::spawn(Arc::clone(&scene.driver).run(context));
    scene.health.wait_until_ready().await;
    shutdown.drop_guard()
}

#[tokio::test]
async fn a_large_file_is_fetched_by_the_addon_and_its_link_is_not_shown() {
    let gate = Gate::open().await;
    let scene = scene_with(WhatsAppScript::default(), json!({ "media_url": gate.url })).await;
    let content: Vec<u8> = (0..40_000_000_u32).map(|at| at.wrapping_mul(0x9e37_79b9).to_be_bytes()[0]).collect();
    let mut outgoing = scene.outgoing("look");
    outgoing.attachments.push(scene.file(AttachmentKind::Video, "film.mp4", "video/mp4", content.clone()).await);
    let early = scene.deliver(&outgoing).await;
    assert!(
        matches!(early, Err(SendError::Retryable { trouble: Trouble::Other, .. })),
        "nothing listens yet: {early:?}"
    );
    let _listening = listening(&gate, &scene).await;
    scene.deliver(&outgoing).await.expect("sent");
    let said = scene.said();
    assert_eq!((said.len(), said[0].text.as_str()), (1, "look"));
    assert!(said[0].media.as_ref().expect("a file").read().expect("readable") == content, "the bytes differ");
    let request = scene.addon.requests_to(Route::SendVideo).remove(0);
    let link = request.body.expect("JSON")["url"].as_str().expect("a text").to_owned();
    assert!(link.starts_with(&gate.url) && link.ends_with("film.mp4"), "{link}");
    let part = scene.first(&outgoing).part.body.to_string();
    assert!(!part.contains("http"), "no part holds a link: {part}");

    let fault = json!({ "detail": format!("Failed to fetch stream from {link}: 404") }).to_string();
    scene.addon.faults().on(Route::SendVideo).next(1, Fault::Answer { status: 500, body: fault });
    let unfetched = scene.deliver(&outgoing).await;
    let Err(SendError::Retryable { reason, trouble: Trouble::Other, .. }) = unfetched else { panic!("{unfetched:?}") };
    assert!(reason.contains("`media_url`") && !reason.contains("tieline-files"), "{reason}");
}

#[tokio::test]
async fn what_a_proxy_refuses_to_carry_is_offered() {
    let gate = Gate::open().await;
    let scene = scene_with(WhatsAppScript::default(), json!({ "media_url": gate.url })).await;
    let _listening = listening(&gate, &scene).await;
    let mut outgoing = scene.outgoing("");
    let file =
        scene.file(AttachmentKind::Document, "Angebot für Ämter.pdf", "application/pdf", &b"the bytes"[..]).await;
    outgoing.attachments.push(file);
    let fault = Fault::Answer { status: 413, body: "<h1>413 Request Entity Too Large</h1>".to_owned() };
    scene.addon.faults().on(Route::SendDocument).next(1, fault);
    scene.deliver(&outgoing).await.expect("sent");
    let media = scene.said().remove(0).media.expect("a file");
    assert_eq!((media.name.as_deref(), media.mime.as_str()), (Some("Angebot für Ämter.pdf"), "application/pdf"));
    assert_eq!(media.read().expect("readable"), b"the bytes");
}
