//! Sending by the Incoming Webhook.

use tieline_core::address::Address;
use tieline_core::event::Authorship;
use tieline_core::id::ChannelKey;
use tieline_core::send::{Reconciled, SendError, Trouble};
use tieline_testkit::rocketchat::{Fault, HookOptions, RocketChatScript, Route};

use crate::server::{Mode, ROOM, scene};

fn no_limit() -> RocketChatScript {
    RocketChatScript { rest_limit: None, hook_limit: None, ..RocketChatScript::default() }
}

#[tokio::test]
async fn a_post_tells_its_id() {
    let scene = scene(no_limit(), Mode::Hook).await;
    let sent = scene.deliver(&scene.outgoing("hello")).await.expect("sent");
    let said = scene.server.messages(ROOM);
    assert_eq!((said.len(), said[0].text.as_str(), said[0].alias.as_deref()), (1, "hello", Some("Bob")));
    assert_eq!(sent[0].ids[0].as_str(), said[0].id);
    assert_eq!(sent[0].unnamed_text, None);
}

#[tokio::test]
async fn an_old_server_tells_none_and_the_echo_is_known_by_its_text() {
    let scene = scene(RocketChatScript { separate_response: Some(false), ..no_limit() }, Mode::Hook).await;
    let sent = scene.deliver(&scene.outgoing("*hello*")).await.expect("sent");
    assert!(sent[0].ids.is_empty());
    assert_eq!(sent[0].unnamed_text.as_deref(), Some("hello"));
    assert_eq!(sent[0].channel.as_ref().map(ChannelKey::as_str), Some(ROOM), "the echo comes from there");
}

#[tokio::test]
async fn our_hook_is_told_apart_from_others() {
    let scene = scene(RocketChatScript { bot_flag_as_object: true, ..no_limit() }, Mode::Hook).await;
    let _running = scene.run().await;
    scene.deliver(&scene.outgoing("from us")).await.expect("sent");
    let other = scene.server.incoming_hook(&format!("#{ROOM}"), &scene.bot, HookOptions::default());
    let limit = std::time::Duration::from_secs(10);
    let headers = [("content-type", "application/json")];
    tieline_testkit::call(http::Method::POST, &other.url, &headers, r#"{"text":"from others"}"#.into(), limit)
        .await
        .expect("an answer");
    let event = scene.inbound.wait_for(|_| true).await;
    assert_eq!(event.message().expect("a message").text.to_plain(), "from others");
    assert_eq!(event.author.kind, Authorship::Bot);
    scene.server.wait_for_hook_calls(2).await;
    assert_eq!(scene.inbound.events().len(), 1);
}

#[tokio::test]
async fn a_flag_alone_may_be_ours() {
    let scene = scene(no_limit(), Mode::Hook).await;
    let _running = scene.run().await;
    scene.deliver(&scene.outgoing("from us")).await.expect("sent");
    let event = scene.inbound.wait_for(|_| true).await;
    assert_eq!(event.author.kind, Authorship::BotOrOurs);
}

#[tokio::test]
async fn a_lost_answer_is_found_among_held_events_or_in_the_room() {
    let scene = scene(no_limit(), Mode::HookWithBot).await;
    let _running = scene.run().await;
    let sending = scene.first(&scene.outgoing("did it arrive?"));
    scene.server.faults().on(Route::Hook).next(1, Fault::DropAfter);
    assert!(matches!(scene.driver.send(&sending).await, Err(SendError::Ambiguous { .. })));
    let echo = scene.inbound.wait_for(|_| true).await;
    let by_event = scene.driver.reconcile(&sending, std::slice::from_ref(&echo)).await.expect("no call is needed");
    let Reconciled::Arrived(sent) = by_event else { panic!("{by_event:?}") };
    assert_eq!(sent.ids, std::slice::from_ref(&echo.message_id));
    let by_room = scene.driver.reconcile(&sending, &[]).await.expect("the server answers");
    let Reconciled::Arrived(sent) = by_room else { panic!("{by_room:?}") };
    assert_eq!(sent.ids, std::slice::from_ref(&echo.message_id));
    scene.known.add(echo.message_id.clone());
    assert_eq!(scene.driver.reconcile(&sending, &[echo]).await, Ok(Reconciled::Missing));
}

#[tokio::test]
async fn without_credentials_nobody_can_tell() {
    let scene = scene(no_limit(), Mode::Hook).await;
    let sending = scene.first(&scene.outgoing("did it arrive?"));
    assert_eq!(scene.driver.reconcile(&sending, &[]).await, Ok(Reconciled::Unknowable));
}

#[tokio::test]
async fn a_channel_that_may_not_be_named_is_a_permanent_failure() {
    let scene = scene(no_limit(), Mode::Hook).await;
    let mut outgoing = scene.outgoing("x");
    outgoing.target = Address::of([("channel", "#elsewhere")]);
    let Err(SendError::Permanent { reason }) = scene.deliver(&outgoing).await else { panic!("overriding is disabled") };
    assert!(reason.contains("allow it in the integration"), "{reason}");
}

#[tokio::test]
async fn a_disabled_integration_is_waited_for() {
    let scene = scene(no_limit(), Mode::Hook).await;
    scene.server.set_enabled(&scene.hook.id, false);
    let ended = scene.deliver(&scene.outgoing("x")).await;
    let Err(SendError::Retryable { trouble: Trouble::Unreachable, reason, .. }) = ended else { panic!("{ended:?}") };
    assert!(reason.contains("enable the integration"), "{reason}");
}

#[tokio::test]
async fn a_limit_of_the_hook_is_obeyed() {
    let scene = scene(no_limit(), Mode::Hook).await;
    scene.server.faults().on(Route::Hook).next(1, Fault::TooManyRequests { reset_ms: 4_000_000_000_000 });
    let sending = scene.first(&scene.outgoing("x"));
    let Err(SendError::RateLimited(pause)) = scene.driver.send(&sending).await else { panic!("limited") };
    assert_eq!(pause.until.as_millisecond(), 4_000_000_000_000);
    assert_eq!(scene.driver.scopes(&sending), [pause.scope]);
}
