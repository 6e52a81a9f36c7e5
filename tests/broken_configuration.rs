//! `tieline check` on broken configurations: each error stands at its line and says what to do.
//!
//! The files are those of the configuration's own tests, and some more about Rocket.Chat's settings.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tieline_e2e::run;

/// Every broken file, with the folder that it lies in.
fn broken() -> Vec<(PathBuf, String)> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in [tests.join("../crates/config/tests/broken"), tests.join("broken")] {
        for file in std::fs::read_dir(&folder).expect("a folder of broken configurations") {
            let name = file.expect("it can be read").file_name().into_string().expect("a plain name");
            files.push((folder.clone(), name));
        }
    }
    files.sort_by(|one, other| one.1.cmp(&other.1));
    files
}

/// Runs `check`; returns exit code, standard output and standard error.
fn check(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = run(folder, &[&["check"], args].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn each_error_stands_at_its_line_and_says_what_to_do() {
    let broken = broken();
    assert!(broken.len() >= 30);
    let mut all = String::new();
    for (folder, name) in broken {
        let (code, out, err) = check(&folder, &["-c", &name]);
        assert_eq!(code, Some(1), "{name}:\n{out}{err}");
        assert_eq!(err, "", "{name}: what `check` finds is its answer");
        assert!(out.starts_with(&format!("{name}:")), "{name}: no position:\n{out}");
        let lines: Vec<&str> = out.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(": error: ")) {
            // The source line and the marks under it follow, and then what to do, unless the error itself says it.
            assert!(
                lines[number + 2].trim_start_matches([' ', '|']).starts_with('^'),
                "{name}: nothing marked:\n{out}"
            );
            let says = ["expected", "is missing", "write", "give", "looks like", "must"]
                .iter()
                .any(|word| line.contains(word));
            assert!(says || lines[number + 3].starts_with("help: "), "{name}: no remedy:\n{out}");
        }
        for secret in ["s3cr3t", "hunter22"] {
            assert!(!out.contains(secret), "{name} shows a secret:\n{out}");
        }
        all.extend(["== ", &name, "\n", &out, "\n"]);
    }
    insta::assert_snapshot!(all);
}

/// Settings of an instance with which nothing is wrong.
const SOUND: &str = r#""server_url": "https://chat.example.com", "auth_token": "t", "user_id": "u""#;

fn written(text: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("tieline.json"), text).expect("it can be written");
    folder
}

#[test]
fn warnings_do_not_change_the_exit_code() {
    let rule = r#"{ "from": { "rc": { "room_id": "A" } }, "to": { "rc": { "room_id": "B" } } }"#;
    let folder = written(&format!(r#"{{ "rocketchat": {{ "rc": {{ {SOUND} }} }}, "rules": [{rule}] }}"#));
    let (code, out, _) = check(folder.path(), &[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("warning: `webhook_token` is empty") && out.contains("can be used"), "{out}");

    let (code, out, _) = check(folder.path(), &["--json"]);
    assert_eq!(code, Some(0), "{out}");
    let found: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{out}");
}

#[test]
fn bad_usage_and_unreadable_files_are_told_from_wrong_input() {
    let folder = written("{");
    let codes = [
        (&["-c", "tieline.json"][..], Some(1)),
        (&["-c", "nothing.json"], Some(2)),
        (&["-c", "."], Some(2)),
        (&["--nonsense"], Some(2)),
        (&["-c"], Some(2)),
        (&["--set", "nonsense"], Some(2)),
    ];
    for (args, expected) in codes {
        let (code, out, err) = check(folder.path(), args);
        assert_eq!(code, expected, "{args:?}:\n{out}{err}");
        if code == Some(2) {
            assert!(out.is_empty() && !err.is_empty(), "{args:?}: an answer where there is none:\n{out}");
        }
    }
    let (_, _, err) = check(folder.path(), &["-c", "nothing.json"]);
    assert!(err.contains("nothing.json"), "{err}");
}
