//! The examples in `configs/` and the schema beside them.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tieline_config::{Surroundings, load, schema};
use tieline_core::driver::DriverFactory;
use tieline_discord::Discord;
use tieline_rocketchat::RocketChat;
use tieline_whatsapp::WhatsApp;

use crate::surroundings::{factories, told};

fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}

/// The drivers of the binary, in its order.
fn drivers() -> Vec<Arc<dyn DriverFactory>> {
    vec![Arc::new(RocketChat), Arc::new(WhatsApp), Arc::new(Discord)]
}

fn examples() -> HashMap<PathBuf, String> {
    let files = std::fs::read_dir(configs()).unwrap().map(|file| file.unwrap().path());
    let examples = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    examples
        .filter(|path| !path.ends_with("tieline.schema.json"))
        .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

/// Every variable is set: the examples must be sound once they are filled in.
struct FilledIn;

impl Surroundings for FilledIn {
    fn variable(&self, name: &str) -> Option<String> {
        Some(if name.ends_with("URL") {
            format!("https://{}.example.com/hooks/id/token", name.len())
        } else {
            name.to_owned()
        })
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

#[test]
fn every_example_is_sound_and_fits_the_schema() {
    let factories = drivers();
    let validator = jsonschema::draft202012::new(&schema(&factories)).unwrap();
    for (path, text) in examples() {
        let loaded = load(std::slice::from_ref(&path), &[], &FilledIn, &factories).unwrap();
        assert!(loaded.configuration.is_some(), "{}", told(&loaded.diagnostics));
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

#[test]
fn the_committed_schema_is_fresh() {
    let factories = drivers();
    let committed: Value =
        serde_json::from_str(&std::fs::read_to_string(configs().join("tieline.schema.json")).unwrap()).unwrap();
    assert_eq!(committed, schema(&factories), "run `cargo run -- schema > configs/tieline.schema.json`");
}

#[test]
fn the_schema_knows_references_wildcards_and_every_platform() {
    let validator = jsonschema::draft202012::new(&schema(&factories())).unwrap();
    let sound = json!({
        "testchat": { "a": { "key": { "env": "KEY" }, "port": 1 } },
        "rules": [
            { "from": { "a": "*" }, "to": { "a": { "room": { "file": "r" }, "msg": { "tc_name": "{user}" } } } },
            { "type": "connect", "channels": { "a": [ { "room": "1" }, { "room": "2", "color": "red" } ] } },
        ],
    });
    assert!(
        validator.is_valid(&sound),
        "{:?}",
        validator.iter_errors(&sound).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    for wrong in [
        json!({ "platform": {} }),
        json!({ "testchat": { "a": { "key": { "env": "KEY", "x": 1 } } } }),
        json!({ "testchat": { "a": { "key": 5 } } }),
        json!({ "rules": [ { "form": {} } ] }),
        json!({ "rules": [ { "from": { "a": { "room": "1", "color": "red" } } } ] }),
        json!({ "rules": [ { "to": { "a": "*" } } ] }),
        json!({ "global": { "give_up_after": "1 day" } }),
        json!({ "global": { "catch_up": true } }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}
