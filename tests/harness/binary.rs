//! The binary under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The path of the `tieline` binary: what `TIELINE_BINARY` names, so that a package can be tested as it is; else one that
/// is built now, with the profile of the tests.
///
/// Cargo tells a test only about binaries of its own package, so cargo is asked to build it; in a run of the whole
/// workspace it is there already.
pub fn tieline() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "a setting of the test run, not of the relay")]
        if let Ok(given) = std::env::var("TIELINE_BINARY") {
            return PathBuf::from(given);
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "tieline", "--message-format", "json"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let output = build.stderr(Stdio::inherit()).output().expect("cargo runs");
        assert!(output.status.success(), "the tieline binary does not build");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
            .next_back()
            .expect("cargo names the executable")
    })
}

/// Runs a command of the binary to its end, in a working directory.
pub fn run(dir: &Path, args: &[&str]) -> Output {
    Command::new(tieline())
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}
