//! How a text looks elsewhere, by the table.

use tieline_e2e::Relay;

use super::deeds::targets;
use super::scene::{SOURCES, Scene, first};
use super::table;

/// The first column of how something is written, and of how it is shown; those of the other platforms follow.
const WRITTEN: usize = 1;
const SHOWN: usize = WRITTEN + SOURCES;

/// What is written stands on lines of its own, so that a heading is one everywhere.
pub(super) const FORMAT: &str = "{user}:\n{msg}";

/// How many rows are written in the same rooms.
const TOGETHER: usize = 5;

/// How many groups of rooms the table takes.
pub(super) fn places() -> usize {
    table::below("How text looks").len().div_ceil(TOGETHER)
}

/// Writes everything in each direction, and tells where it looks otherwise than the table says. `turn`: how often it was
/// done before.
pub(super) async fn compared(scene: &Scene, relay: &mut Relay, turn: usize) -> Vec<String> {
    let rows = table::below("How text looks");
    let places = &scene.connected[turn * places()..];
    let word = |row: usize, source: usize| format!("look{row}from{source}e");
    for (number, row) in rows.iter().enumerate().skip(1) {
        for source in 0..SOURCES {
            let side = places[number / TOGETHER].side(source);
            if let Some(text) = table::code(&row[WRITTEN + source]) {
                side.say(&format!("{}\n{}", side.written(&text), word(number, source)));
            }
        }
    }
    scene.quiet(relay, &format!("turn {turn}")).await;
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate().skip(1) {
        let sides = &places[number / TOGETHER];
        for source in 0..SOURCES {
            let Some(text) = table::code(&row[WRITTEN + source]) else { continue };
            for target in targets() {
                let side = sides.side(target);
                let word = word(number, source);
                let shown = first(side, &word).text.replace('\u{200b}', "");
                // The name stands on a line of its own before it, the word behind it.
                let shown = shown.split_once(":\n").map_or(shown.as_str(), |(_, text)| text);
                let shown = shown.strip_suffix(&word).unwrap_or(shown).trim_end_matches('\n');
                let said = table::code(&row[SHOWN + target - SOURCES]).expect("what is written is seen");
                if *shown != side.written(&said) {
                    let (from, to) = (sides.side(source).platform(), side.platform());
                    wrong.push(format!("turn {turn}: {} {from}→{to}: {text:?} is {shown:?} and not {said:?}", row[0]));
                }
            }
        }
    }
    wrong
}
