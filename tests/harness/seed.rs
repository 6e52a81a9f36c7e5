//! Where random tests begin.

use crate::note;

/// The seed of a test, noted so that a failure can be repeated: `TIELINE_TEST_SEED`, or the test's own.
///
/// # Panics
///
/// If the variable holds no number.
pub fn seed(test: &str, own: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test run, not of the relay")]
    let given = std::env::var("TIELINE_TEST_SEED").ok();
    let seed = given.map_or(own, |text| text.parse().expect("TIELINE_TEST_SEED is a number"));
    note(format_args!("{test}: seed {seed}"));
    seed
}
