//! Messages as a bot writes, reads, edits and deletes them.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tieline_testkit::discord::{ChannelKind, Permission, Post, Reference};

use crate::discord_client::{Rig, code, id, texts, wrong};

#[tokio::test]
async fn a_message_is_posted_and_read_again() {
    let rig = Rig::new().await;
    let (status, sent) = rig.write(&json!({ "content": "hello" })).await;
    assert_eq!((status, &sent["content"], &sent["type"]), (200, &json!("hello"), &json!(0)));
    assert_eq!(sent["author"]["id"], rig.bot.user.to_string());
    assert_eq!(sent["timestamp"], "2026-03-01T10:00:00.000000+00:00");
    let path = format!("channels/{}/messages/{}", rig.channel, id(&sent));
    assert_eq!(rig.get(&path).await, (200, sent.clone()));
    let shown = &rig.fake.messages(rig.channel)[0];
    assert_eq!((shown.id, shown.author_name.as_str(), shown.content.as_str()), (id(&sent), "relay", "hello"));
    let elsewhere = rig.fake.add_channel(rig.guild, ChannelKind::Text, "elsewhere");
    let path = format!("channels/{elsewhere}/messages/{}", id(&sent));
    assert_eq!(code(&rig.get(&path).await), (404, 10008), "a message is known in its own channel only");
}

#[tokio::test]
async fn history_comes_newest_first_and_after_takes_the_oldest_that_follow() {
    let rig = Rig::new().await;
    let ids: Vec<_> = (0..5).map(|n| rig.fake.person_writes(rig.channel, rig.ann, &n.to_string())).collect();
    let list = async |query: &str| rig.get(&format!("channels/{}/messages?{query}", rig.channel)).await.1;
    assert_eq!(texts(&list("limit=2").await), ["4", "3"]);
    assert_eq!(texts(&list(&format!("after={}&limit=2", ids[0])).await), ["2", "1"]);
    assert_eq!(texts(&list(&format!("after={}&limit=100", ids[4])).await), [""; 0]);
    assert_eq!(texts(&list(&format!("before={}&limit=2", ids[3])).await), ["2", "1"]);
    assert_eq!(texts(&list(&format!("around={}&limit=3", ids[2])).await), ["3", "2", "1"]);
    for limit in ["0", "101", "x"] {
        let refused = rig.get(&format!("channels/{}/messages?limit={limit}", rig.channel)).await;
        assert_eq!(wrong(&refused, "limit"), Some("NUMBER_TYPE_MAX"));
    }
    rig.fake.deny(rig.bot.user, rig.channel, Permission::ReadMessageHistory);
    assert_eq!(list("limit=2").await, json!([]), "without the permission there is no history, and no error");
}

#[tokio::test]
async fn a_nonce_that_is_enforced_is_taken_once() {
    let rig = Rig::new().await;
    let body = json!({ "content": "once", "nonce": "delivery-7", "enforce_nonce": true });
    let (_, first) = rig.write(&body).await;
    let (status, again) = rig.write(&body).await;
    assert_eq!((status, id(&again), &again["nonce"]), (200, id(&first), &json!("delivery-7")));
    assert_eq!(rig.fake.messages(rig.channel).len(), 1);
    assert!(rig.fake.violations().is_empty());
    let (_, lost) = rig.write(&json!({ "content": "other", "nonce": "delivery-7", "enforce_nonce": true })).await;
    assert_eq!(lost["content"], "once", "the text is not looked at");
    assert_eq!(rig.fake.violations()[0].problem, "another message with the same nonce is lost");
    rig.write(&json!({ "content": "once", "nonce": "delivery-7" })).await;
    assert_eq!(rig.fake.messages(rig.channel).len(), 2, "nobody asked that it be enforced");
    rig.clock.advance(Duration::from_mins(6));
    rig.write(&body).await;
    assert_eq!(rig.fake.messages(rig.channel).len(), 3, "it is forgotten after some minutes");
    let long = json!({ "content": "x", "nonce": "x".repeat(26) });
    assert_eq!(wrong(&rig.write(&long).await, "nonce"), Some("BASE_TYPE_MAX_LENGTH"));
}

#[tokio::test]
async fn a_reply_refers_to_its_message_unless_that_is_gone() {
    let rig = Rig::new().await;
    let asked = rig.fake.person_writes(rig.channel, rig.ann, "why?");
    let reply = |message: String, more: Value| {
        let mut reference = json!({ "message_id": message });
        reference.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "content": "because", "message_reference": reference })
    };
    let (_, sent) = rig.write(&reply(asked.to_string(), json!({}))).await;
    assert_eq!((&sent["type"], &sent["referenced_message"]["content"]), (&json!(19), &json!("why?")));
    let expected = Reference { forward: false, message: asked, channel: rig.channel };
    assert_eq!(rig.fake.message(id(&sent)).unwrap().reference, Some(expected));
    assert_eq!(rig.fake.message(id(&sent)).unwrap().pinged.users, [rig.ann], "who is answered is pinged by default");
    rig.fake.delete(asked);
    let path = format!("channels/{}/messages/{}", rig.channel, id(&sent));
    assert_eq!(rig.get(&path).await.1.get("referenced_message"), Some(&Value::Null), "null: it was deleted");
    let gone = rig.write(&reply(asked.to_string(), json!({}))).await;
    assert_eq!(wrong(&gone, "message_reference"), Some("REPLIES_UNKNOWN_MESSAGE"));
    let (status, sent) = rig.write(&reply(asked.to_string(), json!({ "fail_if_not_exists": false }))).await;
    assert_eq!((status, &sent["type"], sent.get("message_reference")), (200, &json!(0), None));
    let other = rig.fake.person_writes(rig.channel, rig.ann, "again?");
    rig.fake.deny(rig.bot.user, rig.channel, Permission::ReadMessageHistory);
    assert_eq!(code(&rig.write(&reply(other.to_string(), json!({}))).await), (403, 50013));
}

#[tokio::test]
async fn what_is_pinged_follows_allowed_mentions_and_their_dangerous_default() {
    let rig = Rig::new().await;
    let role = rig.fake.add_role(rig.guild, "staff", true);
    let quiet = rig.fake.add_role(rig.guild, "quiet", false);
    let text = format!("@everyone <@{}> <@!{}> <@&{role}> <@&{quiet}> <@1>", rig.ann, rig.bot.user);
    let pinged = async |allowed: Value| {
        let mut body = json!({ "content": text });
        if !allowed.is_null() {
            body["allowed_mentions"] = allowed;
        }
        let (_, sent) = rig.write(&body).await;
        rig.fake.message(id(&sent)).unwrap().pinged
    };
    let all = pinged(Value::Null).await;
    assert_eq!((all.everyone, all.users, all.roles), (true, vec![rig.ann, rig.bot.user], vec![role, quiet]));
    assert!(pinged(json!({ "parse": [] })).await.is_empty());
    assert!(pinged(json!({})).await.is_empty());
    let users = pinged(json!({ "users": [rig.ann.to_string()], "parse": ["roles"] })).await;
    assert_eq!((users.everyone, users.users, users.roles), (false, vec![rig.ann], vec![role, quiet]));
    assert!(pinged(json!({ "parse": ["everyone"] })).await.everyone);
    rig.fake.deny(rig.bot.user, rig.channel, Permission::MentionEveryone);
    let may_not = pinged(Value::Null).await;
    assert_eq!((may_not.everyone, may_not.roles), (false, vec![role]), "the permission counts, too");
}

#[tokio::test]
async fn an_edit_parses_mentions_with_the_default_again() {
    let rig = Rig::new().await;
    let quiet = json!({ "parse": [] });
    let (_, sent) = rig.write(&json!({ "content": "@everyone", "allowed_mentions": quiet })).await;
    let message = id(&sent);
    let path = format!("channels/{}/messages/{message}", rig.channel);
    let edit = async |body: Value| rig.send(Method::PATCH, &path, &body).await;
    assert_eq!(edit(json!({ "flags": 4 })).await.1["flags"], 4);
    assert!(rig.fake.message(message).unwrap().pinged.is_empty(), "the text stayed as it was");
    edit(json!({ "content": "@everyone!", "allowed_mentions": quiet })).await;
    assert!(rig.fake.message(message).unwrap().pinged.is_empty());
    let (status, edited) = edit(json!({ "content": "@everyone!!" })).await;
    assert_eq!((status, &edited["edited_timestamp"]), (200, &json!("2026-03-01T10:00:00.000000+00:00")));
    assert!(rig.fake.message(message).unwrap().pinged.everyone);
    let hook = rig.hook();
    let (_, sent) = rig.execute(&hook, &json!({ "content": "x" })).await;
    let body = json!({ "content": format!("@everyone <@{}>", rig.ann) });
    rig.hooked(Method::PATCH, &hook, &format!("/messages/{}", id(&sent)), &body).await;
    let pinged = rig.fake.message(id(&sent)).unwrap().pinged;
    assert_eq!((pinged.everyone, pinged.users), (false, vec![rig.ann]), "a webhook's default is users");
}

#[tokio::test]
async fn only_own_messages_are_edited_and_others_deleted_with_a_permission() {
    let rig = Rig::new().await;
    let theirs = rig.fake.person_writes(rig.channel, rig.ann, "mine");
    let (_, hooks) = rig.execute(&rig.hook(), &json!({ "content": "the webhook's" })).await;
    let path = |message: String| format!("channels/{}/messages/{message}", rig.channel);
    for message in [theirs.to_string(), id(&hooks).to_string()] {
        let refused = rig.send(Method::PATCH, &path(message), &json!({ "content": "x" })).await;
        assert_eq!(code(&refused), (403, 50005));
    }
    rig.fake.deny(rig.bot.user, rig.channel, Permission::ManageMessages);
    assert_eq!(code(&rig.bare(Method::DELETE, &path(theirs.to_string())).await), (403, 50013));
    let (_, own) = rig.write(&json!({ "content": "own" })).await;
    assert_eq!(rig.bare(Method::DELETE, &path(id(&own).to_string())).await.0, 204);
    assert_eq!(code(&rig.bare(Method::DELETE, &path(id(&own).to_string())).await), (404, 10008));
    rig.fake.allow(rig.bot.user, rig.channel, Permission::ManageMessages);
    assert_eq!(rig.bare(Method::DELETE, &path(theirs.to_string())).await.0, 204);
    assert_eq!(rig.fake.messages(rig.channel).len(), 1);
}

#[tokio::test]
async fn many_are_deleted_at_once_if_they_are_young_enough() {
    let rig = Rig::new().await;
    let old = rig.fake.person_writes(rig.channel, rig.ann, "old");
    rig.clock.advance(Duration::from_hours(15 * 24));
    let young: Vec<_> = (0..3).map(|_| rig.fake.person_writes(rig.channel, rig.ann, "young").to_string()).collect();
    let path = format!("channels/{}/messages/bulk-delete", rig.channel);
    let delete = async |ids: Value| rig.post(&path, &json!({ "messages": ids })).await;
    assert_eq!(wrong(&delete(json!([young[0]])).await, "messages"), Some("BASE_TYPE_BAD_LENGTH"));
    assert_eq!(code(&delete(json!([young[0], old.to_string()])).await), (400, 50034));
    assert_eq!(delete(json!([young[0], young[1]])).await.0, 204);
    assert_eq!(rig.fake.messages(rig.channel).len(), 2);
    rig.fake.deny(rig.bot.user, rig.channel, Permission::ManageMessages);
    assert_eq!(code(&delete(json!([young[1], young[2]])).await), (403, 50013));
}

#[tokio::test]
async fn reactions_are_given_once_and_taken_back() {
    let rig = Rig::new().await;
    let message = rig.fake.person_writes(rig.channel, rig.ann, "look");
    let emoji = rig.fake.add_emoji(rig.guild, "party", false);
    let tieline_testkit::discord::Emoji::Custom { id: custom, .. } = emoji else { panic!("{emoji:?}") };
    let path = |emoji: &str| format!("channels/{}/messages/{message}/reactions/{emoji}", rig.channel);
    let custom = format!("party%3A{custom}");
    for emoji in ["%F0%9F%94%A5", "%F0%9F%94%A5", &custom] {
        assert_eq!(rig.bare(Method::PUT, &format!("{}/@me", path(emoji))).await.0, 204);
    }
    let shown = rig.fake.message(message).unwrap().reactions;
    assert_eq!(shown.iter().map(|one| one.users.clone()).collect::<Vec<_>>(), [[rig.bot.user], [rig.bot.user]]);
    let (_, read) = rig.get(&format!("channels/{}/messages/{message}", rig.channel)).await;
    assert_eq!((&read["reactions"][0]["emoji"]["name"], &read["reactions"][0]["me"]), (&json!("🔥"), &json!(true)));
    for unknown in ["fire", "fire%3A1"] {
        assert_eq!(code(&rig.bare(Method::PUT, &format!("{}/@me", path(unknown))).await), (400, 10014));
    }
    rig.fake.deny(rig.bot.user, rig.channel, Permission::AddReactions);
    assert_eq!(rig.bare(Method::PUT, &format!("{}/@me", path("%F0%9F%94%A5"))).await.0, 204, "it is there already");
    assert_eq!(code(&rig.bare(Method::PUT, &format!("{}/@me", path("%F0%9F%91%8D"))).await), (403, 50013));
    assert_eq!(rig.bare(Method::DELETE, &format!("{}/@me", path(&custom))).await.0, 204);
    assert_eq!(rig.fake.message(message).unwrap().reactions.len(), 1);
}

#[tokio::test]
async fn an_archived_thread_wakes_up_when_written_to_and_a_locked_one_does_not() {
    let rig = Rig::new().await;
    let thread = rig.fake.add_thread(rig.channel, rig.ann, "topic");
    let path = format!("channels/{thread}/messages");
    let (_, first) = rig.post(&path, &json!({ "content": "in it" })).await;
    let message = format!("{path}/{}", id(&first));
    rig.fake.set_archived(thread, true);
    let edit = json!({ "content": "edited" });
    assert_eq!(code(&rig.send(Method::PATCH, &message, &edit).await), (400, 50083));
    assert_eq!(code(&rig.bare(Method::PUT, &format!("{message}/reactions/%F0%9F%94%A5/@me")).await), (400, 50083));
    assert_eq!(rig.post(&path, &json!({ "content": "wake up" })).await.0, 200);
    let (_, channel) = rig.get(&format!("channels/{thread}")).await;
    assert_eq!((&channel["type"], &channel["thread_metadata"]["archived"]), (&json!(11), &json!(false)));
    rig.fake.set_locked(thread, true);
    assert_eq!(rig.post(&path, &json!({ "content": "as a moderator" })).await.0, 200);
    rig.fake.deny(rig.bot.user, rig.guild, Permission::ManageThreads);
    assert_eq!(code(&rig.post(&path, &json!({ "content": "x" })).await), (403, 160_005));
    assert_eq!(code(&rig.send(Method::PATCH, &message, &edit).await), (403, 160_005));
    rig.fake.set_locked(thread, false);
    rig.fake.deny(rig.bot.user, rig.channel, Permission::SendMessagesInThreads);
    assert_eq!(code(&rig.post(&path, &json!({ "content": "x" })).await), (403, 50013), "threads take after the parent");
    assert_eq!(rig.write(&json!({ "content": "beside it" })).await.0, 200);
}

#[tokio::test]
async fn people_say_all_that_people_can_say() {
    let rig = Rig::new().await;
    let first = rig.fake.say(rig.channel, rig.ann, Post::text("look").file("a b.txt", "text/plain", b"bytes"));
    let forwarded = rig.fake.say(rig.channel, rig.ann, Post::forward(first));
    let poll = rig.fake.say(rig.channel, rig.ann, Post::default().poll("lunch?", &["yes", "no"]));
    let sticker = rig.fake.say(rig.channel, rig.ann, Post::default().sticker(first, "wave", 1));
    let get = async |message: tieline_testkit::discord::Snowflake| {
        rig.get(&format!("channels/{}/messages/{message}", rig.channel)).await.1
    };
    let forward = get(forwarded).await;
    assert_eq!((&forward["content"], &forward["message_reference"]["type"]), (&json!(""), &json!(1)));
    assert_eq!(forward["flags"], 1 << 14);
    let snapshot = &forward["message_snapshots"][0]["message"];
    assert_eq!((&snapshot["content"], snapshot.get("author")), (&json!("look"), None), "a forward names no author");
    assert_eq!(snapshot["attachments"][0]["filename"], "a_b.txt");
    assert_eq!(get(poll).await["poll"]["answers"][1]["poll_media"]["text"], "no");
    assert_eq!(get(sticker).await["sticker_items"][0]["format_type"], 1);
    rig.fake.edit(first, "changed");
    assert_eq!(get(forwarded).await["message_snapshots"][0]["message"]["content"], "look", "as it was then");
}
