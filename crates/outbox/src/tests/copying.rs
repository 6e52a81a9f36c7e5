//! When what stands in SQLite's log is copied to its place.

use super::ground::*;
use crate::writer::ENOUGH_TO_COPY;

#[tokio::test]
async fn the_log_is_copied_while_nobody_waits_before_a_commit_would_do_it() {
    let ground = Ground::new();
    let size = || std::fs::metadata(ground.path()).unwrap().len();
    let before = size();
    for index in 1..ENOUGH_TO_COPY {
        ground.take(message(&format!("m{index}"), "hi"), &["b/x"]).await;
    }
    assert_eq!(size(), before, "all is in the log alone");
    // The copy is made behind the answer, and before the next command.
    for last in ["last", "next"] {
        ground.take(message(last, "hi"), &["b/x"]).await;
    }
    assert!(size() > before);
}
