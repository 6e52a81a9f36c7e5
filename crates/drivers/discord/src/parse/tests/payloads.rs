//! Dispatches as Discord sends them, by what they show.

use serde_json::{Value, json};

/// Somebody with a name in the guild and a picture.
pub(crate) fn ann() -> Value {
    json!({
        "id": "80351110224678912", "username": "ann", "global_name": "Ann", "avatar": "8342729096ea3675442027381ff50dfe",
        "discriminator": "0", "public_flags": 64, "primary_guild": null,
    })
}

/// A message of hers with nothing in it.
pub(crate) fn bare() -> Value {
    json!({
        "id": "1100000000000000001", "channel_id": "290926798999357250", "guild_id": "290926798626357999", "type": 0,
        "author": ann(), "member": { "nick": "Captain Ann", "avatar": null, "roles": ["33"], "joined_at": "2020-01-01T00:00:00+00:00" },
        "content": "", "timestamp": "2023-04-24T12:00:00.123000+00:00", "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "components": [],
        "pinned": false, "flags": 0, "nonce": "1100000000000000000", "channel_type": 0,
    })
}

/// The bare message with these fields.
pub(crate) fn with(more: Value) -> Value {
    let mut message = bare();
    let Value::Object(more) = more else { panic!("fields") };
    for (key, value) in more {
        message[key] = value;
    }
    message
}

fn file(name: &str, mime: &str) -> Value {
    json!({
        "id": "1100000000000000900", "filename": name, "size": 2048, "content_type": mime, "content_scan_version": 1,
        "url": format!("https://cdn.discordapp.com/attachments/290926798999357250/1100000000000000900/{name}?ex=65d903de&is=65c68ede&hm=2481f30d&"),
        "proxy_url": format!("https://media.discordapp.net/attachments/290926798999357250/1100000000000000900/{name}?ex=65d903de"),
    })
}

fn picture() -> Value {
    let mut file = file("cat.png", "image/png");
    file["width"] = json!(640);
    file["height"] = json!(480);
    file["description"] = json!("a cat on a mat");
    file["flags"] = json!(8);
    file
}

fn forward() -> Value {
    with(json!({
        "flags": 1 << 14, "message_reference": { "type": 1, "message_id": "1", "channel_id": "2", "guild_id": "3" },
        "message_snapshots": [{ "message": {
            "type": 0, "content": "look at **this**, <@80351110224678912>", "embeds": [], "timestamp": "2023-04-24T11:00:00+00:00",
            "edited_timestamp": null, "flags": 0, "mentions": [ann()], "mention_roles": [], "components": [],
            "attachments": [file("notes.pdf", "application/pdf")],
        } }],
    }))
}

/// A bot's report as an embed.
fn report() -> Value {
    json!({
        "type": "rich", "title": "Build failed", "url": "https://ci.example/42", "description": "`main` is **red**",
        "color": 15_158_332, "timestamp": "2023-04-24T12:00:00+00:00",
        "author": { "name": "CI", "icon_url": "https://ci.example/i.png" }, "footer": { "text": "runner 7" },
        "fields": [{ "name": "Commit", "value": "abc123", "inline": true }],
        "image": { "url": "https://ci.example/graph.png", "proxy_url": "https://images-ext-1.discordapp.net/x", "width": 1, "height": 1 },
    })
}

/// All dispatches, by name.
pub(crate) fn all() -> Vec<(&'static str, &'static str, Value)> {
    let bot = |name: &str| json!({ "id": "9001", "username": name, "avatar": null, "bot": true });
    let place = json!({ "channel_id": "290926798999357250", "guild_id": "290926798626357999" });
    let at = |more: Value| {
        let mut data = place.clone();
        for (key, value) in more.as_object().expect("fields") {
            data[key] = value.clone();
        }
        data
    };
    vec![
        ("text", "MESSAGE_CREATE", with(json!({ "content": "hi **all**\nsee <#20> and <@&33>" }))),
        (
            "mentions",
            "MESSAGE_CREATE",
            with(json!({
                "content": "<@7> <@!7> <@8> <@&44> <#404> <:party:5> <t:1682337600>",
                "mentions": [{ "id": "7", "username": "bob", "global_name": "Bob", "member": { "nick": "Bobby" } }],
            })),
        ),
        (
            "reply",
            "MESSAGE_CREATE",
            with(json!({
                "type": 19, "content": "yes", "referenced_message": bare(),
                "message_reference": { "type": 0, "message_id": "1100000000000000000", "channel_id": "290926798999357250" },
            })),
        ),
        ("in_a_thread", "MESSAGE_CREATE", with(json!({ "channel_id": "20", "content": "here", "channel_type": 11 }))),
        ("picture", "MESSAGE_CREATE", with(json!({ "content": "look", "attachments": [picture()] }))),
        (
            "voice_message",
            "MESSAGE_CREATE",
            with(json!({ "flags": 1 << 13, "attachments": [file("voice-message.ogg", "audio/ogg")] })),
        ),
        ("forward", "MESSAGE_CREATE", forward()),
        (
            "sticker",
            "MESSAGE_CREATE",
            with(json!({ "sticker_items": [{ "id": "749054660769218631", "name": "Wave", "format_type": 1 }] })),
        ),
        (
            "poll",
            "MESSAGE_CREATE",
            with(json!({ "poll": {
                "question": { "text": "Lunch?" }, "answers": [{ "answer_id": 1, "poll_media": { "text": "Soup" } }],
                "expiry": "2023-04-25T12:00:00+00:00", "allow_multiselect": false, "layout_type": 1,
            } })),
        ),
        (
            "bot_with_an_embed",
            "MESSAGE_CREATE",
            with(
                json!({ "author": bot("CI"), "member": { "roles": [] }, "embeds": [report()], "content": "@everyone" }),
            ),
        ),
        (
            "foreign_webhook",
            "MESSAGE_CREATE",
            with(json!({
                "webhook_id": "9100", "application_id": null, "member": null, "content": "from a hook",
                "author": { "id": "9100", "username": "News", "avatar": null, "bot": true },
            })),
        ),
        (
            "own_webhook",
            "MESSAGE_CREATE",
            with(json!({
                "webhook_id": "9200", "application_id": "9999", "member": null, "content": "ours",
                "author": { "id": "9200", "username": "Ann (RC)", "avatar": null, "bot": true },
            })),
        ),
        (
            "own_bot",
            "MESSAGE_CREATE",
            with(
                json!({ "author": { "id": "9998", "username": "tieline", "bot": true }, "member": {}, "content": "ours" }),
            ),
        ),
        (
            "command_answered",
            "MESSAGE_CREATE",
            with(
                json!({ "type": 20, "author": bot("Dice"), "member": {}, "content": "You rolled 6", "application_id": "9001" }),
            ),
        ),
        (
            "components",
            "MESSAGE_CREATE",
            with(json!({
                "author": bot("Releases"), "member": {}, "flags": 1 << 15,
                "components": [{ "type": 17, "id": 1, "components": [{ "type": 10, "id": 2, "content": "## 1.0 is out" }] }],
            })),
        ),
        (
            "edit",
            "MESSAGE_UPDATE",
            with(json!({ "content": "hi *everybody*", "edited_timestamp": "2023-04-24T12:05:00.000000+00:00" })),
        ),
        ("delete", "MESSAGE_DELETE", at(json!({ "id": "1100000000000000001" }))),
        ("bulk_delete", "MESSAGE_DELETE_BULK", at(json!({ "ids": ["1100000000000000001", "1100000000000000002"] }))),
        (
            "reaction",
            "MESSAGE_REACTION_ADD",
            at(json!({
                "user_id": "80351110224678912", "message_id": "1100000000000000001", "burst": false, "type": 0,
                "member": { "nick": "Captain Ann", "user": ann() }, "emoji": { "id": null, "name": "🔥" },
            })),
        ),
        (
            "reaction_taken_back",
            "MESSAGE_REACTION_REMOVE",
            at(json!({
                "user_id": "80351110224678912", "message_id": "1100000000000000001", "emoji": { "id": "41771983429993937", "name": "LUL" },
            })),
        ),
        ("reactions_removed", "MESSAGE_REACTION_REMOVE_ALL", at(json!({ "message_id": "1100000000000000001" }))),
        (
            "emoji_removed",
            "MESSAGE_REACTION_REMOVE_EMOJI",
            at(json!({ "message_id": "1100000000000000001", "emoji": { "id": null, "name": "🔥" } })),
        ),
    ]
}
