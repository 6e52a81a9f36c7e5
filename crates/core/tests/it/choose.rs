//! Which of several frames says a completed event.

use tieline_core::filter::choose;
use tieline_core::frame::Frame;

use crate::words::{frame, named, only_text, said};

#[test]
fn the_first_frame_that_takes_the_whole_event_says_it() {
    let only = |rule, text| named(Frame { filter: only_text(text), ..frame(rule, "rc/G") });
    let frames = [only("a", "urgent"), only("b", "news"), only("c", "news")];
    assert_eq!(choose(&frames, &said("dc/1", "news")), Ok(&frames[1]));
    let why = choose(&frames[..2], &said("dc/1", "hi")).unwrap_err();
    assert_eq!(
        why,
        "rule `a`: filter.text.include: no expression matches; rule `b`: filter.text.include: no expression matches"
    );
}
