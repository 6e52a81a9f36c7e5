//! A text means the same everywhere.

use fastrand::Rng;
use proptest::prelude::*;
use tieline_fuzz::{laws, platforms};

use crate::text::text;

#[test]
fn plain_text_is_plain_and_reads_the_same_in_all_nine_directions() {
    let platforms = platforms::all();
    let mut random = Rng::with_seed(5);
    for _ in 0..4_000 {
        let text = text(&mut random, 10);
        for from in &platforms {
            laws::plain_text_stays_plain(&**from, &text);
            for to in &platforms {
                laws::a_text_reads_the_same_elsewhere(&**from, &**to, &text);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_characters_read_the_same(text in "\\PC{0,60}|[-a-c1. >#*_~`|\\\\\\[\\]()<@:/!\n\u{e9}]{0,40}") {
        let platforms = platforms::all();
        for from in &platforms {
            laws::plain_text_stays_plain(&**from, &text);
            for to in &platforms {
                laws::a_text_reads_the_same_elsewhere(&**from, &**to, &text);
                laws::what_is_read_can_be_said(&**from, &**to, &text);
            }
        }
    }
}

#[test]
fn whatever_is_typed_calls_nobody_elsewhere() {
    let platforms = platforms::all();
    let mut random = Rng::with_seed(6);
    for _ in 0..4_000 {
        let text = text(&mut random, 12);
        for from in &platforms {
            for to in &platforms {
                laws::what_is_read_can_be_said(&**from, &**to, &text);
            }
        }
    }
}
