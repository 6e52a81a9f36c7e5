//! What cannot be delivered: it is shown with its reason and the remedy, and can be sent again or dropped, through the
//! running relay and without one.

use serde_json::Value;
use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{Fault, Route};

use crate::workspace::{Workspace, configuration, counts, forward, numbered};

const ROOM: &str = "GENERAL";

/// Three messages into an archived room: three dead letters.
async fn three_dead() -> (Workspace, Workspace, Relay) {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    lab.server.set_archived(ROOM, true);
    for text in numbered("message", 3) {
        hq.say(ROOM, &text).await;
    }
    relay.wait_for("three dead letters", async |relay: &Relay| relay.messages("dead").await == 3).await;
    (hq, lab, relay)
}

fn id(letter: &Value) -> String {
    letter["id"].as_i64().expect("a number").to_string()
}

/// Runs `dead …` and returns exit code and output.
fn dead(relay: &Relay, args: &[&str]) -> (Option<i32>, String, String) {
    relay.command(&[&["dead"], args].concat())
}

#[tokio::test]
async fn a_list_names_each_with_reason_and_remedy() {
    let (hq, _lab, relay) = three_dead().await;
    let letters = relay.dead();
    assert_eq!(letters.len(), 3);
    for (number, letter) in letters.iter().enumerate() {
        assert_eq!(letter.as_object().and_then(|letter| letter.keys().next()).map(String::as_str), Some("id"));
        assert_eq!(letter["text"], format!("message {number}"));
        assert_eq!((&letter["user"], &letter["rule"]), (&"Ann Example".into(), &"forward".into()));
        let reason = letter["reason"].as_str().expect("a reason");
        assert!(reason.contains("archived") && reason.contains("unarchive"), "{reason}");
    }
    let message = hq.server.messages(ROOM).remove(0);
    assert_eq!(letters[0]["message_id"], message.id);

    let (code, out, _) = dead(&relay, &["list"]);
    assert_eq!(code, Some(0));
    assert!(letters.iter().all(|letter| out.contains(&id(letter))) && out.contains("unarchive"), "{out}");

    let (code, out, _) = dead(&relay, &["show", &id(&letters[1])]);
    assert_eq!(code, Some(0));
    assert!(out.contains("message 1") && !out.contains("message 2") && out.contains("unarchive"), "{out}");
    let (code, out, _) = dead(&relay, &["show", &id(&letters[1]), "--json"]);
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<Value>(&out).expect("an object"), letters[1]);

    let trace = letters[2]["trace"].as_str().expect("a trace id");
    let (code, out, _) = relay.command(&["trace", trace]);
    assert_eq!(code, Some(0));
    assert!(out.contains("dead") && out.contains("unarchive"), "{out}");
}

/// The command waits for what becomes of the letters, and meanwhile the servers, which are in this process, must answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_retried_and_dropped_through_the_running_relay() {
    let (hq, lab, mut relay) = three_dead().await;
    let letters = relay.dead();
    assert_eq!(dead(&relay, &["drop", &id(&letters[0])]).0, Some(0));
    assert_eq!(relay.dead().len(), 2);

    // Not mended yet: it comes back.
    let again = id(&letters[1]);
    let (mut code, mut out, mut err) = dead(&relay, &["retry", &again]);
    for _ in 0..5 {
        // A busy machine may need longer than the command waits.
        if out.contains("still waiting") {
            assert_eq!(code, Some(0), "{out}{err}");
            relay.wait_for("it to be dead again", async |relay: &Relay| relay.messages("dead").await == 2).await;
            (code, out, err) = dead(&relay, &["retry", &again]);
        }
    }
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("put back in line") && out.contains(&format!("  {again}: dead again: ")), "{out}");
    assert!(out.contains("unarchive") && err.is_empty(), "{out}{err}");
    relay.wait_for("it to be dead again", async |relay: &Relay| relay.messages("dead").await == 2).await;

    lab.server.set_archived(ROOM, false);
    hq.say(ROOM, "meanwhile").await;
    lab.server.wait_for_count(ROOM, 1).await;
    let (code, out, _) = dead(&relay, &["retry", "--all"]);
    assert_eq!(code, Some(0));
    let told = [": delivered\n", ": still waiting; "].map(|end| out.matches(end).count());
    assert!(out.starts_with("2 dead letters put back in line: ") && told.iter().sum::<usize>() == 2, "{out}");
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), ["meanwhile", "message 1", "message 2"]);
    assert_eq!(lab.copies(ROOM)[1].alias.as_deref(), Some("Ann Example"));
    assert_eq!(relay.dead(), Vec::<Value>::new());
    assert_eq!(counts(&relay).await, [4, 3, 0, 0, 1, 0]);
}

#[tokio::test]
async fn they_are_retried_and_dropped_while_no_relay_runs() {
    let (_hq, lab, mut relay) = three_dead().await;
    assert_eq!(relay.terminate().await, Some(0));
    let letters = relay.dead();
    assert_eq!(letters.len(), 3);
    assert_eq!(dead(&relay, &["drop", &id(&letters[0])]).0, Some(0));
    let (code, out, _) = dead(&relay, &["retry", &id(&letters[2]), &id(&letters[1])]);
    assert_eq!(code, Some(0));
    assert!(out.contains("tieline run"), "it says when they will be sent: {out}");
    assert_eq!(relay.dead(), Vec::<Value>::new());

    lab.server.set_archived(ROOM, false);
    relay.spawn();
    relay.ready().await;
    lab.server.wait_for_count(ROOM, 2).await;
    relay.settled().await;
    let mut heard = lab.heard(ROOM);
    heard.sort();
    assert_eq!(heard, ["message 1", "message 2"]);
    assert_eq!(counts(&relay).await, [3, 2, 0, 0, 1, 0]);
}

#[tokio::test]
async fn exit_codes_tell_a_wrong_id_from_wrong_usage() {
    let (_hq, _lab, mut relay) = three_dead().await;
    for running in [true, false] {
        for args in [&["show", "4711"][..], &["retry", "4711"], &["drop", "4711"]] {
            let (code, out, err) = dead(&relay, args);
            assert_eq!((code, out.as_str()), (Some(1), ""), "running: {running}, {args:?}");
            assert!(err.contains("4711") && err.contains("dead list"), "{err}");
        }
        for args in [&["retry"][..], &["drop"], &["show"], &["show", "x"], &["retry", "--all", "1"], &[]] {
            assert_eq!(dead(&relay, args).0, Some(2), "running: {running}, {args:?}");
        }
        // One wrong id among right ones changes nothing.
        let right = id(&relay.dead()[0]);
        assert_eq!(dead(&relay, &["drop", &right, "4711"]).0, Some(1));
        assert_eq!(relay.dead().len(), 3);
        if running {
            assert_eq!(relay.terminate().await, Some(0));
        }
    }
}

/// The files in the relay's media spool.
fn spooled(relay: &Relay) -> Vec<String> {
    let entries = std::fs::read_dir(relay.data_dir().join("spool")).expect("the spool");
    entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect()
}

/// A file is named by its content, so an event that is being completed may be about to refer to the file that was just
/// freed.
#[tokio::test]
async fn dropping_one_takes_no_file_while_an_event_is_being_completed() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    lab.server.set_archived(ROOM, true);
    hq.put(ROOM, "plan.bin", "application/octet-stream", &[7; 5000], "the plan").await;
    relay.wait_for("a dead letter", async |relay: &Relay| relay.messages("dead").await == 1).await;
    assert_eq!(spooled(&relay).len(), 1, "a dead letter keeps its file");

    hq.server.faults().on(Route::GetMessage).next(1, Fault::Hang);
    hq.say(ROOM, "being completed").await;
    let asked = hq.server.wait_for_request(|request| request.route == Route::GetMessage && request.status.is_none());
    drop(asked.await);
    assert_eq!(dead(&relay, &["drop", "--all"]).0, Some(0));
    assert_eq!(spooled(&relay).len(), 1, "nobody can know yet whether it is needed");

    assert_eq!(relay.terminate().await, Some(0), "{}", relay.log());
    relay.spawn();
    relay.wait_for("the file to be deleted", async |relay: &Relay| spooled(relay).is_empty()).await;
}

#[tokio::test]
async fn a_look_where_nothing_is_makes_nothing() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let relay = Relay::new(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM)));
    let answers = [
        (&["dead", "list"][..], Some(0)),
        (&["dead", "list", "--json"], Some(0)),
        (&["dead", "show", "1"], Some(1)),
        (&["dead", "retry", "--all"], Some(0)),
        (&["dead", "drop", "1"], Some(1)),
        (&["trace", "tl-1"], Some(1)),
    ];
    for made in [false, true] {
        for (args, expected) in answers {
            let (code, _, err) = relay.command(args);
            assert_eq!(code, expected, "{args:?}: {err}");
        }
        if made {
            assert_eq!(std::fs::read_dir(relay.data_dir()).expect("the folder").count(), 0, "something was made");
        } else {
            assert!(!relay.data_dir().exists(), "the folder was made");
            std::fs::create_dir(relay.data_dir()).expect("it can be made");
        }
    }
}

/// Whatever happened to the file, it is never said that there are no dead letters.
#[tokio::test]
async fn a_damaged_outbox_is_said_to_be_damaged() {
    let (_hq, _lab, mut relay) = three_dead().await;
    assert_eq!(relay.terminate().await, Some(0));
    let outbox = relay.data_dir().join("outbox.sqlite");
    let sound = std::fs::read(&outbox).expect("the outbox");
    let page = 4096;
    let pages = sound.len() / page;
    let without = |page_number: usize| {
        let mut bytes = sound.clone();
        bytes[page_number * page..][..page].fill(0);
        bytes
    };
    let mut damages = vec![sound[..1000].to_vec(), sound[..page].to_vec(), vec![b'x'; sound.len()], vec![0; 100_000]];
    damages.extend((0..pages).map(without));
    let mut noticed = 0;
    for (number, bytes) in damages.iter().enumerate() {
        std::fs::write(&outbox, bytes).expect("it can be written");
        let (code, out, err) = dead(&relay, &["list", "--json"]);
        if code == Some(1) {
            noticed += 1;
            let says = ["is damaged", "is not an outbox"].iter().any(|word| err.contains(word));
            assert!(out.is_empty() && says, "damage {number}: {out}{err}");
        } else {
            // What was damaged is not needed for a list of dead letters.
            assert_eq!(serde_json::from_str::<Vec<Value>>(&out).expect("an array").len(), 3, "damage {number}: {err}");
        }
    }
    assert!(noticed > 4, "of {} damages only {noticed} were noticed", damages.len());
    std::fs::write(&outbox, &sound).expect("it can be written");
    assert_eq!(relay.dead().len(), 3);
}

#[tokio::test]
async fn an_outbox_that_was_lost_is_not_silently_a_new_one() {
    let (hq, lab, mut relay) = three_dead().await;
    assert_eq!(relay.terminate().await, Some(0));
    std::fs::write(relay.data_dir().join("outbox.sqlite"), "").expect("it can be written");
    let (code, out, _) = dead(&relay, &["list"]);
    assert_eq!((code, out.as_str()), (Some(0), "There are no dead letters.\n"), "nothing says that there was more");

    let left = relay.data_dir().join("spool").join("left.bin");
    std::fs::write(&left, "a file of a message").expect("it can be written");
    for args in [&["list"][..], &["list", "--json"], &["retry", "--all"]] {
        let (code, out, err) = dead(&relay, args);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{args:?}: {err}");
        assert!(err.contains("outbox.sqlite is missing or empty") && err.contains("1 of their files"), "{err}");
    }
    // The relay goes on, and says what it found.
    std::fs::create_dir(relay.data_dir().join("spool/part-x")).expect("a folder is no obstacle");
    relay.spawn();
    relay.ready().await;
    assert!(relay.log().contains("is missing or empty, but it held messages: 1 of their files"), "{}", relay.log());
    assert!(left.exists(), "perhaps it is all that is left of a message");
    lab.server.set_archived(ROOM, false);
    hq.say(ROOM, "anew").await;
    lab.server.wait_for_count(ROOM, 1).await;
    assert_eq!(relay.dead(), Vec::<Value>::new());
}
