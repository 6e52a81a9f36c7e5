//! Ids: numbers that begin with the time at which they were made.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

/// The first moment that an id can name: 2015-01-01T00:00:00Z, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// The bits below the time.
const COUNTER_BITS: u32 = 22;

/// An id of Discord. In JSON it is a string of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snowflake(u64);

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no snowflake: a positive number in decimal digits, without zeros in front")]
pub struct NotASnowflake(String);

impl Snowflake {
    /// The first id of a moment.
    pub fn at(time: Timestamp) -> Self {
        let ms = u64::try_from(time.as_millisecond() - EPOCH_MS).unwrap_or_default();
        Self(ms << COUNTER_BITS)
    }

    /// The id that follows this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// When it was made.
    pub fn time(self) -> Timestamp {
        let ms = i64::try_from(self.0 >> COUNTER_BITS).unwrap_or(i64::MAX).saturating_add(EPOCH_MS);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }

    /// Which of the six default avatars its owner has.
    pub fn default_avatar(self) -> u64 {
        (self.0 >> COUNTER_BITS) % 6
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = NotASnowflake;

    fn from_str(text: &str) -> Result<Self, NotASnowflake> {
        let number = text.parse::<u64>().ok().filter(|number| *number > 0 && number.to_string() == text);
        number.map(Self).ok_or_else(|| NotASnowflake(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_time() {
        let id: Snowflake = "175928847299117063".parse().expect("it is the docs' example");
        assert_eq!(id.time().as_millisecond(), 1_462_015_105_796);
        assert!(Snowflake::at(id.time()) < id && Snowflake::at(id.time()).time() == id.time());
    }

    #[test]
    fn what_is_no_number_is_no_id() {
        for text in ["", "0", "+1", "01", "-1", "1.0", "general", "18446744073709551616"] {
            assert!(text.parse::<Snowflake>().is_err(), "{text}");
        }
    }
}
