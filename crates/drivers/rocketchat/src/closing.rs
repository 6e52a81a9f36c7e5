//! Where marks and code close.

/// The code that begins with the backtick here.
pub(crate) fn code_at(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('`')?;
    let length = inside.find('`').filter(|length| *length > 0)?;
    Some(&inside[..length])
}

/// Where the first mark stands that closes what begins here.
pub(crate) fn closing(text: &str, mark: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c == '\\' && rest[1..].starts_with(['*', '_', '~', '`', '#']) {
            at += 2;
        } else if let Some(code) = code_at(rest) {
            at += code.len() + 2;
        } else if rest.starts_with(mark) && at > 0 && closes(&rest[mark.len()..], mark) {
            return Some(at);
        } else {
            at += c.len_utf8();
        }
    }
    None
}

fn closes(after: &str, mark: &str) -> bool {
    !mark.starts_with('_') || !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}
