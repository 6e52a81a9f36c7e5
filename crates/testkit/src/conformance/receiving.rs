//! What a driver must do with what it receives.

use tieline_core::driver::InboundError;
use tieline_core::event::Body;
use tieline_core::markup::Markup;

use super::bench::{Bench, within};

/// A text that a person writes is one event, with its id, its text and its author.
pub async fn an_inbound_text_arrives_once(bench: &Bench) {
    let _running = bench.run().await;
    let id = bench.harness.person_writes("good morning").await;
    let event = bench.inbound.wait_for(|event| event.message_id == id).await;
    let Body::Message(message) = &event.body else { panic!("a new text is a message, not a {}", event.kind()) };
    assert_eq!(message.text, Markup::plain("good morning"));
    assert_eq!(event.instance, *bench.harness.instance().id());
    assert!(!event.author.id.is_empty() && !event.author.shown_name().is_empty(), "{:?}", event.author);
    assert!(!event.author.kind.may_be_ours(), "a person is no bot of ours");
    assert_eq!(bench.inbound.events().len(), 1);
}

/// An event that is told again has the same instance, channel, id, kind and revision, so the outbox knows it.
pub async fn a_repeat_has_the_same_key(bench: &Bench) {
    let _running = bench.run().await;
    let id = bench.harness.person_writes("once").await;
    bench.inbound.wait_for(|event| event.message_id == id).await;
    if !bench.harness.tell_again().await {
        return;
    }
    // A repeat may also be recognised by the driver itself; what is written after it must come through.
    let next = bench.harness.person_writes("twice").await;
    bench.inbound.wait_for(|event| event.message_id == next).await;
    assert_eq!(bench.inbound.events().len(), 2, "{:#?}", bench.inbound.events());
}

/// The platform gets its answer only after `accept` returned.
pub async fn the_answer_waits_for_the_commit(bench: &Bench) {
    let _running = bench.run().await;
    bench.inbound.block();
    bench.harness.person_writes("wait").await;
    bench.inbound.wait_for_arrivals(1).await;
    let before = bench.harness.answers(0).await;
    bench.inbound.open();
    if let Some(before) = before {
        assert!(before.is_empty(), "answered {before:?} before the commit");
        let after = within("to answer", bench.harness.answers(1)).await.unwrap_or_default();
        assert!((200..300).contains(&after[0]), "answered {after:?} after the commit");
    }
}

/// What could not be committed is answered 503, so that the platform keeps it and sends it again.
pub async fn a_failed_commit_is_answered_503(bench: &Bench) {
    let _running = bench.run().await;
    bench.inbound.fail(InboundError::Disk("no space left".to_owned()));
    bench.harness.person_writes("no room").await;
    bench.inbound.wait_for_arrivals(1).await;
    if let Some(answers) = within("to answer", bench.harness.answers(1)).await {
        assert_eq!(answers[0], 503);
    }
}

/// A message that we sent comes back as no event, or as one that may be ours.
pub async fn our_own_messages_are_told_apart(bench: &Bench) {
    let _running = bench.run().await;
    bench.deliver(&bench.outgoing("from us", "Ann Smith")).await.expect("the platform takes the message");
    let id = bench.harness.person_writes("from a person").await;
    bench.inbound.wait_for(|event| event.message_id == id).await;
    for event in bench.inbound.events() {
        assert!(event.message_id == id || event.author.kind.may_be_ours(), "{event:#?} passes for a person's");
    }
}

/// A driver that is told to stop returns without an error.
pub async fn shutdown_ends_the_run(bench: &Bench) {
    let running = bench.run().await;
    drop(running.shutdown);
    let ended = within("to stop", running.task).await.expect("the driver does not panic");
    assert_eq!(ended, Ok(()));
}
