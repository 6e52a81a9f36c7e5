//! Frames on disk.

use tieline_core::frame::{Frame, NamedFrame};

use crate::words::{frame, named, only_text};

#[test]
fn a_stored_frame_reads_back_under_its_name() {
    let named = named(Frame { filter: only_text("a|b"), identity: Some("rc_alias".into()), ..frame("r", "rc/G") });
    assert_eq!(NamedFrame::from_json(&named.json).unwrap(), *named);
    assert_ne!(NamedFrame::new(frame("r", "rc/G")).id, named.id);
}
