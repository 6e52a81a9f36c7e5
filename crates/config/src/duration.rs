//! Durations as the configuration writes them: `"7d"`, `"24h"`, `"90m"`, `"30s"`, `"500ms"`.

use std::time::Duration;

use tieline_core::problem::Problem;

/// Units with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The longest duration, a hundred years: it can still be added to any date that we meet.
const LONGEST_MS: u64 = 36_525 * 86_400_000;

/// Reads a whole number with its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, Problem> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let wrong = |message: &str| {
        Err(Problem::error(format!("`{text}` {message}"))
            .help("write a whole number with ms, s, m, h or d, like \"24h\""))
    };
    if number.is_empty() {
        return wrong("is no duration");
    }
    let Some((_, unit_ms)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return wrong(if unit.is_empty() { "has no unit" } else { "is no duration" });
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit_ms)) {
        Some(ms) if ms <= LONGEST_MS => Ok(Duration::from_millis(ms)),
        _ => wrong("is longer than a hundred years"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_understood() {
        for (text, ms) in
            [("7d", 604_800_000), ("24h", 86_400_000), ("90m", 5_400_000), ("30s", 30_000), ("500ms", 500), ("0s", 0)]
        {
            assert_eq!(parse(text).unwrap(), Duration::from_millis(ms));
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "7", "d", "-1s", "1.5h", "1 h", "1h30m", "7D", "99999999999999999999d", "40000d", "٣s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
