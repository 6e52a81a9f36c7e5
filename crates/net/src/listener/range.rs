//! Which bytes of a file a request asks for (RFC 9110, section 14).

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What of a file is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// From `first` to `last`, both counted from 0 and included.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// Bytes that the file does not have.
    Nothing,
}

/// Reads the headers of a request for a file of `size` bytes, whose version is `tag`.
///
/// What is no single range of bytes is answered with the whole file, which every client must take.
pub(crate) fn wanted(headers: &HeaderMap, size: u64, tag: &str) -> Wanted {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Wanted::Whole };
    // Whoever resumes another version of the file must get it whole. We name no time, so none can be meant.
    if headers.get_all(IF_RANGE).iter().any(|version| version.as_bytes() != tag.as_bytes()) {
        return Wanted::Whole;
    }
    let Ok(range) = range.to_str() else { return Wanted::Whole };
    let Some((unit, range)) = range.split_once('=') else { return Wanted::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Wanted::Whole,
        (Some(first), _) if first >= size && (last.is_empty() || number(last).is_some()) => Wanted::Nothing,
        (Some(first), Some(last)) => Wanted::Part { first, last: last.min(size - 1) },
        (Some(first), None) if last.is_empty() => Wanted::Part { first, last: size - 1 },
        (None, Some(count)) if first.is_empty() => match size.checked_sub(1) {
            Some(last) if count > 0 => Wanted::Part { first: size.saturating_sub(count), last },
            _ => Wanted::Nothing,
        },
        _ => Wanted::Whole,
    }
}

/// A number in decimal digits; one that is too large is the largest.
fn number(digits: &str) -> Option<u64> {
    let digital = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    digital.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, size: u64) -> Wanted {
        let headers = HeaderMap::from_iter([(RANGE, range.parse().unwrap())]);
        wanted(&headers, size, "\"tag\"")
    }

    #[test]
    fn a_single_range_is_understood() {
        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=2-5", 2, 5),
            ("bytes=5-", 5, 9),
            ("bytes=5-99999999999999999999999999", 5, 9),
            ("bytes=-3", 7, 9),
            ("bytes=-30", 0, 9),
            ("Bytes=0-", 0, 9),
        ] {
            assert_eq!(asked(range, 10), Wanted::Part { first, last }, "{range}");
        }
    }

    #[test]
    fn what_the_file_does_not_have() {
        for range in ["bytes=10-", "bytes=10-20", "bytes=99999999999999999999999999-", "bytes=-0"] {
            assert_eq!(asked(range, 10), Wanted::Nothing, "{range}");
        }
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(asked(range, 0), Wanted::Nothing, "{range}");
        }
    }

    #[test]
    fn everything_else_is_the_whole_file() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
            "bytes=99-x",
        ] {
            assert_eq!(asked(range, 10), Wanted::Whole, "{range}");
        }
        let mut two = HeaderMap::from_iter([(RANGE, "bytes=0-1".parse().unwrap())]);
        two.append(RANGE, "bytes=3-4".parse().unwrap());
        assert_eq!(wanted(&two, 10, ""), Wanted::Whole);
        assert_eq!(wanted(&HeaderMap::new(), 10, ""), Wanted::Whole);
    }

    #[test]
    fn a_part_of_another_version_is_not_sent() {
        let headers = |version: &str| {
            HeaderMap::from_iter([(RANGE, "bytes=1-".parse().unwrap()), (IF_RANGE, version.parse().unwrap())])
        };
        assert_eq!(wanted(&headers("\"tag\""), 10, "\"tag\""), Wanted::Part { first: 1, last: 9 });
        assert_eq!(wanted(&headers("\"other\""), 10, "\"tag\""), Wanted::Whole);
        assert_eq!(wanted(&headers("Sat, 21 Nov 2026 15:00:00 GMT"), 10, "\"tag\""), Wanted::Whole);
    }
}
