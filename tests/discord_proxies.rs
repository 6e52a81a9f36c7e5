//! REST and gateway both go through the instance's proxy, and past it where it is switched off.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::FakeProxy;
use tieline_testkit::discord::Post;

use crate::guild::Guild;
use crate::workspace::Workspace;

const ROOM: &str = "TEAM";

fn configuration(guild: &Guild, desk: &Workspace, proxy: &Value, global: &Value) -> Value {
    let mut settings = guild.settings();
    settings["proxy"] = proxy.clone();
    let mut direct = desk.settings();
    direct["proxy"] = json!(null);
    json!({
        "global": { "proxy": global },
        "rocketchat": { "desk": direct },
        "discord": { "dc": settings },
        "rules": [{ "id": "both", "type": "connect", "channels": { "desk": { "room_id": ROOM }, "dc": guild.address() } }],
    })
}

/// A text with a file one way, a text the other way: gateway, CDN, look-ups and webhook are all used.
async fn relay_something(guild: &Guild, desk: &Workspace) {
    guild.server.gateway().wait_until_connected().await;
    let post = Post::text("by a detour").file("note.bin", "application/octet-stream", b"by a detour, too");
    guild.server.say(guild.general, guild.carol, post);
    let copy = desk.server.wait_for(ROOM, |message| !message.files.is_empty()).await;
    assert_eq!(copy.files[0].read().expect("readable"), b"by a detour, too");
    desk.say(ROOM, "and back").await;
    guild.server.wait_for(guild.general, |message| message.content.contains("and back")).await;
}

#[tokio::test]
async fn rest_and_gateway_go_through_an_http_and_a_socks5_proxy() {
    for proxy in [FakeProxy::http().await, FakeProxy::socks5().await] {
        let (guild, desk) = (Guild::start().await, Workspace::start("desk", &[ROOM]).await);
        let _relay = Relay::start(configuration(&guild, &desk, &json!(proxy.url()), &json!(null))).await;
        relay_something(&guild, &desk).await;
        let place = guild.server.gateway_url();
        let place = place.trim_start_matches("ws://").split('/').next().expect("a host").to_owned();
        assert!(
            !proxy.targets().is_empty() && proxy.targets().iter().all(|target| *target == place),
            "{:?}",
            proxy.targets()
        );
        // Each connection of the gateway and each call went through it: as it closes, nothing is heard any more.
        let (dials, calls) = (guild.server.gateway().dials().len(), guild.server.requests().len());
        proxy.close_port().await;
        desk.say(ROOM, "waits for the proxy").await;
        guild.say("waits, too");
        assert_eq!((guild.server.gateway().dials().len(), guild.server.requests().len()), (dials, calls));
        proxy.open_port().await.expect("the port is free");
        guild.server.wait_for(guild.general, |message| message.content.contains("waits for the proxy")).await;
        desk.server.wait_for(ROOM, |message| message.text.contains("waits, too")).await;
    }
}

#[tokio::test]
async fn null_avoids_the_global_proxy() {
    let proxy = FakeProxy::http().await;
    let (guild, desk) = (Guild::start().await, Workspace::start("desk", &[ROOM]).await);
    let _relay = Relay::start(configuration(&guild, &desk, &json!(null), &json!(proxy.url()))).await;
    relay_something(&guild, &desk).await;
    assert!(proxy.targets().is_empty(), "{:?}", proxy.targets());
}
