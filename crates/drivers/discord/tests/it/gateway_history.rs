//! Processes that end and begin: what was written in between is heard once, in order, wherever it comes from.

use std::time::Duration;

use serde_json::Value;
use tieline_testkit::RecordingLog;
use tieline_testkit::discord::{ChannelKind, Fault, Permission, Route};

use crate::gateway_scene::{Listening, listening};

/// A process heard "before" and stopped; its session is gone since, so the next one hears of nothing that was missed.
async fn away() -> Listening {
    let scene = listening().await;
    let process = scene.started().await;
    scene.hears("before").await;
    process.stop().await;
    scene.gateway().forget_sessions();
    scene
}

#[tokio::test]
async fn at_the_first_start_nothing_old_is_fetched() {
    let scene = listening().await;
    scene.write("long ago");
    let process = scene.started().await;
    scene.hears("now").await;
    assert_eq!(scene.heard(), ["now"]);
    assert!(scene.discord.requests_to(Route::Messages).is_empty());
    process.stop().await;
}

#[tokio::test]
async fn another_process_goes_on_with_the_session() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.hears("before").await;
    process.stop().await;
    scene.write("while nobody listens");
    let process = scene.started().await;
    scene.hears("after").await;
    assert_eq!(scene.heard(), ["before", "while nobody listens", "after"]);
    assert_eq!(scene.inbound.arrivals().len(), 3, "the place was kept at the end");
    assert_eq!((scene.gateway().identifies().len(), scene.gateway().resumes().len()), (1, 1));
    assert!(scene.discord.requests_to(Route::Messages).is_empty());
    let room = scene.inbound.events().pop().expect("an event").room;
    assert_eq!(room.as_deref(), Some("general"), "although this process was told of no channel");
    process.stop().await;
}

#[tokio::test]
async fn a_process_that_was_killed_is_followed_without_a_gap_or_a_double() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.hears("before").await;
    scene.keeps_its_place().await;
    for number in 0..50 {
        scene.write(&number.to_string());
    }
    scene.arrives("20").await;
    process.kill().await;
    let process = scene.started().await;
    scene.hears("after").await;
    let numbers = (0..50).map(|number| number.to_string());
    let expected: Vec<_> = ["before".to_owned()].into_iter().chain(numbers).chain(["after".to_owned()]).collect();
    assert_eq!(scene.heard(), expected);
    process.stop().await;
}

#[tokio::test]
async fn when_the_session_is_gone_the_history_tells_what_was_missed() {
    let scene = listening().await;
    let thread = scene.discord.add_thread(scene.channel, scene.ann, "a thread");
    let process = scene.started().await;
    scene.hears("before").await;
    process.stop().await;
    scene.gateway().forget_sessions();
    for number in 0..3 {
        scene.write(&number.to_string());
    }
    scene.discord.person_writes(thread, scene.ann, "in the thread");
    let process = scene.start();
    let event = scene.arrives("in the thread").await;
    let parent = event.parent.expect("a thread has a parent");
    assert_eq!(
        (parent.as_str(), event.address.text("server_id")),
        (&*scene.channel.to_string(), Some(&*scene.guild.to_string()))
    );
    scene.arrives("2").await;
    scene.hears("after").await;
    let mut heard = scene.heard();
    heard.retain(|text| text != "in the thread");
    assert_eq!(heard, ["before", "0", "1", "2", "after"]);
    assert_eq!(scene.gateway().identifies().len(), 2);
    process.stop().await;
}

#[tokio::test]
async fn what_a_channel_says_waits_for_its_history() {
    let scene = listening().await;
    let other = scene.discord.add_channel(scene.guild, ChannelKind::Text, "other");
    let process = scene.started().await;
    scene.hears("before").await;
    process.stop().await;
    scene.gateway().forget_sessions();
    scene.write("missed");
    scene.discord.faults().on(Route::Messages).next(2, Fault::BadGateway);
    let process = scene.started().await;
    scene.discord.wait_for_request(|request| request.route == Route::Messages && request.status == Some(502)).await;
    scene.write("live");
    scene.discord.person_writes(other, scene.ann, "elsewhere");
    scene.arrives("elsewhere").await;
    assert_eq!(scene.heard(), ["before", "elsewhere"], "another channel waits for nothing");
    scene.arrives("live").await;
    assert_eq!(scene.heard(), ["before", "elsewhere", "missed", "live"]);
    process.stop().await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_looks_back_is_followed_by_one_that_looks_back_as_far() {
    let scene = away().await;
    scene.write("missed");
    scene.discord.faults().on(Route::Messages).next(1, Fault::Hang);
    let process = scene.started().await;
    scene.discord.wait_for_request(|request| request.route == Route::Messages).await;
    process.kill().await;
    let process = scene.start();
    scene.arrives("missed").await;
    assert_eq!(scene.heard(), ["before", "missed"]);
    process.stop().await;
}

#[tokio::test]
async fn of_a_long_silence_the_newest_is_fetched_page_by_page() {
    let scene = away().await;
    for number in 0..250 {
        scene.write(&number.to_string());
    }
    let process = scene.start();
    scene.arrives("249").await;
    let expected: Vec<_> =
        ["before".to_owned()].into_iter().chain((130..250).map(|number| number.to_string())).collect();
    assert_eq!(scene.heard(), expected);
    assert_eq!(scene.discord.requests_to(Route::Messages).len(), 3, "two, and one for what was changed");
    process.stop().await;
}

#[tokio::test]
async fn a_channel_whose_history_may_not_be_read_is_told_once_and_holds_up_nothing() {
    let log = RecordingLog::start();
    let scene = listening().await;
    let closed = scene.discord.add_channel(scene.guild, ChannelKind::Text, "closed");
    let process = scene.started().await;
    scene.hears("before").await;
    process.stop().await;
    scene.gateway().forget_sessions();
    scene.discord.deny(scene.bot.user, closed, Permission::ReadMessageHistory);
    scene.discord.person_writes(closed, scene.ann, "not for us");
    scene.write("missed");
    let process = scene.start();
    scene.arrives("missed").await;
    scene.discord.person_writes(closed, scene.ann, "live");
    scene.arrives("live").await;
    assert_eq!(scene.heard(), ["before", "missed", "live"]);
    let told: Vec<_> = log.warnings().into_iter().filter(|warning| warning.contains("is missed")).collect();
    assert!(told.len() == 1 && told[0].contains(&closed.to_string()), "{told:?}");
    assert!(told[0].contains("`Read Message History`"), "{told:?}");
    process.stop().await;
}

#[tokio::test]
async fn a_channel_that_may_not_be_seen_any_more_is_not_asked_for_again() {
    let log = RecordingLog::start();
    let scene = away().await;
    scene.write("missed");
    let body = r#"{"message": "Missing Access", "code": 50001}"#.to_owned();
    scene.discord.faults().on(Route::Messages).always(Fault::Answer { status: 403, body });
    let process = scene.started().await;
    scene.hears("live").await;
    assert_eq!(scene.heard(), ["before", "live"]);
    assert_eq!(scene.discord.requests_to(Route::Messages).len(), 1);
    assert_eq!(log.warnings().iter().filter(|warning| warning.contains("is missed")).count(), 1);
    process.stop().await;
}

#[tokio::test]
async fn the_place_is_kept_without_any_secret_and_that_of_another_server_is_not_taken() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.hears("before").await;
    scene.keeps_its_place().await;
    process.stop().await;
    let place = scene.cursors.at("gateway").expect("it was kept");
    assert!(!place.contains(&scene.bot.token), "the token is no part of it");
    let mut elsewhere: Value = serde_json::from_str(&place).expect("JSON");
    elsewhere["realm"] = "discord".into();
    elsewhere["resume_url"] = "ws://127.0.0.1:9/".into();
    tieline_core::driver::Cursors::set(&*scene.cursors, "gateway", &elsewhere.to_string()).await.expect("it is kept");
    let process = scene.started().await;
    assert_eq!(scene.gateway().identifies().len(), 2);
    process.stop().await;
}

/// What happened since the process that is away, as it is handed in.
fn news(scene: &Listening, since: usize) -> Vec<(&'static str, String)> {
    let told = scene.inbound.arrivals().into_iter().skip(since);
    told.map(|event| (event.kind(), event.message().map(|said| said.text.to_plain()).unwrap_or_default())).collect()
}

#[tokio::test]
async fn what_was_edited_and_deleted_meanwhile_is_told_behind_a_lost_session() {
    let scene = listening().await;
    let process = scene.started().await;
    let (edited, deleted) = (scene.learns("mornign").await, scene.learns("nonsense").await);
    scene.learns("stays").await;
    scene.keeps_its_place().await;
    process.stop().await;
    scene.gateway().forget_sessions();
    let before = scene.inbound.arrivals().len();
    scene.write("first");
    scene.discord.edit(edited, "morning");
    scene.discord.delete(deleted);
    scene.write("second");
    let process = scene.start();
    scene.inbound.wait_for(|event| event.kind() == "delete").await;
    let told = news(&scene, before);
    let of = |wanted: &str| -> Vec<&str> {
        told.iter().filter(|(kind, _)| *kind == wanted).map(|(_, text)| text.as_str()).collect()
    };
    assert_eq!(
        (of("message"), of("edit"), of("delete").len()),
        (vec!["first", "second"], vec!["morning"], 1),
        "{told:?}"
    );
    let gone = scene.inbound.events().into_iter().find(|event| event.kind() == "delete").expect("a deletion");
    assert_eq!(
        (gone.message_id.as_str(), gone.address.text("server_id")),
        (&*deleted.to_string(), Some(&*scene.guild.to_string()))
    );
    process.stop().await;
}

#[tokio::test]
async fn a_channel_in_which_nothing_was_said_is_looked_at_for_changes() {
    let scene = listening().await;
    let process = scene.started().await;
    let (edited, deleted) = (scene.learns("mornign").await, scene.learns("last").await);
    scene.keeps_its_place().await;
    process.stop().await;
    scene.gateway().forget_sessions();
    let before = scene.inbound.arrivals().len();
    scene.discord.edit(edited, "morning");
    scene.discord.delete(deleted);
    let process = scene.start();
    scene.inbound.wait_for(|event| event.kind() == "delete").await;
    let expected = [("edit", "morning"), ("delete", "")];
    assert_eq!(news(&scene, before), expected.map(|(kind, text)| (kind, text.to_owned())));
    process.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_for_does_not_count_as_deleted() {
    let scene = listening().await;
    let process = scene.started().await;
    let hidden = scene.learns("hidden").await;
    process.stop().await;
    scene.gateway().forget_sessions();
    scene.discord.delete(hidden);
    scene.write("missed");
    let body = r#"{"message": "Missing Permissions", "code": 50013}"#.to_owned();
    scene.discord.faults().on(Route::Message).always(Fault::Answer { status: 403, body });
    let process = scene.start();
    scene.arrives("missed").await;
    scene.hears("after").await;
    assert!(scene.inbound.events().iter().all(|event| event.kind() == "message"));
    assert_eq!(scene.discord.requests_to(Route::Message).len(), 1);
    process.stop().await;
}

#[tokio::test]
async fn a_server_that_comes_late_has_its_history_read_then_also_by_the_next_process() {
    let scene = away().await;
    scene.discord.begin_outage(scene.guild);
    scene.write("missed");
    let other = scene.discord.add_guild("Elsewhere");
    scene.discord.join(other, scene.bot.user);
    let elsewhere = scene.discord.add_channel(other, ChannelKind::Text, "elsewhere");
    let process = scene.started().await;
    scene.discord.person_writes(elsewhere, scene.ann, "elsewhere");
    scene.arrives("elsewhere").await;
    process.stop().await;
    let process = scene.started().await;
    scene.discord.end_outage(scene.guild, &scene.bot);
    scene.arrives("missed").await;
    scene.hears("live").await;
    assert_eq!(scene.heard(), ["before", "elsewhere", "missed", "live"]);
    process.stop().await;
}

#[tokio::test]
async fn what_was_said_during_an_outage_is_read_when_it_is_over() {
    let scene = listening().await;
    let process = scene.started().await;
    scene.hears("before").await;
    scene.discord.begin_outage(scene.guild);
    scene.write("missed");
    scene.discord.end_outage(scene.guild, &scene.bot);
    scene.arrives("missed").await;
    scene.hears("after").await;
    assert_eq!(scene.heard(), ["before", "missed", "after"]);
    process.stop().await;
}

#[tokio::test]
async fn a_rate_limit_of_the_history_is_waited_for() {
    let scene = away().await;
    scene.write("missed");
    let wait = Fault::TooManyRequests {
        retry_after: Duration::from_millis(300),
        scope: tieline_testkit::discord::Scope::User,
    };
    scene.discord.faults().on(Route::Messages).next(1, wait);
    let process = scene.start();
    scene.arrives("missed").await;
    assert!(scene.discord.early().is_empty(), "{:?}", scene.discord.early());
    process.stop().await;
}
