//! Rules as they become a plan.

use crate::surroundings::{InMemory, refused, sound, told};

fn with_rules(rules: &str) -> String {
    format!(r#"{{ "testchat": {{ "a": {{}}, "b": {{}} }}, "rules": [ {rules} ] }}"#)
}

#[test]
fn the_targets_keys_win_and_each_target_uses_its_own() {
    let configuration = sound(&with_rules(
        r#"{ "from": { "a": "*" }, "msg": { "msg_format": "rule {msg}", "rc_alias": "unused" },
             "to": { "b": [ { "room": "1" }, { "room": "2", "msg": { "msg_format": "own {msg}", "tc_name": "{user}" } } ] } }"#,
    ));
    let frames: Vec<_> = configuration.plan.rules()[0].to.iter().map(|target| target.frame.frame.clone()).collect();
    assert_eq!((frames[0].format.source(), frames[1].format.source()), ("rule {msg}", "own {msg}"));
    assert_eq!((frames[0].keys.len(), frames[1].keys.contains_key("tc_name")), (0, true));
    assert_eq!((frames[0].identity.as_deref(), frames[1].identity.as_deref()), (None, Some("tc_name")));
}

#[test]
fn the_default_text_names_the_sender_unless_the_platform_does() {
    let configuration = sound(&with_rules(
        r#"{ "from": { "a": "*" }, "to": { "b": [ { "room": "1" }, { "room": "2", "msg": { "tc_name": "{user}" } } ] } }"#,
    ));
    let formats = configuration.plan.rules()[0].to.iter().map(|target| target.frame.frame.format.source());
    assert_eq!(formats.collect::<Vec<_>>(), ["[{platform}] {user}: {msg}", "{msg}"]);
}

#[test]
fn connect_has_every_channel_on_both_sides() {
    let configuration = sound(&with_rules(
        r#"{ "id": "c", "type": "connect", "channels": { "a": { "room": "1", "color": "red" }, "b": [ { "room": "2" } ] } }"#,
    ));
    let rule = &configuration.plan.rules()[0];
    let sources: Vec<String> =
        rule.from.iter().map(|source| source.pattern.channel.as_ref().unwrap().to_string()).collect();
    assert_eq!(sources, ["1", "2"]);
    assert_eq!(rule.to.len(), 2);
}

#[test]
fn what_an_instance_says_of_linked_channels_stands_at_the_channel() {
    let told = refused(&with_rules(
        r#"{ "type": "connect", "channels": { "a": { "room": "odd" }, "b": [ { "room": "1" }, { "room": "odd" } ] } }"#,
    ));
    assert_eq!(told.matches("odd together").count(), 2, "{told}");
    assert_eq!(told.matches("^^^^^").count(), 2, "{told}");
}

#[test]
fn addresses_of_a_platform_know_only_its_own_message_keys() {
    let told = refused(&with_rules(
        r#"{ "from": { "a": "*" }, "to": { "b": { "room": "1", "msg": { "rc_alias": "{user}" } } } }"#,
    ));
    assert!(told.contains("unknown key `rc_alias`"), "{told}");
}

#[test]
fn an_instance_that_is_broken_is_not_called_unknown() {
    let told = refused(
        r#"{ "testchat": { "a": { "kee": 1 }, "b": {} },
             "rules": [ { "from": { "a": { "x": 1 } }, "to": { "b": { "rom": "1" } } } ] }"#,
    );
    assert!(told.contains("unknown key `kee`") && told.contains("unknown key `rom`"), "{told}");
    assert!(!told.contains("no instance"), "{told}");
}

#[test]
fn instances_of_two_platforms_cannot_share_an_id() {
    let told = refused(r#"{ "testchat": { "a": {} }, "rocketchat": { "a": {} }, "rules": [] }"#);
    assert!(told.contains("`a` is already an instance of testchat, at t.json:1:17"), "{told}");
}

#[test]
fn instances_that_share_paths_may_share_a_port_with_each_other_alone() {
    sound(
        r#"{ "testchat": { "a": { "port": 9000, "key": "s3cret-1" }, "b": { "port": 9000, "key": "s3cret-2" } },
             "rules": [] }"#,
    );
    let told = refused(
        r#"{ "testchat": { "a": { "port": 9000, "key": "s3cret" }, "b": { "port": 9000, "key": "s3cret" } }, "rules": [] }"#,
    );
    assert!(told.contains("nothing tells requests for `b` from those for `a`"), "{told}");
    assert!(told.contains("`listen_path`, `session_id` or `webhook_token`; `a` is at t.json"), "{told}");
    let told = refused(
        r#"{ "global": { "http": { "listen": "127.0.0.1:9000" } }, "testchat": { "a": { "port": 9000 } }, "rules": [] }"#,
    );
    assert!(told.contains("0.0.0.0:9000 is the control listener's"), "{told}");
}

#[test]
fn an_account_does_not_pass_on_to_other_chats_of_its_own() {
    let warned = |rule: &str| {
        let loaded = InMemory::default().file("t.json", &with_rules(rule)).load(&["t.json"], &[]).unwrap();
        assert!(loaded.configuration.is_some());
        told(&loaded.diagnostics)
    };
    let own = warned(r#"{ "from": { "a": "*" }, "to": { "a": { "room": "the conversation" } } }"#);
    assert!(own.contains("warning: this never sends: what comes from `a`"), "{own}");
    for sends in [
        r#"{ "from": { "a": "*" }, "to": { "b": { "room": "the conversation" } } }"#,
        r#"{ "from": { "a": "*", "b": "*" }, "to": { "a": { "room": "the conversation" } } }"#,
        r#"{ "from": { "a": "*" }, "to": { "a": { "room": "1" } } }"#,
    ] {
        assert!(!warned(sends).contains("never sends"), "{sends}");
    }
}

#[test]
fn filters_and_events_reach_the_plan() {
    let configuration = sound(&with_rules(
        r#"{ "from": { "a": "*" }, "to": { "b": { "room": "1" } }, "events": ["delete", "typing"],
             "filter": { "users": { "exclude": ["^bot"] }, "bots": true, "replace": [["a", "b"]] } }"#,
    ));
    let rule = &configuration.plan.rules()[0];
    let frame = &rule.to[0].frame.frame;
    assert!(rule.events.delete && rule.events.typing && !rule.events.edit);
    assert!(frame.filter.bots && frame.filter.users.exclude.len() == 1 && frame.replace.len() == 1);
}

#[test]
fn the_word_of_commands_is_taken_over() {
    let text = r#"{ "global": { "command_prefix": "nb" } }"#;
    let loaded = InMemory::default().file("t.json", text).load(&["t.json"], &[]).unwrap();
    let told = told(&loaded.diagnostics);
    assert!(!told.contains("no effect"), "{told}");
    assert_eq!(loaded.configuration.map(|all| all.global.command_prefix).as_deref(), Some("nb"), "{told}");
    assert!(refused(r#"{ "global": { "command_prefix": "/nb" } }"#).contains("must not be empty or hold a slash"));
}

#[test]
fn two_spellings_of_one_server_are_one_realm() {
    let instance = |id: &str, url: &str| {
        format!(
            r#""{id}": {{ "server_url": "{url}", "auth_token": "t", "user_id": "u", "webhook_token": "w", "listen_path": "/{id}" }}"#
        )
    };
    let (one, other) =
        (instance("one", "https://chat.example.com"), instance("other", "HTTPS://CHAT.example.com:443/"));
    let configuration = sound(&format!(r#"{{ "rocketchat": {{ {one}, {other} }}, "rules": [] }}"#));
    let realms: Vec<&str> = configuration.instances.iter().map(|instance| instance.realm()).collect();
    assert_eq!(realms, ["rocketchat:https://chat.example.com"; 2]);
}
