//! Where something stands next in a text that is read from its beginning to its end.

/// The next place of some characters, which is looked for once, however many want to know.
#[derive(Default)]
pub(crate) struct Next {
    /// Between these two places there is none. The second is where it stands; `None`: there is none to the end.
    known: Option<(usize, Option<usize>)>,
}

impl Next {
    /// The first of `ends` at or behind a place, which is within the text.
    pub(crate) fn at(&mut self, text: &str, from: usize, ends: &[char]) -> Option<usize> {
        match self.known {
            Some((since, found)) if since <= from && found.is_none_or(|found| from <= found) => found,
            _ => {
                let found = text[from..].find(ends).map(|length| from + length);
                self.known = Some((from, found));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_looked_for_once() {
        let text = format!("{})x)", "[a](".repeat(1_000));
        let mut next = Next::default();
        let first = next.at(&text, 4, &[')']);
        assert_eq!((first, next.known), (Some(4_000), Some((4, Some(4_000)))));
        for from in [8, 400, 4_000] {
            assert_eq!((next.at(&text, from, &[')']), next.known), (first, Some((4, Some(4_000)))));
        }
        assert_eq!((next.at(&text, 4_001, &[')']), next.known), (Some(4_002), Some((4_001, Some(4_002)))));
        assert_eq!((next.at(&text, 4_003, &[')']), next.known), (None, Some((4_003, None))));
        assert_eq!((next.at(&text, 4_003, &[')']), next.known), (None, Some((4_003, None))));
    }
}
