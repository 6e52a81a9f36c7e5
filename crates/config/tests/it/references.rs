//! `{"env": …}` and `{"file": …}`.

use crate::surroundings::{InMemory, told};

#[test]
fn instances_and_addresses_may_have_the_names_of_references() {
    let text = r#"{
      "testchat": { "env": { "key": "k" }, "file": { "key": { "env": "KEY" } } },
      "rules": [ { "id": "r", "from": { "env": "*" }, "to": { "file": { "room": { "env": "ROOM" }, "env": "plain" } } } ]
    }"#;
    let files = InMemory::default().file("a.json", text).variable("KEY", "secret-key").variable("ROOM", "lobby");
    let loaded = files.load(&["a.json"], &[]).unwrap();
    let configuration = loaded.configuration.unwrap_or_else(|| panic!("{}", told(&loaded.diagnostics)));
    let target = &configuration.plan.rules()[0].to[0];
    assert_eq!(target.channel().to_string(), "file/lobby");
    assert_eq!(target.frame.frame.address.text("env"), Some("plain"));
    let secrets: Vec<&str> = configuration.secrets.iter().map(tieline_core::secret::Secret::reveal).collect();
    assert!(secrets.contains(&"secret-key") && !secrets.contains(&"lobby"), "{secrets:?}");
}

#[test]
fn an_unset_variable_is_told_once_and_nothing_that_follows_from_it() {
    let text = r#"{
      "testchat": { "a": { "key": { "env": "KEY" }, "prot": 1 } },
      "rules": [ { "from": { "a": "*" }, "to": { "a": { "room": "x" } } } ]
    }"#;
    let loaded = InMemory::default().file("a.json", text).load(&["a.json"], &[]).unwrap();
    let messages: Vec<&str> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(messages, ["the environment variable `KEY` is not set", "unknown key `prot`"]);
}

#[test]
fn proxies_and_targets_secrets_are_collected() {
    let text = r#"{
      "global": { "proxy": "socks5h://me:globalpw@p:1", "http": { "token": "control" } },
      "testchat": { "a": { "key": "k", "proxy": "http://you:ownpw@p:1" } },
      "rules": [ { "from": { "a": "*" }, "to": { "a": { "room": "x", "color": "hookurl" } } } ]
    }"#;
    let configuration = crate::surroundings::sound(text);
    for secret in ["globalpw", "me:globalpw", "ownpw", "control", "k", "hookurl"] {
        assert!(configuration.secrets.iter().any(|known| known.reveal() == secret), "{secret}");
    }
    let shown = format!("{configuration:?}");
    assert!(!shown.contains("globalpw") && !shown.contains("control\""), "{shown}");
}
