//! Every configuration that a reader could copy is one that `tieline check` takes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use tieline_e2e::{run, tieline};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

/// The example configurations.
fn examples() -> Vec<PathBuf> {
    let mut files = files_in(&root().join("configs"), ".json");
    files.retain(|file| !file.ends_with("tieline.schema.json"));
    assert!(files.len() >= 3, "there are examples");
    files
}

/// The variables of `configs/example.env`.
fn environment() -> Vec<(String, String)> {
    let text = read(&root().join("configs/example.env"));
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once('=').expect("NAME=value")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// `check` as an operator runs it who has loaded the example's environment, and nothing else.
fn check(file: &Path) -> Output {
    Command::new(tieline())
        .args(["check", "-c"])
        .arg(file)
        .env_clear()
        .envs(environment())
        .output()
        .expect("the binary runs")
}

fn assert_taken(what: &str, checked: &Output) {
    let out = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(0), "{what}:\n{out}{}", String::from_utf8_lossy(&checked.stderr));
    assert!(!out.contains("warning"), "{what}: an example should not need a warning:\n{out}");
}

#[test]
fn the_examples_are_taken() {
    for file in examples() {
        assert_taken(&file.display().to_string(), &check(&file));
    }
}

/// The blocks fenced as ` ```json tieline ` in a page, each with the line that it begins at.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in page.lines().enumerate() {
        match &mut open {
            None if line == "```json tieline" => open = Some((number + 2, String::new())),
            None => {}
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

#[test]
fn the_configurations_in_the_manual_are_taken() {
    let folder = TempDir::new().expect("a folder");
    let mut pages = files_in(&root().join("docs"), ".md");
    pages.push(root().join("README.md"));
    let mut found = 0;
    for page in pages {
        for (line, block) in blocks(&read(&page)) {
            let file = folder.path().join("tieline.json");
            std::fs::write(&file, &block).expect("it can be written");
            let checked = check(&file);
            let out = String::from_utf8_lossy(&checked.stdout);
            let what = format!("{}:{line}", page.display());
            assert_eq!(checked.status.code(), Some(0), "{what}:\n{out}{}", String::from_utf8_lossy(&checked.stderr));
            found += 1;
        }
    }
    assert!(found >= 4, "the manual shows {found} whole configurations; has the fence changed?");
}

#[test]
fn the_committed_schema_is_the_binary_s() {
    let output = run(&root(), &["schema"]);
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let committed = read(&root().join("configs/tieline.schema.json"));
    assert!(printed == committed, "configs/tieline.schema.json is stale: write it anew with `just schema`");
}

#[test]
fn the_examples_are_valid_by_the_schema() {
    let json = |path: &Path| -> Value { serde_json::from_str(&read(path)).expect("JSON") };
    let validator = jsonschema::validator_for(&json(&root().join("configs/tieline.schema.json"))).expect("a schema");
    for file in examples() {
        let errors: Vec<String> =
            validator.iter_errors(&json(&file)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
    let misspelt = serde_json::json!({ "rocketchat": {}, "rules": [], "rulez": [] });
    assert!(!validator.is_valid(&misspelt), "the schema takes unknown keys");
}
