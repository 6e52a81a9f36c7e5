//! Webhooks: what they write, and how they are found, made and lost.

use http::Method;
use serde_json::{Value, json};
use tieline_testkit::discord::{ChannelKind, Permission, Route};

use crate::discord_client::{AGENT, Rig, code, id, wrong};

#[tokio::test]
async fn an_id_comes_back_only_when_it_is_waited_for() {
    let rig = Rig::new().await;
    let hook = rig.hook();
    let body = json!({ "content": "hi", "username": "Ann (WhatsApp)", "avatar_url": "https://example.com/a.png" });
    assert_eq!(rig.hooked(Method::POST, &hook, "", &body).await, (204, Value::Null));
    let (status, sent) = rig.execute(&hook, &body).await;
    assert_eq!((status, &sent["author"]["username"]), (200, &json!("Ann (WhatsApp)")));
    assert_eq!(
        (&sent["webhook_id"], &sent["author"]["id"]),
        (&json!(hook.id.to_string()), &json!(hook.id.to_string()))
    );
    assert_eq!(sent["application_id"], rig.bot.application.to_string());
    let shown = &rig.fake.messages(rig.channel)[1];
    assert_eq!(
        (shown.author_name.as_str(), shown.avatar.as_deref()),
        ("Ann (WhatsApp)", Some("https://example.com/a.png"))
    );
    assert_eq!(shown.webhook_id, Some(hook.id));
    let refused = rig.hooked(Method::POST, &hook, "?wait=yes", &body).await;
    assert_eq!(wrong(&refused, "wait"), Some("BOOLEAN_TYPE_CONVERT"));
}

#[tokio::test]
async fn a_webhook_knows_no_replies_and_no_nonce() {
    let rig = Rig::new().await;
    let asked = rig.fake.person_writes(rig.channel, rig.ann, "why?");
    let body = json!({ "content": "x", "message_reference": { "message_id": asked.to_string() }, "nonce": "1" });
    let refused = rig.execute(&rig.hook(), &body).await;
    for key in ["message_reference", "nonce"] {
        assert_eq!(wrong(&refused, key), Some("UNKNOWN_KEY"));
    }
}

#[tokio::test]
async fn names_and_pictures_are_checked() {
    let rig = Rig::new().await;
    let hook = rig.hook();
    let named = async |name: &str| rig.execute(&hook, &json!({ "content": "x", "username": name })).await;
    assert_eq!(wrong(&named("My Discord").await, "username"), Some("USERNAME_INVALID_CONTAINS"));
    assert_eq!(wrong(&named("Bonnie & CLYDE").await, "username"), Some("USERNAME_INVALID_CONTAINS"));
    assert_eq!(wrong(&named("here").await, "username"), Some("USERNAME_INVALID"));
    assert_eq!(wrong(&named(&"x".repeat(81)).await, "username"), Some("BASE_TYPE_BAD_LENGTH"));
    assert_eq!(named(&"ä".repeat(80)).await.0, 200, "characters are counted, not bytes");
    for address in ["no address", "data:image/png;base64,AA==", ""] {
        let refused = rig.execute(&hook, &json!({ "content": "x", "avatar_url": address })).await;
        assert_eq!(wrong(&refused, "avatar_url"), Some("URL_TYPE_INVALID_URL"), "{address}");
    }
    let both = rig.execute(&hook, &json!({ "username": "here", "avatar_url": "x", "content": 1 })).await;
    assert_eq!(both.1["errors"].as_object().unwrap().len(), 3, "all is told at once: {both:?}");
}

#[tokio::test]
async fn its_messages_are_its_own() {
    let rig = Rig::new().await;
    let (hook, other) = (rig.hook(), rig.hook());
    let (_, sent) = rig.execute(&hook, &json!({ "content": "tpyo", "username": "Ann" })).await;
    let path = format!("/messages/{}", id(&sent));
    let (status, edited) = rig.hooked(Method::PATCH, &hook, &path, &json!({ "content": "typo" })).await;
    assert_eq!((status, &edited["content"], &edited["author"]["username"]), (200, &json!("typo"), &json!("Ann")));
    let renamed = rig.hooked(Method::PATCH, &hook, &path, &json!({ "content": "x", "username": "Bob" })).await;
    assert_eq!(wrong(&renamed, "username"), Some("UNKNOWN_KEY"), "name and picture cannot change");
    assert_eq!(rig.hooked(Method::GET, &hook, &path, &Value::Null).await.1["content"], "typo");
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let refused = rig.hooked(method, &other, &path, &json!({ "content": "x" })).await;
        assert_eq!(code(&refused), (404, 10008));
    }
    assert_eq!(rig.hooked(Method::DELETE, &hook, &path, &Value::Null).await.0, 204, "no permission is needed");
    assert!(rig.fake.messages(rig.channel).is_empty());
    assert_eq!(code(&rig.hooked(Method::PATCH, &hook, &path, &json!({ "content": "x" })).await), (404, 10008));
}

#[tokio::test]
async fn by_default_it_pings_users_and_nobody_else() {
    let rig = Rig::new().await;
    let role = rig.fake.add_role(rig.guild, "staff", true);
    let text = format!("@here <@{}> <@&{role}>", rig.ann);
    let hook = rig.hook();
    rig.execute(&hook, &json!({ "content": text })).await;
    rig.execute(&hook, &json!({ "content": text, "allowed_mentions": { "parse": [] } })).await;
    rig.execute(&hook, &json!({ "content": text, "allowed_mentions": { "parse": ["everyone", "roles"] } })).await;
    let pinged: Vec<_> = rig.fake.messages(rig.channel).into_iter().map(|message| message.pinged).collect();
    assert_eq!((pinged[0].everyone, &pinged[0].users[..], pinged[0].roles.len()), (false, &[rig.ann][..], 0));
    assert!(pinged[1].is_empty());
    assert_eq!((pinged[2].everyone, pinged[2].users.len(), &pinged[2].roles[..]), (true, 0, &[role][..]));
}

#[tokio::test]
async fn threads_are_named_in_the_query() {
    let rig = Rig::new().await;
    let hook = rig.hook();
    let thread = rig.fake.add_thread(rig.channel, rig.ann, "topic");
    let other = rig.fake.add_channel(rig.guild, ChannelKind::Text, "other");
    rig.fake.set_archived(thread, true);
    let body = json!({ "content": "in the thread" });
    let at = async |query: String| rig.hooked(Method::POST, &hook, &query, &body).await;
    let (status, sent) = at(format!("?wait=true&thread_id={thread}")).await;
    assert_eq!((status, &sent["channel_id"]), (200, &json!(thread.to_string())));
    assert_eq!(rig.get(&format!("channels/{thread}")).await.1["thread_metadata"]["archived"], false, "it wakes up");
    assert_eq!(code(&at(format!("?thread_id={other}")).await), (404, 10003), "not a thread of its channel");
    assert_eq!(wrong(&at("?thread_id=topic".to_owned()).await, "thread_id"), Some("NUMBER_TYPE_COERCE"));
    let message = format!("/messages/{}", id(&sent));
    let edit = json!({ "content": "edited" });
    assert_eq!(
        code(&rig.hooked(Method::PATCH, &hook, &message, &edit).await),
        (404, 10008),
        "the thread must be named"
    );
    let message = format!("{message}?thread_id={thread}");
    assert_eq!(rig.hooked(Method::PATCH, &hook, &message, &edit).await.0, 200);
    rig.fake.set_locked(thread, true);
    assert_eq!(code(&at(format!("?thread_id={thread}")).await), (403, 160_005));
    rig.fake.set_locked(thread, false);
    rig.fake.set_archived(thread, true);
    assert_eq!(code(&rig.hooked(Method::PATCH, &hook, &message, &edit).await), (400, 50083));
    assert_eq!(rig.hooked(Method::DELETE, &hook, &message, &Value::Null).await.0, 204, "deleting wakes nothing");
}

#[tokio::test]
async fn a_forum_wants_a_thread_and_takes_a_new_one() {
    let rig = Rig::new().await;
    let forum = rig.fake.add_channel(rig.guild, ChannelKind::Forum, "questions");
    let hook = rig.fake.add_webhook_of(forum, &rig.bot, "relay");
    let body = json!({ "content": "x" });
    assert_eq!(code(&rig.execute(&hook, &body).await), (400, 220_001));
    let (status, sent) = rig.execute(&hook, &json!({ "content": "x", "thread_name": "How?" })).await;
    assert_eq!(status, 200);
    let thread = sent["channel_id"].as_str().unwrap();
    let (_, channel) = rig.get(&format!("channels/{thread}")).await;
    assert_eq!((&channel["name"], &channel["parent_id"]), (&json!("How?"), &json!(forum.to_string())));
    let both = format!("?thread_id={thread}");
    let named = json!({ "content": "x", "thread_name": "How?" });
    assert_eq!(code(&rig.hooked(Method::POST, &hook, &both, &named).await), (400, 220_002));
    assert_eq!(code(&rig.execute(&rig.hook(), &named).await), (400, 220_003));
    let path = format!("channels/{forum}/messages");
    assert_eq!(code(&rig.post(&path, &body).await), (400, 50008), "a bot cannot write into the forum itself");
}

#[tokio::test]
async fn a_dead_webhook_is_told_apart_from_a_wrong_token_and_calling_it_again_is_noted() {
    let rig = Rig::new().await;
    let hook = rig.hook();
    let mut wrong_token = hook.clone();
    wrong_token.token = "nonsense".to_owned();
    let body = json!({ "content": "x" });
    assert_eq!(code(&rig.execute(&wrong_token, &body).await), (401, 50027));
    let follower = rig.fake.add_follower(rig.channel, rig.ann, "news");
    assert_eq!(code(&rig.execute(&follower, &body).await), (401, 50027), "nobody posts through a follower");
    rig.fake.delete_webhook(hook.id);
    assert_eq!(code(&rig.execute(&hook, &body).await), (404, 10015));
    assert!(rig.fake.violations().is_empty());
    assert_eq!(code(&rig.execute(&hook, &body).await), (404, 10015));
    let violations = rig.fake.violations();
    assert!(violations.len() == 1 && violations[0].route == Route::ExecuteWebhook, "{violations:?}");
    assert!(!violations[0].problem.contains(&hook.token));
}

#[tokio::test]
async fn webhooks_are_found_and_made_up_to_a_number() {
    let rig = Rig::new().await;
    let path = format!("channels/{}/webhooks", rig.channel);
    rig.fake.add_webhook(rig.channel, rig.ann, "a person's");
    rig.fake.add_follower(rig.channel, rig.ann, "news");
    let foreign = rig.fake.add_bot("foreign");
    rig.fake.add_webhook_of(rig.channel, &foreign, "foreign");
    let (status, made) = rig.post(&path, &json!({ "name": "relay" })).await;
    assert_eq!(
        (status, &made["type"], &made["application_id"]),
        (200, &json!(1), &json!(rig.bot.application.to_string()))
    );
    assert!(made["token"].is_string());
    let (_, all) = rig.get(&path).await;
    let tokens: Vec<_> = all.as_array().unwrap().iter().map(|hook| hook["token"].is_string()).collect();
    assert_eq!(tokens, [true, false, false, true], "no token of followers and of other applications: {all}");
    assert_eq!(rig.get(&format!("guilds/{}/webhooks", rig.guild)).await.1, all);
    for name in ["", "Discord relay", "everyone"] {
        assert!(wrong(&rig.post(&path, &json!({ "name": name })).await, "name").is_some(), "{name}");
    }
    assert_eq!(wrong(&rig.post(&path, &json!({})).await, "name"), Some("BASE_TYPE_REQUIRED"));
    for _ in 4..15 {
        assert_eq!(rig.post(&path, &json!({ "name": "one more" })).await.0, 200);
    }
    assert_eq!(code(&rig.post(&path, &json!({ "name": "too many" })).await), (400, 30007));
    rig.fake.deny(rig.bot.user, rig.channel, Permission::ManageWebhooks);
    assert_eq!(code(&rig.get(&path).await), (403, 50013));
    assert_eq!(code(&rig.post(&path, &json!({ "name": "x" })).await), (403, 50013));
    rig.fake.deny(rig.bot.user, rig.guild, Permission::ManageWebhooks);
    assert_eq!(code(&rig.get(&format!("guilds/{}/webhooks", rig.guild)).await), (403, 50013));
    let thread = rig.fake.add_thread(rig.channel, rig.ann, "topic");
    rig.fake.allow(rig.bot.user, rig.guild, Permission::ManageWebhooks);
    rig.fake.allow(rig.bot.user, rig.channel, Permission::ManageWebhooks);
    let refused = rig.post(&format!("channels/{thread}/webhooks"), &json!({ "name": "x" })).await;
    assert_eq!(code(&refused), (400, 50024), "a webhook belongs to the parent");
}

#[tokio::test]
async fn a_webhook_is_changed_and_deleted_with_its_token_or_by_a_manager() {
    let rig = Rig::new().await;
    let hook = rig.hook();
    let other = rig.fake.add_channel(rig.guild, ChannelKind::Text, "other");
    let (_, got) = rig.hooked(Method::GET, &hook, "", &Value::Null).await;
    assert_eq!((&got["name"], got.get("user")), (&json!("relay"), None), "with the token nobody hears who made it");
    let moved = rig.hooked(Method::PATCH, &hook, "", &json!({ "channel_id": other.to_string() })).await;
    assert_eq!(wrong(&moved, "channel_id"), Some("UNKNOWN_KEY"));
    let path = format!("webhooks/{}", hook.id);
    let (status, moved) =
        rig.send(Method::PATCH, &path, &json!({ "name": "new", "channel_id": other.to_string() })).await;
    assert_eq!((status, &moved["name"], &moved["channel_id"]), (200, &json!("new"), &json!(other.to_string())));
    assert_eq!(rig.get(&path).await.1["user"]["id"], rig.bot.user.to_string());
    rig.execute(&hook, &json!({ "content": "moved" })).await;
    assert_eq!(rig.fake.messages(other).len(), 1);
    let theirs = rig.fake.add_webhook(rig.channel, rig.ann, "theirs");
    rig.fake.deny(rig.bot.user, rig.guild, Permission::ManageWebhooks);
    assert_eq!(rig.bare(Method::DELETE, &path).await.0, 204, "its own application may");
    assert_eq!(code(&rig.bare(Method::DELETE, &format!("webhooks/{}", theirs.id)).await), (403, 50013));
    assert_eq!(rig.hooked(Method::DELETE, &theirs, "", &Value::Null).await.0, 204);
    assert!(rig.fake.webhooks(rig.channel).is_empty());
    let headers = [("user-agent", AGENT)];
    let bare = rig.reply(Method::GET, &path, &headers, "".into()).await;
    assert_eq!(bare.status, 401, "without its token it wants a bot");
}
