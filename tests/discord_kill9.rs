//! The relay is killed while it hears Discord's gateway and posts by a webhook, which knows no repeat: nothing is lost,
//! nothing is doubled, and no second webhook is made.

use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tieline_e2e::{Relay, seed};

use crate::guild::Guild;
use crate::workspace::{Workspace, counts, numbered};

const ROOM: &str = "TEAM";
const LIVES: usize = 8;

#[tokio::test]
async fn nothing_is_lost_or_doubled_either_way() {
    let (guild, desk) = (Guild::start().await, Workspace::start("desk", &[ROOM]).await);
    let mut relay = Relay::start(json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "discord": { "dc": guild.settings() },
        "rules": [{
            "id": "both", "type": "connect", "channels": { "desk": { "room_id": ROOM }, "dc": guild.address() },
            "msg": { "rc_alias": "{user}", "webhook_title": "{user}" },
        }],
    }))
    .await;
    let mut rng = Rng::with_seed(seed("discord_kill9", 4));
    guild.server.gateway().wait_until_connected().await;
    let (mut carols, mut anns) = (Vec::new(), Vec::new());
    for life in 0..LIVES {
        for text in numbered(&format!("Carol in life {life}"), 4) {
            guild.say(&text);
            carols.push(text);
        }
        // Webhooks of Discord take thirty messages a minute.
        for text in numbered(&format!("Ann in life {life}"), 2) {
            desk.say(ROOM, &text).await;
            anns.push(text);
        }
        // The moment is anywhere between the receipt and a little after the last send.
        tokio::time::sleep(Duration::from_micros(rng.u64(0..30_000))).await;
        relay.kill9().await;
        relay.spawn();
        relay.ready().await;
    }
    relay.unless_it_ends(desk.server.wait_for_count(ROOM, carols.len() + anns.len())).await;
    relay.unless_it_ends(guild.server.wait_for_count(guild.general, carols.len() + anns.len())).await;
    relay.settled().await;
    assert_eq!(desk.heard(ROOM), carols);
    assert_eq!(guild.heard(guild.general), anns);
    assert_eq!(guild.server.webhooks(guild.general).len(), 1);
    assert_eq!(counts(&relay).await[3], 0, "dead letters");
    assert_eq!(relay.messages("possible_duplicates").await, 0);
    guild.was_called_properly();
}
