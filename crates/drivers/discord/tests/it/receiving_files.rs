//! Files of messages that came over the gateway.

use tieline_core::event::{AttachmentKind, Content, Event};
use tieline_core::spool::MediaSpool as _;
use tieline_testkit::discord::Post;

use crate::scene::{Scene, scene};

impl Scene {
    /// A message that somebody posts, with its files in the spool.
    async fn completed(&self, post: Post) -> Event {
        let id = self.discord.say(self.channel, self.ann, post).to_string();
        let event = self.inbound.wait_for(|event| event.message_id.as_str() == id).await;
        assert!(event.missing.is_some(), "there is something to fetch");
        let completed = self.driver.complete(&event, false).await.expect("all of it is there");
        assert_eq!((completed.notes, &completed.event.missing), (Vec::new(), &None));
        completed.event
    }

    async fn bytes_of(&self, content: &Content) -> Vec<u8> {
        let Content::Spooled(id) = content else { panic!("{content:?}") };
        std::fs::read(self.spool.open(id).await.expect("it is there")).expect("it can be read")
    }
}

#[tokio::test]
async fn files_are_the_ones_that_were_posted() {
    let scene = scene().await;
    let _running = scene.run().await;
    let song: Vec<u8> = (0..500_000_u32).map(|n| (n % 251) as u8).collect();
    let post = Post::text("mine").file("Lied.ogg", "audio/ogg", &song).file(
        "SPOILER_cat.png",
        "image/png",
        b"\x89PNG\r\n\x1a\n",
    );
    let event = scene.completed(post.described("a cat")).await;
    let message = event.message().expect("a message");
    assert_eq!(message.text.to_plain(), "mine\nSPOILER_cat.png: a cat");
    let [lied, cat] = message.attachments.as_slice() else { panic!("{message:?}") };
    assert_eq!((lied.name.as_str(), lied.kind, lied.size), ("Lied.ogg", AttachmentKind::Audio, Some(500_000)));
    assert!(scene.bytes_of(&lied.content).await == song);
    assert_eq!((cat.name.as_str(), cat.kind), ("SPOILER_cat.png", AttachmentKind::Image));
    assert_eq!(scene.bytes_of(&cat.content).await, b"\x89PNG\r\n\x1a\n");
}

#[tokio::test]
async fn voice_messages_stickers_and_forwarded_files_come_along() {
    let scene = scene().await;
    let _running = scene.run().await;
    let voice = Post::default().flags(1 << 13).file("voice-message.ogg", "audio/ogg", b"OggS voice");
    let voice = scene.completed(voice).await;
    let voice = &voice.message().expect("a message").attachments[0];
    assert_eq!((voice.kind, scene.bytes_of(&voice.content).await), (AttachmentKind::Voice, b"OggS voice".to_vec()));
    let wave = scene.completed(Post::default().sticker(scene.channel, "wave", 4)).await;
    let wave = &wave.message().expect("a message").attachments[0];
    assert_eq!((wave.kind, wave.mime.as_str()), (AttachmentKind::Sticker, "image/gif"));
    let original =
        scene.discord.say(scene.channel, scene.ann, Post::text("x").file("a.txt", "text/plain", b"passed on"));
    let forward = scene.completed(Post::forward(original)).await;
    let message = forward.message().expect("a message");
    assert_eq!(message.text.to_plain(), "Forwarded\nx");
    assert_eq!(scene.bytes_of(&message.attachments[0].content).await, b"passed on");
}
