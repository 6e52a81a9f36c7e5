//! Several files and `--set`.

use tieline_config::LoadError;

use crate::surroundings::{InMemory, told};

const BASE: &str = r#"{
  "global": { "data_dir": "one", "http": { "token": { "env": "T" } } },
  "testchat": { "Work": { "key": "k" }, "a.b": { "key": "x" } },
  "rules": [ { "id": "r", "from": { "Work": "*" }, "to": { "a.b": { "room": "1" } } } ]
}"#;

fn base() -> InMemory {
    InMemory::default().file("a.json", BASE).variable("T", "0123")
}

#[test]
fn later_files_win_and_a_reference_is_replaced_whole() {
    let files = base()
        .file(
            "b.json",
            r#"{"global": {"data_dir": "two", "http": {"token": {"file": "t"}}}, "testchat": {"work": {}}}"#,
        )
        .file("t", "from file\r\n");
    let configuration = files.load(&["a.json", "b.json"], &[]).unwrap().configuration.unwrap();
    assert_eq!(configuration.global.data_dir.to_str(), Some("two"));
    assert_eq!(configuration.global.http.token.unwrap().reveal(), "from file");
    let ids: Vec<&str> = configuration.instances.iter().map(|instance| instance.id().as_str()).collect();
    assert_eq!(ids, ["Work", "a.b", "work"], "ids keep their case, their dots and their order");
}

#[test]
fn a_problem_names_the_file_that_won() {
    let files = base().file("b.json", "{\n  \"global\": { \"data_dir\": 5 }\n}");
    let loaded = files.load(&["a.json", "b.json"], &[]).unwrap();
    assert_eq!(loaded.diagnostics.len(), 1);
    let diagnostic = &loaded.diagnostics[0];
    assert_eq!((diagnostic.file.as_str(), diagnostic.line, diagnostic.column), ("b.json", 2, 27));
    assert_eq!(diagnostic.message, "expected text, found the number 5");
}

#[test]
fn set_reaches_ids_exactly_and_items_by_their_number() {
    let sets = [r#"/testchat/a.b/key="new""#, r#"/rules/0/to/a.b/room="2""#, r#"/global/log/level="debug""#];
    let configuration = base().load(&["a.json"], &sets).unwrap().configuration.unwrap();
    assert!(configuration.secrets.iter().any(|secret| secret.reveal() == "new"));
    let target = configuration.plan.rules()[0].to[0].channel().to_string();
    assert_eq!(target, "a.b/2");
}

#[test]
fn set_never_makes_an_instance_or_a_parent() {
    for (set, message) in [
        (r#"/testchat/work/key="x""#, "no instance `work` of testchat is configured"),
        (r#"/testchat/work={"key": "x"}"#, "no instance `work` of testchat is configured"),
        (r#"/tetschat/x/key="x""#, "`/` has no `tetschat`"),
        (r#"/global/htpp/listen="x""#, "`/global` has no `htpp`"),
        (r#"/rules/1/id="x""#, "`/rules` has no item `1`"),
    ] {
        let loaded = base().load(&["a.json"], &[set]).unwrap();
        let told = told(&loaded.diagnostics);
        assert!(loaded.configuration.is_none() && told.contains(message), "{set}: {told}");
        assert_eq!(loaded.diagnostics.len(), 1, "{told}");
    }
}

#[test]
fn a_wrong_value_in_set_is_told_without_it() {
    let loaded = base().load(&["a.json"], &["/global/http/token=12345678"]).unwrap();
    let told = told(&loaded.diagnostics);
    assert!(told.contains("--set /global/http/token:1:"), "{told}");
    assert!(told.contains("found the number") || told.contains("•••"), "{told}");
}

#[test]
fn a_malformed_set_is_bad_usage_and_shows_no_value() {
    for set in ["/global/http/token=hunter2", "global=1", "/a~2=1", "/global/http/token"] {
        let error = base().load(&["a.json"], &[set]).unwrap_err();
        assert!(matches!(error, LoadError::Set { .. }) && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_bad_usage() {
    let error = base().load(&["a.json", "none.json"], &[]).unwrap_err();
    assert!(error.to_string().contains("none.json"), "{error}");
}

#[test]
fn every_broken_file_is_told() {
    let files = InMemory::default().file("a.json", "{").file("b.json", "[1]").file("c.json", "{\"a\": 1, \"a\": 2}");
    let loaded = files.load(&["a.json", "b.json", "c.json"], &[]).unwrap();
    let places: Vec<&str> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.file.as_str()).collect();
    assert_eq!(places, ["a.json", "b.json", "c.json"]);
}
