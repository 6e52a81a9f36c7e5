//! A target that answers 500: nothing is lost, nothing is there twice, order is kept, others notice nothing.

use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{Fault, Route};

use crate::workspace::{Workspace, configuration, counts, forward, numbered};

const ROOM: &str = "GENERAL";

/// Every second call is processed all the same, and a caller cannot know which.
#[tokio::test]
async fn an_error_is_no_answer_to_whether_it_arrived() {
    let hq = Workspace::start("hq", &[ROOM]).await;
    let (lab, archive) = (Workspace::start("lab", &[ROOM]).await, Workspace::start("archive", &[ROOM]).await);
    let rules = forward(&hq, &[&lab, &archive], ROOM);
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;
    let faults = lab.server.faults();
    for _ in 0..2 {
        faults.on(Route::SendMessage).next(1, Fault::Status500).next(1, Fault::Status500After);
    }
    faults.on(Route::SendMessage).next(1, Fault::DropBefore).next(1, Fault::DropAfter);
    // The first look-up fails, too.
    faults.on(Route::GetMessage).next(1, Fault::Status500);

    let texts = numbered("message", 8);
    for text in &texts {
        hq.say(ROOM, text).await;
    }
    archive.server.wait_for_count(ROOM, texts.len()).await;
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), texts);
    assert_eq!(archive.heard(ROOM), texts);
    assert_eq!(counts(&relay).await, [16, 16, 0, 0, 0, 0]);
    assert_eq!(relay.messages("possible_duplicates").await, 0, "by REST it can always be found out");
    let log = relay.log();
    assert!(log.contains("The answer to a send was lost; it is looked up"), "{log}");
    let looked_up = log.lines().find(|line| line.contains("It is not known yet whether the message arrived"));
    assert!(looked_up.is_some_and(|line| line.contains("reconcile") && line.contains("next")), "{log}");
}

#[tokio::test]
async fn an_outage_of_every_call_ends_without_a_restart() {
    let hq = Workspace::start("hq", &[ROOM]).await;
    let (lab, archive) = (Workspace::start("lab", &[ROOM]).await, Workspace::start("archive", &[ROOM]).await);
    let rules = forward(&hq, &[&lab, &archive], ROOM);
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;

    lab.server.faults().everywhere().always(Fault::Status500);
    let texts = numbered("during the outage", 5);
    for text in &texts {
        hq.say(ROOM, text).await;
    }
    archive.server.wait_for_count(ROOM, texts.len()).await;
    assert_eq!(archive.heard(ROOM), texts);
    let failed = |server: &Workspace| server.server.requests().iter().filter(|r| r.status == Some(500)).count();
    relay.wait_for("a few failed calls", async |_: &Relay| failed(&lab) >= 3).await;
    assert_eq!(lab.heard(ROOM), Vec::<String>::new());

    lab.server.faults().clear();
    lab.server.wait_for_count(ROOM, texts.len()).await;
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), texts);
    assert_eq!(counts(&relay).await, [10, 10, 0, 0, 0, 0]);
}

/// A hook's failed post may be there, and nobody can find out: it is sent again, and counted.
#[tokio::test]
async fn a_hook_that_fails_may_double_and_the_count_says_so() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut written = configuration(&[&hq], &forward(&hq, &[&lab], ROOM));
    written["rocketchat"]["lab"] = lab.settings_by(&lab.incoming(ROOM));
    let mut relay = Relay::start(written).await;
    lab.server.faults().on(Route::Hook).next(1, Fault::Status500After);
    hq.say(ROOM, "perhaps twice").await;
    hq.say(ROOM, "surely once").await;
    lab.server.wait_for(ROOM, |message| message.text == "surely once").await;
    relay.settled().await;
    let heard = lab.heard(ROOM);
    assert!(
        heard == ["perhaps twice", "perhaps twice", "surely once"] || heard == ["perhaps twice", "surely once"],
        "{heard:?}"
    );
    let twice = heard.len() == 3;
    assert_eq!(relay.messages("possible_duplicates").await, i64::from(twice), "what doubles is counted");
    lab.all_told(ROOM).await;
    relay.settled().await;
    let echoes = heard.len() as i64;
    assert_eq!(
        counts(&relay).await,
        [2 + echoes, 2, echoes, 0, 0, 0],
        "what the hook posted came back and was filtered"
    );
}

/// Each step of a file's way fails, before and after it was processed.
#[tokio::test]
async fn a_file_arrives_once_whatever_fails_on_its_way() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut relay = Relay::start(configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM))).await;
    let faults = lab.server.faults();
    faults.on(Route::Media).next(1, Fault::Status500).next(1, Fault::DropAfter);
    faults.on(Route::MediaConfirm).next(1, Fault::DropBefore).next(1, Fault::Status500After);
    faults.on(Route::MediaConfirm).next(1, Fault::DropAfter);
    hq.server.faults().on(Route::Download).next(1, Fault::Status500).next(1, Fault::DropBefore);
    hq.server.faults().on(Route::GetMessage).next(1, Fault::DropAfter).next(1, Fault::Status500);

    let bytes: Vec<Vec<u8>> = (0..3_u8).map(|number| vec![number; 300_000]).collect();
    for (number, bytes) in bytes.iter().enumerate() {
        hq.put(ROOM, "data.bin", "application/octet-stream", bytes, &format!("file {number}")).await;
    }
    hq.say(ROOM, "that was all").await;
    relay.settled().await;
    let copies = lab.copies(ROOM);
    assert_eq!(lab.heard(ROOM), ["file 0", "file 1", "file 2", "that was all"]);
    for (copy, bytes) in copies.iter().zip(&bytes) {
        assert!(copy.files[0].read().expect("the file") == *bytes, "the bytes of {} differ", copy.text);
    }
    assert_eq!(counts(&relay).await, [4, 4, 0, 0, 0, 0]);
    assert_eq!(relay.messages("possible_duplicates").await, 0);
}
