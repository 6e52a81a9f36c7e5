//! What a test tells about its run.

use std::fmt::Display;

/// Says something that is shown when the test fails, or with `--nocapture`.
#[expect(clippy::print_stdout, reason = "the test runner keeps it until it is wanted")]
pub fn note(text: impl Display) {
    println!("{text}");
}
