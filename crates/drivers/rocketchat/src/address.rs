//! Channel addresses: `{"room_id": "GENERAL"}`, and for targets of a hook `{"channel": "#general"}`.

use serde_json::{Value, json};
use tieline_core::address::Address;
use tieline_core::driver::{SourcePattern, TargetChannel};
use tieline_core::id::ChannelKey;
use tieline_core::problem::{Problem, unknown_keys};
use tieline_core::template::Template;

use crate::hook::Hook;

const ROOM: &str = "room_id";
const CHANNEL: &str = "channel";
const THREADS: &str = "thread_per_chat";

/// What opens the thread of a source channel: its name, and how else it is called.
const OPENER: &str = "*{room}* ({platform}, {msg})";

/// The JSON Schema of an address.
pub(crate) fn schema(as_target: bool) -> Value {
    let room = json!({
        "type": "string", "minLength": 1,
        "description": "The room's id (GENERAL, or 17 letters and digits); `tieline rooms` lists them. As a source, \
            `*` stands for every room.",
    });
    if !as_target {
        return json!({
            "type": "object", "additionalProperties": false, "required": [ROOM], "properties": { ROOM: room },
        });
    }
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            ROOM: room,
            CHANNEL: {
                "type": "string", "minLength": 1,
                "description": "Only with `send_method: \"webhook\"`: where the Incoming Webhook posts instead of its \
                    own channel: `#name`, `@user` or a room id. The integration must allow it.",
            },
            THREADS: {
                "type": "boolean", "default": false,
                "description": "Whether each source channel gets a thread of its own there, which opens with who it \
                    is. An answer in a thread goes to that channel.",
            },
        },
    })
}

/// Understands a source address.
pub(crate) fn source(address: &Address, hook: Option<&Hook>) -> Result<SourcePattern, Vec<Problem>> {
    let mut problems = unknown(address);
    // In a `connect` rule one address is both source and target; what only a target may say is then left out before.
    for key in [CHANNEL, THREADS] {
        if key == CHANNEL && hook.is_none() && address.keys().contains_key(key) {
            problems.push(channel_without_hook());
        } else if address.keys().contains_key(key) {
            let problem = Problem::error(format!("`{key}` belongs to a target, and this is a source"));
            problems.push(problem.at(key).on_key().help("move it to an address of `to`, or remove it"));
        }
    }
    let room = text(address, ROOM, &mut problems);
    let channel = match room {
        Some("*") => None,
        Some(room) => room_key(room, &mut problems),
        None if address.keys().contains_key(ROOM) => None,
        None => {
            problems.push(
                Problem::error("a source must say which room: `room_id` is missing")
                    .help("name the room, or write \"*\" for every room; `tieline rooms` lists them"),
            );
            None
        }
    };
    if problems.is_empty() { Ok(SourcePattern { channel, also: Vec::new() }) } else { Err(problems) }
}

/// Understands a target address.
pub(crate) fn target(address: &Address, hook: Option<&Hook>) -> Result<TargetChannel, Vec<Problem>> {
    let mut problems = unknown(address);
    let room = text(address, ROOM, &mut problems);
    let channel = text(address, CHANNEL, &mut problems);
    if room == Some("*") {
        problems.push(
            Problem::error("a target is one room; \"*\" can only be a source")
                .at(ROOM)
                .help("name the room; `tieline rooms` lists them"),
        );
    }
    let room_key = room.and_then(|room| room_key(room, &mut problems));
    let name = if let Some(hook) = hook {
        Some(hook.channel(channel))
    } else {
        if address.keys().contains_key(CHANNEL) {
            problems.push(channel_without_hook());
        }
        if !address.keys().contains_key(ROOM) {
            problems.push(
                Problem::error("a target must say which room: `room_id` is missing")
                    .help("`tieline rooms` lists the rooms and their ids"),
            );
        }
        room.map(str::to_owned)
    };
    let name = name.and_then(|name| key(&name, CHANNEL, &mut problems));
    let opener = opener(address, &mut problems);
    let (true, Some(key)) = (problems.is_empty(), name) else { return Err(problems) };
    let mut also_known_as: Vec<ChannelKey> = Vec::new();
    if hook.is_some() {
        also_known_as.extend(room_key);
        // A bare override is a room's id (or its name, which never equals an id that a message comes from).
        let bare = channel.filter(|channel| !channel.starts_with(['#', '@']));
        also_known_as.extend(bare.and_then(|id| ChannelKey::new(id).ok()).filter(|id| !also_known_as.contains(id)));
    }
    let canonical = Address::of([(ROOM, room), (CHANNEL, channel)].into_iter().filter_map(|(k, v)| Some((k, v?))));
    Ok(TargetChannel { also_known_as, opener, ..TargetChannel::new(key, canonical) })
}

/// Problems of the addresses of one `connect` rule, seen together.
pub(crate) fn connect(addresses: &[Address], hook: Option<&Hook>) -> Vec<Problem> {
    if hook.is_none() {
        return Vec::new();
    }
    let undecided = |address: &&Address| address.text(CHANNEL).is_none();
    if addresses.iter().filter(undecided).count() < 2 {
        return Vec::new();
    }
    let without = addresses.iter().enumerate().filter(|(_, address)| undecided(address));
    without
        .map(|(index, _)| {
            Problem::error("the Incoming Webhook decides the room, so two rooms of this instance cannot be told apart")
                .at_index(index)
                .help("give each room its `channel` (\"#name\"), or set `send_method` to \"api\"")
        })
        .collect()
}

fn unknown(address: &Address) -> Vec<Problem> {
    unknown_keys(address.keys(), &[ROOM, CHANNEL, THREADS])
}

/// What opens the thread of each source channel, if the address asks for threads.
fn opener(address: &Address, problems: &mut Vec<Problem>) -> Option<Template> {
    match address.keys().get(THREADS)? {
        Value::Bool(asked) => asked.then(|| Template::parse(OPENER).expect("it is a template")),
        other => {
            let found = if other.is_string() { "a text" } else { "something else" };
            let problem = Problem::error(format!("`thread_per_chat` is `true` or `false`, and this is {found}"));
            problems.push(problem.at(THREADS).help("write true, without quotes"));
            None
        }
    }
}

fn channel_without_hook() -> Problem {
    Problem::error("`channel` is only for `send_method: \"webhook\"`")
        .at(CHANNEL)
        .on_key()
        .help("name the room by `room_id`")
}

fn text<'a>(address: &'a Address, key: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
    match address.keys().get(key)? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::String(_) => {
            problems.push(Problem::error(format!("`{key}` is empty")).at(key));
            None
        }
        _ => {
            problems.push(Problem::error(format!("`{key}` must be a text")).at(key));
            None
        }
    }
}

/// The key of a room that `room_id` names. Ids are letters and digits; `#` and `@` begin the names of channels and people.
fn room_key(room: &str, problems: &mut Vec<Problem>) -> Option<ChannelKey> {
    if room.starts_with(['#', '@']) {
        let problem = Problem::error(format!("`{room}` is a name, and `room_id` takes an id")).at(ROOM);
        problems.push(problem.help("`tieline rooms` lists the rooms and their ids"));
        return None;
    }
    key(room, ROOM, problems)
}

fn key(text: &str, at: &str, problems: &mut Vec<Problem>) -> Option<ChannelKey> {
    ChannelKey::new(text).map_err(|error| problems.push(Problem::error(error.to_string()).at(at))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(value: Value) -> Address {
        serde_json::from_value(value).expect("an object")
    }

    fn hook() -> Hook {
        Hook::parse("https://c/hooks/abc/t0ken").expect("sound")
    }

    fn messages(problems: &[Problem]) -> String {
        problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_source_names_its_room_or_all() {
        let one = source(&address(json!({ "room_id": "GENERAL" })), None).expect("sound");
        assert_eq!(one.channel, Some(ChannelKey::new("GENERAL").unwrap()));
        assert_eq!(source(&address(json!({ "room_id": "*" })), None).expect("sound").channel, None);
        for wrong in [json!({}), json!({ "room": "GENERAL" }), json!({ "room_id": "" }), json!({ "room_id": 5 })] {
            assert!(source(&address(wrong.clone()), None).is_err(), "{wrong}");
        }
        let misspelt = source(&address(json!({ "roomid": "GENERAL" })), None).expect_err("misspelt");
        assert!(misspelt[0].help.as_deref().is_some_and(|help| help.contains("room_id")));
        assert!(source(&address(json!({ "room_id": "R", "channel": "#x" })), None).is_err());
    }

    #[test]
    fn a_name_is_no_room_id() {
        for name in ["#general", "@ann"] {
            let named = address(json!({ "room_id": name }));
            for hook in [None, Some(&hook())] {
                for problems in [source(&named, hook).expect_err(name), target(&named, hook).expect_err(name)] {
                    assert!(messages(&problems).contains("`room_id` takes an id"), "{problems:?}");
                    assert!(problems[0].help.as_deref().is_some_and(|help| help.contains("tieline rooms")));
                }
            }
            assert!(target(&address(json!({ "channel": name })), Some(&hook())).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_source_has_nothing_that_belongs_to_a_target() {
        let told = source(&address(json!({ "room_id": "R", "channel": "#x" })), Some(&hook())).expect_err("refused");
        assert!(messages(&told).contains("`channel` belongs to a target"), "{told:?}");

        for asked in [json!(true), json!(false)] {
            let told =
                source(&address(json!({ "room_id": "R", "thread_per_chat": asked })), None).expect_err("refused");
            assert!(messages(&told).contains("this is a source"), "{told:?}");
            assert_eq!(told.len(), 1);
        }
    }

    #[test]
    fn a_target_is_a_room_by_rest_and_a_hook_otherwise() {
        let room = target(&address(json!({ "room_id": "R1" })), None).expect("sound");
        assert_eq!((room.key.as_str(), room.also_known_as.len()), ("R1", 0));
        assert!(target(&address(json!({})), None).is_err());
        assert!(target(&address(json!({ "room_id": "*" })), None).is_err());
        assert!(target(&address(json!({ "room_id": "R1", "channel": "#x" })), None).is_err());

        let hook = hook();
        assert_eq!(target(&address(json!({})), Some(&hook)).expect("sound").key.as_str(), "hook:abc");
        let named = target(&address(json!({ "channel": "#x", "room_id": "R1" })), Some(&hook)).expect("sound");
        assert_eq!(named.key.as_str(), "hook:abc/#x");
        assert_eq!(named.also_known_as, [ChannelKey::new("R1").unwrap()]);
        let bare = target(&address(json!({ "channel": "R2" })), Some(&hook)).expect("sound");
        assert_eq!(bare.also_known_as, [ChannelKey::new("R2").unwrap()]);
    }

    #[test]
    fn a_thread_per_chat_has_an_opener() {
        let asked = |value: Value| target(&address(json!({ "room_id": "R", "thread_per_chat": value })), None);
        assert!(asked(json!(true)).expect("sound").opener.is_some());
        assert_eq!(asked(json!(false)).expect("sound").opener, None);
        assert!(messages(&asked(json!("yes")).expect_err("refused")).contains("`true` or `false`"));
    }

    #[test]
    fn a_hook_cannot_connect_two_rooms_unless_it_is_told_which() {
        let rooms = [address(json!({ "room_id": "R1" })), address(json!({ "room_id": "R2" }))];
        assert_eq!(connect(&rooms, Some(&hook())).len(), 2);
        assert!(connect(&rooms, None).is_empty());
        let told = [address(json!({ "room_id": "R1", "channel": "#a" })), address(json!({ "room_id": "R2" }))];
        assert!(connect(&told, Some(&hook())).is_empty());
    }
}
