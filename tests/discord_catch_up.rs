//! People write, edit and delete on Discord while the relay does not run, or is killed: the copies are as they would be
//! had it run all the time.

use serde_json::json;
use tieline_e2e::Relay;
use tieline_testkit::discord::{ChannelKind, Snowflake};

use crate::guild::Guild;

/// What is said in `#general` is said again in `#copies`.
struct Copying {
    guild: Guild,
    copies: Snowflake,
    relay: Relay,
}

/// How the relay ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stopped,
    Killed,
}

impl Copying {
    async fn start() -> Self {
        let guild = Guild::start().await;
        let copies = guild.server.add_channel(guild.id, ChannelKind::Text, "copies");
        let relay = Relay::start(json!({
            "global": {},
            "discord": { "dc": guild.settings() },
            "rules": [{
                "id": "copies", "from": { "dc": guild.address() }, "to": { "dc": { "channel_id": copies.to_string() } },
                "msg": { "webhook_title": "{user}" },
            }],
        }))
        .await;
        guild.server.gateway().wait_until_connected().await;
        Self { guild, copies, relay }
    }

    /// Waits until the copies say this, in this order.
    async fn reads(&mut self, expected: &[&str]) {
        let (guild, copies) = (&self.guild, self.copies);
        let as_expected = async |_: &Relay| guild.heard(copies) == expected;
        self.relay.wait_for(&format!("#copies to read {expected:?}"), as_expected).await;
    }

    /// The relay is away while people write, edit and delete, and is back.
    async fn miss(&mut self, end: End, session_lives: bool) {
        let [good, bad, kept] = ["good mornign", "nonsense", "kept"].map(|text| self.guild.say(text));
        self.reads(&["good mornign", "nonsense", "kept"]).await;
        self.relay.settled().await;
        match end {
            End::Stopped => assert_eq!(self.relay.terminate().await, Some(0)),
            End::Killed => self.relay.kill9().await,
        }
        if !session_lives {
            self.guild.server.gateway().forget_sessions();
        }
        let server = &self.guild.server;
        server.edit(good, "good morning");
        server.delete(bad);
        let hasty = self.guild.say("hasty");
        self.guild.say("written meanwhile");
        server.edit(kept, "kept, and changed");
        server.delete(hasty);
        self.relay.spawn();
        self.relay.ready().await;
        self.reads(&["good morning", "kept, and changed", "written meanwhile"]).await;
        self.guild.say("afterwards");
        self.reads(&["good morning", "kept, and changed", "written meanwhile", "afterwards"]).await;
        self.relay.settled().await;
        assert_eq!(self.relay.dead(), Vec::<serde_json::Value>::new());
        self.guild.was_called_properly();
    }
}

#[tokio::test]
async fn what_happened_while_it_was_stopped_is_replayed_by_the_session() {
    Copying::start().await.miss(End::Stopped, true).await;
}

#[tokio::test]
async fn what_happened_while_it_was_stopped_is_found_in_the_history_behind_a_lost_session() {
    Copying::start().await.miss(End::Stopped, false).await;
}

#[tokio::test]
async fn what_happened_after_it_was_killed_is_made_up_for_either_way() {
    for session_lives in [true, false] {
        Copying::start().await.miss(End::Killed, session_lives).await;
    }
}

#[tokio::test]
async fn killed_in_the_middle_of_changes_it_makes_each_of_them() {
    let mut copying = Copying::start().await;
    let said: Vec<Snowflake> = (0..6).map(|n| copying.guild.say(&format!("text {n}"))).collect();
    let texts: Vec<String> = (0..6).map(|n| format!("text {n}")).collect();
    copying.reads(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    copying.relay.settled().await;
    for (n, message) in said.iter().enumerate() {
        match n % 2 {
            0 => copying.guild.server.edit(*message, &format!("changed {n}")),
            _ => copying.guild.server.delete(*message),
        }
        if n == 2 {
            copying.relay.kill9().await;
        }
    }
    copying.relay.spawn();
    copying.relay.ready().await;
    copying.reads(&["changed 0", "changed 2", "changed 4"]).await;
    copying.relay.settled().await;
    copying.guild.was_called_properly();
}
