//! The gateway is cut, reset, deaf or gone: nothing is lost, nothing doubled, and nobody dials in a storm.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tieline_e2e::Relay;
use tieline_testkit::discord::gateway::GatewayScript;
use tieline_testkit::discord::{DiscordScript, Route};
use tokio::task::JoinSet;

use crate::guild::Guild;
use crate::workspace::{Workspace, counts, health, numbered};

const ROOM: &str = "TEAM";

struct Scene {
    guild: Arc<Guild>,
    desk: Workspace,
    relay: Relay,
    said: Vec<String>,
}

impl Scene {
    async fn start(gateway: GatewayScript) -> Self {
        let guild = Arc::new(Guild::with(DiscordScript { gateway, ..DiscordScript::unlimited() }).await);
        let desk = Workspace::start("desk", &[ROOM]).await;
        let configuration = json!({
            "global": {},
            "rocketchat": { "desk": desk.settings() },
            "discord": { "dc": guild.settings() },
            "rules": [{ "id": "in", "from": { "dc": guild.address() }, "to": { "desk": { "room_id": ROOM } },
                        "msg": { "rc_alias": "{user}" } }],
        });
        let relay = Relay::start(configuration).await;
        guild.server.gateway().wait_until_connected().await;
        let mut scene = Self { guild, desk, relay, said: Vec::new() };
        scene.say_some("at first").await;
        scene
    }

    /// Carol says two things.
    fn say(&mut self, name: &str) {
        for text in numbered(name, 2) {
            self.guild.say(&text);
            self.said.push(text);
        }
    }

    /// All that Carol said has arrived: once, in order.
    async fn heard(&mut self) {
        let heard = self.desk.server.wait_for_count(ROOM, self.said.len());
        self.relay.unless_it_ends(heard).await;
        self.relay.settled().await;
        assert_eq!(self.desk.heard(ROOM), self.said);
    }

    async fn say_some(&mut self, name: &str) {
        self.say(name);
        self.heard().await;
    }

    fn dials(&self) -> usize {
        self.guild.server.gateway().dials().len()
    }
}

#[tokio::test]
async fn what_was_missed_is_replayed_after_a_cut_a_reset_and_a_reconnect_request() {
    let mut scene = Scene::start(GatewayScript::default()).await;
    let guild = Arc::clone(&scene.guild);
    let gateway = guild.server.gateway();
    gateway.hold_events();
    scene.say("while it is cut");
    gateway.cut();
    gateway.release_events();
    gateway.wait_for_resumed(1).await;
    scene.heard().await;
    gateway.reconnect();
    scene.say("while it was asked to come again");
    gateway.wait_for_resumed(2).await;
    scene.heard().await;
    gateway.invalidate(true);
    gateway.wait_for_resumed(3).await;
    scene.say_some("after an invalid session that can be resumed").await;
    assert_eq!(gateway.identifies().len(), 1, "a resume costs none of the thousand identifies of a day");
    assert_eq!(scene.dials(), 4, "one dial for each");
    assert_eq!(scene.guild.server.requests_to(Route::Messages).len(), 0, "what is replayed needs no history");
    assert_eq!(counts(&scene.relay).await[3], 0);
    scene.guild.was_called_properly();
}

/// Each code meets a relay of its own: one that is closed again and again waits longer each time.
#[tokio::test]
async fn each_close_code_leads_back_to_the_conversation() {
    let mut all = JoinSet::new();
    for code in [4000, 4001, 4002, 4003, 4005, 4008, 1006, 4007, 4009] {
        all.spawn(async move {
            let script = GatewayScript { identify_window: Duration::ZERO, ..GatewayScript::default() };
            let mut scene = Scene::start(script).await;
            let guild = Arc::clone(&scene.guild);
            let gateway = guild.server.gateway();
            let resumes = ![4007, 4009].contains(&code);
            if code == 1006 {
                gateway.cut();
            } else {
                gateway.close_with(code);
            }
            scene.say(&format!("after {code}"));
            if resumes {
                gateway.wait_for_resumed(1).await;
            } else {
                gateway.wait_for_identified(2).await;
            }
            scene.heard().await;
            assert_eq!(scene.dials(), 2, "after {code}");
            assert_eq!(gateway.identifies().len(), if resumes { 1 } else { 2 }, "after {code}");
            scene.guild.was_called_properly();
        });
    }
    while let Some(ended) = all.join_next().await {
        ended.expect("each code leads back");
    }
}

#[tokio::test]
async fn a_session_that_is_gone_costs_nothing_but_a_look_at_the_history() {
    let mut scene = Scene::start(GatewayScript { identify_window: Duration::ZERO, ..GatewayScript::default() }).await;
    let guild = Arc::clone(&scene.guild);
    let gateway = guild.server.gateway();
    gateway.refuse_connections(1);
    gateway.cut();
    gateway.forget_sessions();
    scene.say("while nobody listens");
    gateway.wait_for_identified(2).await;
    scene.heard().await;
    gateway.invalidate(false);
    gateway.wait_for_identified(3).await;
    scene.say_some("after an invalid session").await;
    assert!(scene.dials() <= 6, "{:?}", gateway.dials());
    scene.guild.was_called_properly();
}

#[tokio::test]
async fn a_deaf_server_is_left_and_found_again() {
    let gateway = GatewayScript { heartbeat_interval: Duration::from_millis(700), ..GatewayScript::default() };
    let mut scene = Scene::start(gateway).await;
    let guild = Arc::clone(&scene.guild);
    let gateway = guild.server.gateway();
    gateway.stop_acknowledging();
    scene.relay.unless_it_ends(gateway.wait_for_closes(1)).await;
    gateway.acknowledge();
    gateway.wait_for_resumed(1).await;
    scene.say_some("after the silence").await;
    assert!(gateway.closes().iter().all(|code| ![1000, 1001].contains(code)), "these would end the session");
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_process_stopped() {
    let mut scene = Scene::start(GatewayScript::default()).await;
    let guild = Arc::clone(&scene.guild);
    let gateway = guild.server.gateway();
    assert_eq!(scene.relay.terminate().await, Some(0));
    scene.say("while it was down");
    scene.relay.spawn();
    scene.relay.ready().await;
    gateway.wait_for_resumed(1).await;
    scene.heard().await;
    assert_eq!(gateway.identifies().len(), 1);

    scene.relay.kill9().await;
    scene.say("while it was dead");
    scene.relay.spawn();
    scene.relay.ready().await;
    scene.heard().await;

    // Longer than Discord keeps a session.
    assert_eq!(scene.relay.terminate().await, Some(0));
    gateway.forget_sessions();
    scene.say("while it was away for long");
    scene.relay.spawn();
    scene.relay.ready().await;
    scene.heard().await;
    assert_eq!(counts(&scene.relay).await[3], 0);
    scene.guild.was_called_properly();
}

#[tokio::test]
async fn a_gateway_that_closes_at_once_is_not_stormed() {
    let mut scene = Scene::start(GatewayScript::default()).await;
    let guild = Arc::clone(&scene.guild);
    let gateway = guild.server.gateway();
    gateway.close_on_connect(4000);
    gateway.cut();
    gateway.wait_for_dials(4).await;
    let times: Vec<i64> = gateway.dials().iter().map(|dial| dial.time.as_millisecond()).collect();
    let waits: Vec<i64> = times.windows(2).skip(1).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| *wait >= 500) && waits.last() > waits.first(), "{waits:?}");
    gateway.close_on_connect(None);
    scene.say_some("after all").await;
}

#[tokio::test]
async fn a_wrong_token_and_a_missing_intent_are_told_in_plain_words() {
    let guild = Guild::start().await;
    let desk = Workspace::start("desk", &[ROOM]).await;
    let mut configuration = json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "discord": { "dc": guild.settings() },
        "rules": [{ "id": "in", "from": { "dc": guild.address() }, "to": { "desk": { "room_id": ROOM } } }],
    });
    guild.server.gateway().disallow_intents(1 << 15);
    let mut relay = Relay::new(configuration.clone());
    relay.spawn();
    relay.alive().await;
    relay
        .wait_for("the intent to be named", async |relay: &Relay| {
            health(relay, "dc").await["error"].as_str().is_some_and(|error| error.contains("Message Content Intent"))
        })
        .await;
    assert!(guild.server.gateway().dials().len() <= 2, "{:?}", guild.server.gateway().dials());
    drop(relay);

    guild.server.gateway().disallow_intents(0);
    configuration["discord"]["dc"]["bot_token"] = json!("MTIzNDU2Nzg5MDEyMzQ1Njc4.wrong.token-that-nobody-knows");
    let mut relay = Relay::new(configuration);
    relay.spawn();
    relay.alive().await;
    relay
        .wait_for("the token to be named", async |relay: &Relay| {
            health(relay, "dc").await["error"].as_str().is_some_and(|error| error.contains("bot_token"))
        })
        .await;
    assert!(!relay.log().contains("token-that-nobody-knows"));
    assert!(guild.server.invalid() <= 3, "{} refused calls", guild.server.invalid());
}
