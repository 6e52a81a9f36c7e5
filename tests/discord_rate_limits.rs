//! Discord's limits in every form: no call comes before its time, nothing is lost, order is kept.

use std::time::Duration;

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::discord::{ChannelKind, DiscordScript, Fault, Limit, Limits, Route, Scope};

use crate::guild::Guild;
use crate::workspace::{Workspace, counts, numbered};

const ROOMS: [&str; 3] = ["one", "two", "three"];

fn limits() -> Limits {
    Limits {
        webhook: Limit { calls: 5, window: Duration::from_secs(1) },
        message: Limit { calls: 3, window: Duration::from_secs(1) },
        ..Limits::default()
    }
}

/// Three rooms into `#general`, and one of them into a channel of its own, too.
fn funnel(desk: &Workspace, guild: &Guild, other: &str, method: &str) -> Value {
    let sources: Vec<_> = ROOMS.iter().map(|room| json!({ "room_id": room })).collect();
    let mut settings = guild.settings();
    settings["send_method"] = json!(method);
    json!({
        "global": {},
        "rocketchat": { "desk": desk.settings() },
        "discord": { "dc": settings },
        "rules": [
            { "id": "funnel", "from": { "desk": sources }, "to": { "dc": guild.address() }, "msg": { "msg_format": "{msg}" } },
            { "id": "other", "from": { "desk": { "room_id": "one" } }, "to": { "dc": { "channel_id": other } },
              "msg": { "msg_format": "{msg}" } },
        ],
    })
}

#[tokio::test]
async fn no_call_comes_early_whatever_form_the_limit_has() {
    for method in ["webhook", "bot"] {
        let guild = Guild::with(DiscordScript { limits: limits(), ..DiscordScript::default() }).await;
        let other = guild.server.add_channel(guild.id, ChannelKind::Text, "other");
        let desk = Workspace::start("desk", &ROOMS).await;
        let mut relay = Relay::start(funnel(&desk, &guild, &other.to_string(), method)).await;
        desk.say("one", "before").await;
        guild.server.wait_for_count(other, 1).await;
        let route = if method == "bot" { Route::CreateMessage } else { Route::ExecuteWebhook };
        for scope in [Scope::User, Scope::Shared, Scope::Global, Scope::Cloudflare] {
            let retry_after = Duration::from_millis(1_300);
            guild.server.faults().on(route).next(1, Fault::TooManyRequests { retry_after, scope });
        }
        for number in 0..6 {
            for room in ROOMS {
                desk.say(room, &format!("{room} {number}")).await;
            }
        }
        guild.server.wait_for_count(guild.general, 19).await;
        guild.server.wait_for_count(other, 7).await;
        relay.settled().await;
        for room in ROOMS {
            let of_room: Vec<String> =
                guild.heard(guild.general).into_iter().filter(|text| text.starts_with(room)).collect();
            assert_eq!(of_room, numbered(room, 6), "by {method}");
        }
        assert_eq!(guild.server.early(), [], "by {method}");
        assert!(guild.server.invalid() <= 5, "{} calls ran into limits by {method}", guild.server.invalid());
        assert_eq!(counts(&relay).await[3], 0);
        assert_eq!(relay.messages("possible_duplicates").await, 0);
        guild.was_called_properly();
    }
}

#[tokio::test]
async fn lost_answers_and_broken_servers_lose_and_double_nothing() {
    for method in ["webhook", "bot"] {
        let guild = Guild::start().await;
        let other = guild.server.add_channel(guild.id, ChannelKind::Text, "other");
        let desk = Workspace::start("desk", &ROOMS).await;
        let mut relay = Relay::start(funnel(&desk, &guild, &other.to_string(), method)).await;
        desk.say("one", "before").await;
        guild.server.wait_for_count(other, 1).await;
        let route = if method == "bot" { Route::CreateMessage } else { Route::ExecuteWebhook };
        for fault in [Fault::DropAfter, Fault::DropBefore, Fault::BadGatewayAfter, Fault::BadGateway, Fault::Truncated]
        {
            guild.server.faults().on(route).next(1, fault);
        }
        for number in 0..5 {
            desk.say("two", &format!("two {number}")).await;
        }
        guild.server.wait_for_count(guild.general, 6).await;
        relay.settled().await;
        assert_eq!(guild.heard(guild.general)[1..], numbered("two", 5), "by {method}");
        assert_eq!(relay.messages("possible_duplicates").await, 0, "by {method}");
        guild.was_called_properly();
    }
}

#[tokio::test]
async fn a_channel_that_refuses_us_stops_nobody_else_and_a_lost_webhook_is_made_anew_once() {
    use tieline_testkit::discord::Permission;
    let guild = Guild::start().await;
    let other = guild.server.add_channel(guild.id, ChannelKind::Text, "other");
    let desk = Workspace::start("desk", &ROOMS).await;
    let mut relay = Relay::start(funnel(&desk, &guild, &other.to_string(), "webhook")).await;
    desk.say("one", "before").await;
    guild.server.wait_for_count(other, 1).await;
    guild.server.wait_for_count(guild.general, 1).await;

    let lost = guild.server.webhooks(guild.general).remove(0);
    guild.server.delete_webhook(lost.id);
    desk.say("two", "by a new webhook").await;
    guild.server.wait_for_count(guild.general, 2).await;
    assert_eq!(guild.server.webhooks(guild.general).len(), 1);

    let hook = guild.server.webhooks(other).remove(0);
    guild.server.delete_webhook(hook.id);
    guild.server.deny(guild.bot.user, other, Permission::ManageWebhooks);
    for text in numbered("one", 8) {
        desk.say("one", &text).await;
    }
    guild.server.wait_for_count(guild.general, 10).await;
    let refused = guild.server.invalid();
    assert!(refused <= 3, "a channel that refuses is not asked again and again: {refused}");
    relay
        .wait_for("the missing permission to be told", async |relay: &Relay| {
            relay.log().to_lowercase().contains("manage webhooks") || relay.log().contains("MANAGE_WEBHOOKS")
        })
        .await;
    assert_eq!(guild.server.early(), []);
}
