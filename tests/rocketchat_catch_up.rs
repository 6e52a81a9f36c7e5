//! Two workspaces, and a relay that is not always there: what people write, change and take away while it is away is
//! applied once and in order, whichever way the relay hears of what they do, and also if it dies while it catches up.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tieline_e2e::{Relay, seed};

use crate::workspace::{Workspace, counts, numbered};

const ROOM: &str = "LOBBY";

/// How the relay hears of what people do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Webhook,
    Realtime,
}

/// What Ann does in `hq`, and what should stand in `lab` after it.
struct Story {
    hq: Workspace,
    lab: Workspace,
    relay: Relay,
    by: By,
    /// Ids and texts of what she has not taken away.
    said: Vec<(String, String)>,
}

impl Story {
    async fn begin(by: By) -> Self {
        let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
        hq.server.post(&hq.ann, ROOM, "before it was a source");
        let mut heard = hq.settings();
        if by == By::Realtime {
            heard["receive_method"] = json!("realtime");
        }
        let relay = Relay::start(json!({
            "global": {},
            "rocketchat": { "hq": heard, "lab": lab.settings() },
            "rules": [{
                "id": "forward", "from": { "hq": { "room_id": ROOM } }, "to": { "lab": { "room_id": ROOM } },
                "msg": { "rc_alias": "{user}" },
            }],
        }))
        .await;
        let mut story = Self { hq, lab, relay, by, said: Vec::new() };
        story.says("the first").await;
        story
    }

    /// She writes, and the relay hears it.
    async fn says(&mut self, text: &str) {
        if self.by == By::Realtime {
            self.hq.server.realtime().wait_for_subscription(&format!("{ROOM}/deleteMessageBulk")).await;
        }
        let id = self.writes(text);
        if self.by == By::Webhook {
            self.hq.taken(&id).await;
        }
        self.stands().await;
    }

    fn writes(&mut self, text: &str) -> String {
        let id = self.hq.server.post(&self.hq.ann, ROOM, text);
        self.said.push((id.clone(), text.to_owned()));
        id
    }

    fn changes(&mut self, index: usize) {
        let (id, text) = &mut self.said[index];
        text.push_str(", changed");
        self.hq.server.edit(&self.hq.ann, id, text).expect("it is hers");
    }

    fn takes_away(&mut self, index: usize) {
        let (id, _) = self.said.remove(index);
        self.hq.server.delete(&self.hq.ann, &id).expect("it is hers");
    }

    /// Waits until `lab` shows what should stand there.
    async fn stands(&mut self) {
        let wanted: Vec<String> = self.said.iter().map(|(_, text)| text.clone()).collect();
        let lab = &self.lab;
        let stands = lab.server.wait_for(ROOM, |_| lab.heard(ROOM) == wanted);
        self.relay.unless_it_ends(stands).await;
    }

    /// Nothing was doubled, lost or given up.
    async fn ends(&mut self) {
        self.stands().await;
        self.relay.settled().await;
        self.stands().await;
        assert_eq!(counts(&self.relay).await[3], 0, "dead letters");
        assert_eq!(self.relay.messages("possible_duplicates").await, 0);
    }
}

async fn everything_is_applied_once_and_in_order(by: By) {
    let mut story = Story::begin(by).await;
    for life in 0..4 {
        story.says(&format!("heard in life {life}")).await;
        if life % 2 == 0 {
            story.relay.kill9().await;
        } else {
            assert_eq!(story.relay.terminate().await, Some(0));
        }
        for text in numbered(&format!("nobody listens after life {life}"), 5) {
            story.writes(&text);
        }
        // What was heard before, and what nobody has heard of yet.
        let last = story.said.len() - 1;
        story.changes(last - 1);
        story.takes_away(last - 2);
        story.takes_away(last - 5);
        story.changes(0);
        story.relay.spawn();
        story.relay.ready().await;
        story.stands().await;
    }
    story.ends().await;
}

#[tokio::test]
async fn by_a_webhook_everything_is_applied_once_and_in_order() {
    everything_is_applied_once_and_in_order(By::Webhook).await;
}

#[tokio::test]
async fn over_the_realtime_api_everything_is_applied_once_and_in_order() {
    everything_is_applied_once_and_in_order(By::Realtime).await;
}

async fn it_may_die_while_it_catches_up(by: By) {
    let mut story = Story::begin(by).await;
    let mut rng = Rng::with_seed(seed("rocketchat_catch_up", 11));
    for text in numbered("heard", 5) {
        story.says(&text).await;
    }
    story.relay.kill9().await;
    for text in numbered("missed", 60) {
        story.writes(&text);
    }
    story.changes(2);
    story.changes(30);
    story.takes_away(4);
    story.takes_away(40);
    for _ in 0..6 {
        story.relay.spawn();
        // The moment is anywhere between its first breath and the last send.
        tokio::time::sleep(Duration::from_millis(rng.u64(20..150))).await;
        story.relay.kill9().await;
    }
    story.relay.spawn();
    story.relay.ready().await;
    story.says("the last").await;
    story.ends().await;
}

#[tokio::test]
async fn by_a_webhook_it_may_die_while_it_catches_up() {
    it_may_die_while_it_catches_up(By::Webhook).await;
}

#[tokio::test]
async fn over_the_realtime_api_it_may_die_while_it_catches_up() {
    it_may_die_while_it_catches_up(By::Realtime).await;
}

#[tokio::test]
async fn a_message_that_two_ways_tell_is_one() {
    let mut story = Story::begin(By::Webhook).await;
    story.says("told").await;
    let (id, _) = story.said[1].clone();
    // The call tells the edit without its time, `chat.syncMessages` with it.
    story.changes(1);
    story.stands().await;
    story.relay.settled().await;
    assert_eq!(story.relay.terminate().await, Some(0));
    story.relay.spawn();
    story.relay.ready().await;
    story.says("the last").await;
    story.relay.settled().await;
    let (status, traced, _) = story.relay.command(&["trace", &id, "--json"]);
    assert_eq!(status, Some(0), "{traced}");
    let traced: Value = serde_json::from_str(&traced).expect("JSON");
    assert_eq!(traced.as_array().map(Vec::len), Some(2), "the message and its edit: {traced:#}");
    assert!(story.relay.messages("repeats").await > 0, "it was told again");
    story.ends().await;
}
