//! Code within a text, as all platforms agree on it.

/// What opens and closes a block of code.
const FENCE: &str = "```";

/// A text without its code, and whether a block of code is open at its end.
pub fn without_code(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut rest = text;
    let mut open = false;
    while let Some(begin) = rest.find('`') {
        let run = rest[begin..].bytes().take_while(|byte| *byte == b'`').count();
        out.push_str(&rest[..begin]);
        if rest[..begin].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1 {
            rest = &rest[begin + 1..];
            continue;
        }
        let inside = &rest[begin + run.min(FENCE.len())..];
        let line = inside.lines().next().unwrap_or_default();
        let end = if run < FENCE.len() { closing(line, run) } else { inside.find(FENCE).map(|at| at + FENCE.len()) };
        open |= run >= FENCE.len() && end.is_none();
        rest = match end {
            Some(end) => &inside[end..],
            None => inside.trim_start_matches('`'),
        };
        out.push(' ');
    }
    (out + rest, open)
}

/// Where the code ends that as many backticks have opened.
fn closing(line: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    loop {
        let start = at + line[at..].find('`')?;
        at = start + line[start..].bytes().take_while(|byte| *byte == b'`').count();
        if at - start == run {
            return Some(at);
        }
    }
}
