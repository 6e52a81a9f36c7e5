//! How long the text of a settled message is kept.

use serde_json::json;
use tieline_e2e::Relay;

use crate::workspace::{Workspace, configuration, forward};

const ROOM: &str = "GENERAL";

#[tokio::test]
async fn with_zero_a_text_is_gone_as_soon_as_it_is_settled() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut written = configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM));
    written["global"] = json!({ "retention": { "messages": "0s" } });
    let mut relay = Relay::start(written).await;
    lab.server.set_archived(ROOM, true);
    let dead = hq.say(ROOM, "cannot be delivered").await;
    relay.wait_for("a dead letter", async |relay: &Relay| relay.messages("dead").await == 1).await;
    lab.server.set_archived(ROOM, false);
    let delivered = hq.say(ROOM, "words of yesterday").await;
    lab.server.wait_for_count(ROOM, 1).await;
    relay.settled().await;
    relay
        .wait_for("the text to be gone", async |relay: &Relay| {
            let (code, out, err) = relay.command(&["trace", &delivered]);
            assert_eq!(code, Some(0), "{err}");
            out.contains("its text is gone") && !out.contains("words of yesterday")
        })
        .await;
    let (_, out, _) = relay.command(&["trace", &delivered]);
    assert!(out.contains("delivered") && out.contains("tries: 1"), "what became of it is still known: {out}");
    let (_, out, _) = relay.command(&["trace", &dead]);
    assert!(out.contains("cannot be delivered"), "a dead letter keeps its text: {out}");
}
