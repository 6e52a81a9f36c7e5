//! What the real addon emitted, and what becomes of it.

use std::path::PathBuf;

use serde_json::Value;

use crate::webhook::listening;

fn fixtures() -> Vec<(String, Value)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/whatsapp"));
    let entries = std::fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("an entry").path());
    let mut events: Vec<(String, Value)> = entries
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
            // One is the head of a request, the other holds answers to calls.
            if name.ends_with(".request") || name == "api_samples" {
                return None;
            }
            let text = std::fs::read_to_string(&path).expect("a fixture");
            Some((name, serde_json::from_str(&text).expect("JSON")))
        })
        .collect();
    events.sort_by(|one, other| one.0.cmp(&other.0));
    events
}

#[tokio::test]
async fn each_fixture_becomes_its_event() {
    let (default, work) = (listening("default").await, listening("Work").await);
    let all = fixtures();
    assert_eq!(all.len(), 23, "a fixture was added or lost");
    for (name, event) in all {
        let listening = if event["session_id"] == "work" { &work } else { &default };
        let before = listening.inbound.events().len();
        assert_eq!(listening.take(&event).await.status.as_u16(), 200, "{name}");
        let events = listening.inbound.events();
        assert_eq!(events.len(), before + 1, "{name}");
        insta::assert_json_snapshot!(name, events.last());
    }
}

#[tokio::test]
async fn history_keeps_its_time() {
    let listening = listening("default").await;
    let (_, mut event) = fixtures().remove(0);
    event["raw"]["messageTimestamp"] = Value::from("1577880000");
    listening.take(&event).await;
    assert_eq!(listening.inbound.events()[0].time.to_string(), "2020-01-01T12:00:00Z");
}
