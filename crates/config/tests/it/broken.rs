//! Broken configurations: each problem stands at its line and names the remedy.

use std::path::Path;

use tieline_config::load;
use tieline_core::driver::DriverFactory;
use tieline_rocketchat::RocketChat;

use crate::surroundings::{InMemory, told};

#[test]
fn every_broken_configuration_is_told_at_its_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 30);
    let factories: [std::sync::Arc<dyn DriverFactory>; 1] = [std::sync::Arc::new(RocketChat)];
    for name in names {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken").join(&name)).unwrap();
        let shown = format!("broken/{name}");
        let surroundings = InMemory::default().file(&shown, &text);
        let loaded = load(&[shown.into()], &[], &surroundings, &factories).unwrap();
        assert!(loaded.configuration.is_none(), "{name} was taken");
        let told = told(&loaded.diagnostics);
        for secret in ["s3cr3t", "hunter22", "12345678"] {
            assert!(!told.contains(secret), "{name} shows a secret:\n{told}");
        }
        for diagnostic in &loaded.diagnostics {
            let told = diagnostic.message.as_str();
            let remedy =
                diagnostic.help.is_some() || ["expected", "is missing", "write"].iter().any(|word| told.contains(word));
            assert!(remedy, "{name}: no remedy:\n{diagnostic}");
        }
        insta::assert_snapshot!(name.trim_end_matches(".json"), told);
    }
}
