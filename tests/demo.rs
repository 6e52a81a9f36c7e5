//! `tieline demo`: lines go in, and every room is shown.

use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tieline_e2e::tieline;

/// Runs the demo with these lines; returns exit code, standard output and standard error.
fn demo(args: &[&str], lines: &str) -> (Option<i32>, String, String) {
    let elsewhere = TempDir::new().expect("a folder");
    let mut child = Command::new(tieline())
        .arg("demo")
        .args(args)
        .current_dir(elsewhere.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(lines.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).expect("the folder").collect();
    assert!(left.is_empty(), "the demo left something behind: {left:?}");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The lines of the transcript that show a room.
fn shown<'t>(transcript: &'t str, room: &str) -> Vec<&'t str> {
    transcript.lines().filter_map(|line| line.strip_prefix(room)).map(str::trim).collect()
}

#[test]
fn what_is_typed_is_relayed_every_way_and_shown_in_each_room() {
    let (code, out, err) = demo(&[], "hi there\nb: hello *you*\n\nw: hey\nd: **hi**\n");
    assert_eq!(code, Some(0), "{out}{err}");
    for (room, expected) in [
        (
            "A #bridge",
            [
                "Ada: hi there",
                "Ben (brought by tieline): hello *you*",
                "Cleo (brought by tieline): hey",
                "Dan (brought by tieline): *hi*",
            ],
        ),
        (
            "B #engine",
            [
                "Ada (brought by tieline): hi there",
                "Ben: hello *you*",
                "Cleo (brought by tieline): hey",
                "Dan (brought by tieline): *hi*",
            ],
        ),
        (
            "W Crew",
            [
                "tieline (brought by tieline): *Ada*: hi there",
                "tieline (brought by tieline): *Ben*: hello *you*",
                "Cleo: hey",
                "tieline (brought by tieline): *Dan*: *hi*",
            ],
        ),
        (
            "D #lounge",
            [
                "Ada (brought by tieline): hi there",
                "Ben (brought by tieline): hello **you**",
                "Cleo (brought by tieline): hey",
                "Dan: **hi**",
            ],
        ),
    ] {
        assert_eq!(shown(&out, room), expected, "{out}");
    }
}

#[test]
fn without_lines_samples_are_relayed() {
    let (code, out, err) = demo(&[], "");
    assert_eq!(code, Some(0), "{out}{err}");
    let count = |room| shown(&out, room).len();
    assert_eq!(["A #bridge", "B #engine", "W Crew", "D #lounge"].map(count), [5; 4], "{out}");
    assert!(!out.contains('\u{1b}') && err.is_empty(), "colours or noise in a pipe:\n{out}{err}");
}

#[test]
fn every_line_of_a_long_text_arrives_in_order() {
    // Webhooks of Discord take thirty a minute.
    let lines: Vec<String> = (0..25).map(|number| format!("line {number}")).collect();
    let (code, out, err) = demo(&["--seconds", "60"], &lines.join("\n"));
    assert_eq!(code, Some(0), "{out}{err}");
    let brought: Vec<&str> = shown(&out, "B #engine")
        .into_iter()
        .filter_map(|line| line.strip_prefix("Ada (brought by tieline): "))
        .collect();
    assert_eq!(brought, lines);
}
