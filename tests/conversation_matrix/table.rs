//! The tables of `docs/conversation.md`.

/// What stands for the end of a line in a cell.
const LINE_END: char = '⏎';

/// The rows of the table below a heading, the row with the names of the columns first.
pub(super) fn below(heading: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../docs/conversation.md");
    let mut lines = page.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading).skip(1);
    let first = lines.by_ref().find(|line| line.starts_with('|')).unwrap_or_else(|| panic!("no table below {heading}"));
    let rows = lines.take_while(|line| line.starts_with('|')).filter(|line| !line.starts_with("|-"));
    std::iter::once(first).chain(rows).map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut last = None;
    for c in row.chars() {
        match c {
            '|' if last != Some('\\') => cells.push(String::new()),
            _ => cells.last_mut().expect("there is one from the start").push(c),
        }
        last = Some(c);
    }
    // Before the first bar and behind the last one is nothing.
    let inner = cells.len().saturating_sub(2);
    cells.into_iter().skip(1).take(inner).map(|cell| cell.trim().replace("\\|", "|")).collect()
}

/// What a cell that is written as code says; `None` if it is no code.
pub(super) fn code(cell: &str) -> Option<String> {
    let marks = cell.bytes().take_while(|byte| *byte == b'`').count();
    let inner = cell.get(marks..cell.len().checked_sub(marks)?).filter(|_| marks > 0)?;
    let padded = inner.strip_prefix(' ').and_then(|inner| inner.strip_suffix(' '));
    Some(padded.unwrap_or(inner).replace(LINE_END, "\n"))
}

#[test]
fn cells_are_read_as_they_are_shown() {
    assert_eq!(cells("| a | `b \\| c` || d |"), ["a", "`b | c`", "", "d"]);
    assert_eq!(code("`` `x` ``").as_deref(), Some("`x`"));
    assert_eq!(code("`> a⏎b`").as_deref(), Some("> a\nb"));
    assert_eq!(code("–"), None);
}
