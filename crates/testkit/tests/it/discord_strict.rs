//! What Discord refuses, and how it says so.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tieline_testkit::discord::{ChannelKind, Permission, Route};

use crate::discord_client::{AGENT, Rig, code, id, parsed, wrong};

#[tokio::test]
async fn a_caller_names_itself_and_has_a_token() {
    let rig = Rig::new().await;
    let right = format!("Bot {}", rig.bot.token);
    let me = async |headers: &[(&str, &str)]| rig.reply(Method::GET, "users/@me", headers, Bytes::new()).await;
    for agent in ["", "reqwest/0.13", "DiscordBot", "DiscordBot (https://example.com)", "DiscordBot (, 1)"] {
        let reply = me(&[("user-agent", agent), ("authorization", &right)]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.headers["content-type"].to_str().unwrap()),
            (403, "text/html; charset=UTF-8")
        );
    }
    let unauthorized = (401, json!({ "message": "401: Unauthorized", "code": 0 }));
    for token in ["", "Bot wrong", &rig.bot.token, &right.to_lowercase()] {
        let reply = me(&[("user-agent", AGENT), ("authorization", token)]).await;
        assert_eq!(parsed(&reply), unauthorized, "{token}");
    }
    assert_eq!(me(&[("user-agent", AGENT), ("authorization", &right)]).await.status, 200);
    assert_eq!(rig.fake.invalid(), 9, "each of them counts towards a ban");
    let renewed = rig.fake.reset_token(&rig.bot);
    assert_eq!(rig.get("users/@me").await, unauthorized);
    let right = format!("Bot {}", renewed.token);
    assert_eq!(me(&[("user-agent", AGENT), ("authorization", &right)]).await.status, 200);
}

#[tokio::test]
async fn the_form_is_wrong_where_the_tree_says() {
    let rig = Rig::new().await;
    let long = "x".repeat(2001);
    let many_ids: Vec<_> = (1..=101).map(|id| id.to_string()).collect();
    let embed = |key: &str, length: usize| json!([{ key: "x".repeat(length) }]);
    let field = |name: &str| json!([{ "fields": [{ "name": name, "value": "x" }] }]);
    let cases = [
        (json!({ "content": long }), "content", "BASE_TYPE_MAX_LENGTH"),
        (json!({ "content": 1 }), "content", "STRING_TYPE_CONVERT"),
        (json!({ "content": "x", "tts": "no" }), "tts", "BOOLEAN_TYPE_CONVERT"),
        (json!({ "content": "x", "flags": "4" }), "flags", "NUMBER_TYPE_COERCE"),
        (json!({ "content": "x", "embeds": {} }), "embeds", "LIST_TYPE_CONVERT"),
        (json!({ "content": "x", "username": "Ann" }), "username", "UNKNOWN_KEY"),
        (json!({ "embeds": vec![json!({ "title": "x" }); 11] }), "embeds", "BASE_TYPE_MAX_LENGTH"),
        (json!({ "embeds": embed("title", 257) }), "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
        (json!({ "embeds": embed("description", 4097) }), "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
        (json!({ "embeds": embed("titel", 1) }), "embeds.0.titel", "UNKNOWN_KEY"),
        (json!({ "embeds": field("") }), "embeds.0.fields.0.name", "BASE_TYPE_REQUIRED"),
        (
            json!({ "embeds": [{ "description": "x".repeat(4000) }, { "description": "x".repeat(2001) }] }),
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
        ),
        (
            json!({ "content": "x", "allowed_mentions": { "parse": ["users"], "users": ["1"] } }),
            "allowed_mentions",
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
        (
            json!({ "content": "x", "allowed_mentions": { "parse": ["here"] } }),
            "allowed_mentions.parse.0",
            "BASE_TYPE_CHOICES",
        ),
        (
            json!({ "content": "x", "allowed_mentions": { "users": many_ids } }),
            "allowed_mentions.users",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            json!({ "content": "x", "allowed_mentions": { "users": ["ann"] } }),
            "allowed_mentions.users.0",
            "NUMBER_TYPE_COERCE",
        ),
        (
            json!({ "content": "x", "message_reference": { "message_id": 1 } }),
            "message_reference.message_id",
            "NUMBER_TYPE_COERCE",
        ),
        (json!({ "content": "x", "message_reference": {} }), "message_reference.message_id", "BASE_TYPE_REQUIRED"),
        (json!({ "content": "x", "attachments": [{ "id": 0 }] }), "attachments.0.id", "ATTACHMENT_NOT_FOUND"),
    ];
    for (body, path, code) in cases {
        assert_eq!(wrong(&rig.write(&body).await, path), Some(code), "{body}");
    }
    assert!(rig.fake.messages(rig.channel).is_empty());
    for body in [
        json!({ "content": "😀".repeat(1001), "allowed_mentions": { "parse": ["users"], "users": [] } }),
        json!({ "content": "x".repeat(2000), "embeds": null, "flags": 4 }),
    ] {
        assert_eq!(rig.write(&body).await.0, 200, "{body}");
    }
    let problems: Vec<_> = rig.fake.violations().into_iter().map(|violation| violation.problem).collect();
    assert!(problems.len() == 1 && problems[0].contains("2002 UTF-16 units"), "{problems:?}");
}

#[tokio::test]
async fn a_message_says_something() {
    let rig = Rig::new().await;
    for body in
        [json!({}), json!({ "content": "" }), json!({ "content": " \n" }), json!({ "content": null, "embeds": [] })]
    {
        assert_eq!(code(&rig.write(&body).await), (400, 50006), "{body}");
        assert_eq!(code(&rig.execute(&rig.hook(), &body).await), (400, 50006), "{body}");
    }
    let (_, sent) = rig.write(&json!({ "embeds": [{ "title": "x" }] })).await;
    assert_eq!(sent["embeds"][0]["type"], "rich");
    let path = format!("channels/{}/messages/{}", rig.channel, id(&sent));
    let emptied = rig.send(Method::PATCH, &path, &json!({ "embeds": [] })).await;
    assert_eq!(code(&emptied), (400, 50006), "nor is it edited away");
}

#[tokio::test]
async fn bodies_are_json_or_a_form() {
    let rig = Rig::new().await;
    let path = format!("channels/{}/messages", rig.channel);
    let broken = rig.raw(Method::POST, &path, "application/json", "{").await;
    assert_eq!(code(&parsed(&broken)), (400, 50109));
    let list = rig.raw(Method::POST, &path, "application/json", "[]").await;
    assert_eq!(wrong(&parsed(&list), "_misc"), Some("DICT_TYPE_CONVERT"));
    let form = rig.raw(Method::POST, &path, "application/x-www-form-urlencoded", "content=x").await;
    assert_eq!(wrong(&parsed(&form), "_misc"), Some("CONTENT_TYPE_INVALID"));
}

#[tokio::test]
async fn ids_are_snowflakes_of_what_there_is() {
    let rig = Rig::new().await;
    for (path, name) in [("channels/general", "channel_id"), ("guilds/01", "guild_id"), ("webhooks/x", "webhook_id")] {
        assert_eq!(wrong(&rig.get(path).await, name), Some("NUMBER_TYPE_COERCE"), "{path}");
    }
    assert_eq!(code(&rig.get("channels/1").await), (404, 10003));
    assert_eq!(code(&rig.get("channels/1/messages").await), (404, 10003));
    assert_eq!(code(&rig.get("guilds/1").await), (404, 10004));
    assert_eq!(code(&rig.get(&format!("guilds/{}/members/1", rig.guild)).await), (404, 10007));
    assert_eq!(code(&rig.get("webhooks/1").await), (404, 10015));
    assert_eq!(rig.get("nothing").await, (404, json!({ "message": "404: Not Found", "code": 0 })));
    assert_eq!(rig.fake.requests_to(Route::Unknown).len(), 1);
}

#[tokio::test]
async fn permissions_are_looked_at_where_they_matter() {
    let rig = Rig::new().await;
    let stranger = rig.fake.add_guild("Away");
    let away = rig.fake.add_channel(stranger, ChannelKind::Text, "general");
    for path in [format!("channels/{away}"), format!("guilds/{stranger}"), format!("guilds/{stranger}/channels")] {
        assert_eq!(code(&rig.get(&path).await), (403, 50001), "{path}");
    }
    let body = json!({ "content": "x" });
    assert_eq!(code(&rig.post(&format!("channels/{away}/messages"), &body).await), (403, 50001));
    rig.fake.deny(rig.bot.user, rig.channel, Permission::SendMessages);
    assert_eq!(code(&rig.write(&body).await), (403, 50013));
    let (_, channel) = rig.get(&format!("channels/{}", rig.channel)).await;
    let overwrite = json!([{ "id": rig.bot.user.to_string(), "type": 1, "allow": "0", "deny": "2048" }]);
    assert_eq!(channel["permission_overwrites"], overwrite, "as a bot can work it out");
    rig.fake.deny(rig.bot.user, rig.channel, Permission::ViewChannel);
    assert_eq!(code(&rig.write(&body).await), (403, 50001));
    assert_eq!(code(&rig.get(&format!("channels/{}", rig.channel)).await), (403, 50001));
    assert_eq!(rig.execute(&rig.hook(), &body).await.0, 200, "a webhook asks for none");
    rig.fake.deny(rig.bot.user, rig.guild, Permission::ManageMessages);
    let (_, guilds) = rig.get("users/@me/guilds").await;
    let bits: u64 = guilds[0]["permissions"].as_str().unwrap().parse().unwrap();
    assert_eq!(bits & Permission::ManageMessages.bit(), 0);
    let (_, roles) = rig.get(&format!("guilds/{}/roles", rig.guild)).await;
    let own = roles.as_array().unwrap().iter().find(|role| role["tags"]["bot_id"] == rig.bot.user.to_string());
    assert_eq!(own.unwrap()["permissions"], bits.to_string());
}

#[tokio::test]
async fn the_bot_learns_who_and_where_it_is() {
    let rig = Rig::new().await;
    let (_, me) = rig.get("users/@me").await;
    assert_eq!((&me["username"], &me["bot"]), (&json!("relay"), &json!(true)));
    for path in ["applications/@me", "oauth2/applications/@me"] {
        let (_, application) = rig.get(path).await;
        assert_eq!(application["id"], rig.bot.application.to_string());
        assert_eq!(application["flags"].as_u64().unwrap() & 1 << 19, 1 << 19, "MESSAGE CONTENT is switched on");
    }
    rig.fake.gateway().disallow_intents(1 << 15);
    assert_eq!(rig.get("applications/@me").await.1["flags"].as_u64().unwrap() & 1 << 19, 0);
    let reply = rig.reply(Method::GET, "gateway", &[("user-agent", AGENT)], Bytes::new()).await;
    assert_eq!(parsed(&reply), (200, json!({ "url": rig.fake.gateway_url() })), "for everybody");
    let (_, gateway) = rig.get("gateway/bot").await;
    assert_eq!((&gateway["url"], &gateway["shards"]), (&json!(rig.fake.gateway_url()), &json!(1)));
    assert_eq!(gateway["session_start_limit"]["remaining"], 1000);
    rig.fake.set_nick(rig.guild, rig.ann, Some("Annie"));
    let (_, member) = rig.get(&format!("guilds/{}/members/{}", rig.guild, rig.ann)).await;
    assert_eq!((&member["nick"], &member["user"]["global_name"]), (&json!("Annie"), &json!("Ann")));
    let (_, guild) = rig.get(&format!("guilds/{}", rig.guild)).await;
    assert_eq!((&guild["name"], id(&guild["roles"][0])), (&json!("Home"), rig.guild), "@everyone has the guild's id");
    let active = rig.fake.add_thread(rig.channel, rig.ann, "active");
    let archived = rig.fake.add_thread(rig.channel, rig.ann, "archived");
    rig.fake.set_archived(archived, true);
    let (_, channels) = rig.get(&format!("guilds/{}/channels", rig.guild)).await;
    let names = |list: &Value| list.as_array().unwrap().iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&channels), ["general"], "no threads");
    let (_, threads) = rig.get(&format!("guilds/{}/threads/active", rig.guild)).await;
    assert_eq!(names(&threads["threads"]), ["active"]);
    assert_eq!(id(&threads["threads"][0]), active);
}

#[tokio::test]
async fn queries_that_do_nothing_and_flags_that_are_not_set_are_noted() {
    let rig = Rig::new().await;
    let hook = rig.hook();
    rig.hooked(Method::POST, &hook, "?wait=true&threadid=1", &json!({ "content": "x", "flags": 64 })).await;
    rig.get(&format!("channels/{}/messages?since=1", rig.channel)).await;
    let noted: Vec<_> = rig.fake.violations().into_iter().map(|one| (one.route, one.problem)).collect();
    let expected = [
        (Route::ExecuteWebhook, "the query's key \"threadid\" is not known"),
        (Route::ExecuteWebhook, "the flags 64 hold some that this call does not set"),
        (Route::Messages, "the query's key \"since\" is not known"),
    ];
    assert_eq!(noted, expected.map(|(route, problem)| (route, problem.to_owned())));
}
