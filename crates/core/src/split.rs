//! Long texts cut into messages that a platform takes.

mod fence;
mod whole;

use unicode_segmentation::UnicodeSegmentation;

use self::fence::{Fence, fences};
use self::whole::{begins_line, pieces, would_call};
use crate::driver::TextUnit;

/// Invisible, and no space: what follows it at the beginning of a part means nothing.
const APART: &str = "\u{200b}";
/// Parts shorter than this have no room for it.
const LEAST: usize = 16;

/// Cuts a rendered text into parts of at most `max` in `unit`: at line ends, else between words, else between graphemes.
///
/// A block of code between ```` ``` ```` that is cut is closed, and opened again with its language in the next part; so
/// is code within a line that does not fit into a part. Mentions, links, addresses and short codes stay whole where they
/// fit into one. The rest of a line that would mean something else at the beginning of one has an invisible character
/// before it. Of the text itself only blanks at a cut are left out. Parts in which a person would see nothing are left
/// out too, so a blank text gives none. A grapheme longer than `max` is cut between its scalar values, and one scalar
/// value is never cut, so a `max` below four bytes may not be kept.
pub fn split(text: &str, max: usize, unit: TextUnit) -> Vec<String> {
    let whole = max.saturating_sub(unit.count(APART));
    let cutter = Cutter { text, max, whole, unit, fences: fences(text, max, whole, unit) };
    let mut parts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (part, next) = cutter.part(at);
        if !part.trim().is_empty() {
            parts.push(part);
        }
        at = next;
    }
    parts
}

struct Cutter<'t> {
    text: &'t str,
    max: usize,
    /// The longest piece that is not cut.
    whole: usize,
    unit: TextUnit,
    /// In order.
    fences: Vec<Fence<'t>>,
}

/// A place where a part may end.
#[derive(Clone, Copy)]
struct Cut {
    /// Where the part ends.
    end: usize,
    /// Where the next one begins: behind the blank at the cut.
    next: usize,
    /// How well people read on behind it.
    quality: Quality,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Quality {
    Anywhere,
    Word,
    Line,
}

impl Cutter<'_> {
    /// The part that begins at a place, and where the next one begins.
    fn part(&self, at: usize) -> (String, usize) {
        let reopened = self.fence_around(at);
        let at = if reopened.is_some() { at } else { self.text.len() - self.text[at..].trim_start_matches('\n').len() };
        let rest = &self.text[at..];
        let within_line = at > 0 && !self.text[..at].ends_with('\n');
        let opening = match reopened {
            Some(fence) => fence.opening.as_str(),
            None if within_line && self.max >= LEAST && begins_line(rest) => APART,
            None => "",
        };
        let room = self.max.saturating_sub(self.unit.count(opening));
        // Whatever the unit, a text has at least a third as many of it as it has bytes.
        if rest.len() / 3 <= room && self.unit.count(rest) <= room {
            return (format!("{opening}{rest}"), self.text.len());
        }
        let fits = |piece: &str| self.unit.count(piece) <= self.whole;
        let cut = self
            .best(at, room, pieces(self.text, at, fits))
            .or_else(|| self.best(at, room, rest.graphemes(true)))
            .or_else(|| self.best(at, room, scalars(rest)))
            .or_else(|| scalars(rest).next().map(|first| at + first.len()).map(Cut::anywhere));
        let Some(Cut { end, next, .. }) = cut else { return (String::new(), self.text.len()) };
        let part = &self.text[at..end];
        match self.fence_around(end) {
            Some(fence) => (format!("{opening}{part}{}", fence.closing), next),
            None => (format!("{opening}{}", part.trim_end()), next),
        }
    }

    /// The best cut within `room`, and of the best the last. `pieces` are what must stay whole, from `at` on.
    fn best<'p>(&self, at: usize, room: usize, pieces: impl Iterator<Item = &'p str>) -> Option<Cut> {
        let mut best: Option<Cut> = None;
        let mut used = 0;
        let mut end = at;
        for piece in pieces {
            let next = end + piece.len();
            let before = Cut { end, next, quality: Quality::of_blank(piece) };
            if before.quality > Quality::Anywhere && end > at && self.allows(before, used, room) {
                best = best.filter(|best| best.quality > before.quality).or(Some(before));
            }
            used += self.unit.count(piece);
            if used > room {
                break;
            }
            let behind = Cut::anywhere(next);
            if self.allows(behind, used, room) {
                best = best.filter(|best| best.quality > behind.quality).or(Some(behind));
            }
            end = next;
        }
        best
    }

    /// Whether a part of length `used` may end there: in code only where there is room to close it, and nowhere before the
    /// `@` of an address of mail.
    fn allows(&self, cut: Cut, used: usize, room: usize) -> bool {
        !would_call(self.text, cut.next)
            && self
                .fence_around(cut.end)
                .is_none_or(|fence| fence.allows(cut.end, cut.next) && used + self.unit.count(&fence.closing) <= room)
    }

    /// The code that a place is within.
    fn fence_around(&self, at: usize) -> Option<&Fence<'_>> {
        let next = self.fences.partition_point(|fence| fence.whole.end <= at);
        self.fences.get(next).filter(|fence| fence.whole.start < at)
    }
}

impl Cut {
    fn anywhere(at: usize) -> Self {
        Self { end: at, next: at, quality: Quality::Anywhere }
    }
}

impl Quality {
    /// How good a cut is that leaves this piece out; only blanks are left out.
    fn of_blank(piece: &str) -> Self {
        match piece {
            "\n" | "\r\n" => Self::Line,
            // No-break spaces are written to be kept.
            "\u{a0}" | "\u{202f}" | "\u{2007}" => Self::Anywhere,
            _ if piece.chars().all(char::is_whitespace) => Self::Word,
            _ => Self::Anywhere,
        }
    }
}

fn scalars(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(|_| true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fence::FENCE;
    use super::*;

    #[test]
    fn a_short_text_is_one_part_as_it_is() {
        assert_eq!(split("a\n\nb ", 10, TextUnit::Chars), ["a\n\nb "]);
        assert_eq!(split("", 10, TextUnit::Chars), [""; 0]);
        assert_eq!(split(" \n ", 2, TextUnit::Chars), [""; 0]);
    }

    #[test]
    fn lines_are_better_cuts_than_words_and_words_than_graphemes() {
        assert_eq!(split("one two\nthree four", 12, TextUnit::Chars), ["one two", "three four"]);
        assert_eq!(split("one two three", 8, TextUnit::Chars), ["one two", "three"]);
        assert_eq!(split("abcdefgh", 3, TextUnit::Chars), ["abc", "def", "gh"]);
        assert_eq!(split("one\n\n\ntwo", 5, TextUnit::Chars), ["one", "two"]);
    }

    #[test]
    fn the_unit_decides_what_fits() {
        // One grapheme of two UTF-16 units and four bytes.
        assert_eq!(split("😀😀", 2, TextUnit::Utf16), ["😀", "😀"]);
        assert_eq!(split("😀😀", 7, TextUnit::Bytes), ["😀", "😀"]);
        assert_eq!(split("😀😀", 2, TextUnit::Chars), ["😀😀"]);
    }

    #[test]
    fn a_grapheme_is_cut_only_if_it_must_be() {
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(split(&format!("a{family}"), 5, TextUnit::Chars), ["a", family]);
        assert_eq!(split(family, 3, TextUnit::Chars).concat(), family);
    }

    #[test]
    fn code_is_closed_and_opened_again_with_its_language() {
        let text = "see\n```rust\nlet a = 1;\nlet b = 2;\n```\ndone";
        assert_eq!(
            split(text, 32, TextUnit::Chars),
            ["see\n```rust\nlet a = 1;\n```", "```rust\nlet b = 2;\n```\ndone"]
        );
    }

    #[test]
    fn a_fence_is_not_cut_within_its_own_signs() {
        let parts = split("0123456789012345\n```rust\nlet a;\n```", 24, TextUnit::Chars);
        assert_eq!(parts, ["0123456789012345", "```rust\nlet a;\n```"]);
        // What is never closed is typed text.
        assert_eq!(split("a ``` b", 5, TextUnit::Chars), ["a ```", "b"]);
    }

    #[test]
    fn what_calls_or_leads_somewhere_stays_whole() {
        let parts = |text: &str, max| split(text, max, TextUnit::Chars);
        assert_eq!(
            parts("0123456789 12345678 <@123456789012345678> end", 32),
            ["0123456789 12345678", "<@123456789012345678> end"]
        );
        assert_eq!(parts("0123456789012345678901234<@1234567>", 30), ["0123456789012345678901234", "<@1234567>"]);
        assert_eq!(
            parts("see [a very good page](https://x.org/a) now", 36),
            ["see", "[a very good page](https://x.org/a)", "now"]
        );
        assert_eq!(
            parts("0123456789 `some code in it` and so on", 26),
            ["0123456789", "`some code in it` and so", "on"]
        );
        assert_eq!(parts("aaaaaaaaaaaaaaaaaaaa@example.com", 20), ["aaaaaaaaaaaaaaaaaaa", "a@example.com"]);
        assert_eq!(parts("aaaaaaaaa\\*bbbbbbbbbbbb", 10), ["aaaaaaaaa", "\\*bbbbbbbb", "bbbb"]);
    }

    #[test]
    fn code_within_a_line_that_fits_nowhere_is_closed_and_opened_again() {
        let parts = split("x `aaaa bbbb cccc dddd eeee` y", 16, TextUnit::Chars);
        assert_eq!(parts, ["x `aaaa bbbb`", "`cccc dddd eeee`", "y"]);
    }

    #[test]
    fn what_stood_within_a_line_begins_none() {
        for sign in ["> q", "# h", "- i", "1. n", "/leave", "!kick"] {
            let parts = split(&format!("0123456789 01234567 {sign} end"), 20, TextUnit::Chars);
            assert_eq!(parts, ["0123456789 01234567".to_owned(), format!("{APART}{sign} end")]);
        }
        assert_eq!(split("0123456789\n> q 0123456789", 16, TextUnit::Chars), ["0123456789", "> q 0123456789"]);
    }

    fn unit() -> impl Strategy<Value = TextUnit> {
        prop_oneof![Just(TextUnit::Utf16), Just(TextUnit::Chars), Just(TextUnit::Bytes)]
    }

    /// What is left of a text without blanks, and without what a cut may put into it.
    fn letters(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace() && *c != '`').collect::<String>().replace(APART, "")
    }

    proptest! {
        #[test]
        fn any_text_is_kept_within_the_limit(text in "(\\PC|[ \n\u{301}\u{200d}👨`])*", max in 4usize..40, unit in unit()) {
            // Backticks in threes are the next law's.
            let text = text.replace("```", "``");
            let parts = split(&text, max, unit);
            for part in &parts {
                prop_assert!(unit.count(part) <= max && !part.trim().is_empty());
            }
            prop_assert_eq!(letters(&parts.concat()), letters(&text));
        }

        #[test]
        fn graphemes_that_fit_are_whole(text in "[a\u{301}👨\u{200d}👩 \n]{0,60}", unit in unit()) {
            let longest = text.graphemes(true).map(|g| unit.count(g)).max().unwrap_or(0);
            let parts = split(&text, longest.max(8), unit);
            let whole: Vec<_> = text.graphemes(true).filter(|g| !g.trim().is_empty()).collect();
            let kept: Vec<_> = parts.iter().flat_map(|p| p.graphemes(true)).filter(|g| !g.trim().is_empty()).collect();
            prop_assert_eq!(whole, kept);
        }

        #[test]
        fn every_part_is_balanced(
            pieces in prop::collection::vec(
                prop_oneof![
                    "[a-z \n]{0,20}",
                    ("(|rust|py)", "[a-z \né]{1,40}").prop_map(|(lang, body)| format!("```{lang}\n{body}```")),
                    "[a-z ]{1,9}".prop_map(|body| format!("```{body} ```")),
                ],
                0..6,
            ),
            max in 8usize..60,
            unit in unit(),
        ) {
            let text = pieces.concat();
            let parts = split(&text, max, unit);
            let fenced = fences(&text, max, max, unit).len() == text.matches(FENCE).count() / 2;
            for part in &parts {
                prop_assert!(unit.count(part) <= max, "{part:?} in {parts:?}");
                prop_assert!(!fenced || part.matches(FENCE).count() % 2 == 0, "{part:?} in {parts:?}");
            }
            if parts.len() == 1 {
                prop_assert_eq!(letters(&parts[0]), letters(&text));
            }
            prop_assert_eq!(parts.concat().matches('é').count(), text.matches('é').count());
        }
    }
}
