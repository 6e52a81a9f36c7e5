//! Discord's ids: numbers that ascend with time, written as text.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds of the Unix epoch at which Discord's time begins, the first of 2015.
const EPOCH: i64 = 1_420_070_400_000;

/// An id. Whatever it names, the newer one is the larger one, across all of Discord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Snowflake(pub(crate) u64);

impl Snowflake {
    /// Reads an id as it stands in payloads and in rules: decimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The smallest id that may be given at a time.
    pub(crate) fn at(time: Timestamp) -> Self {
        let since = u64::try_from(time.as_millisecond().saturating_sub(EPOCH)).unwrap_or(0);
        Self(since.min(u64::MAX >> 22) << 22)
    }

    /// When it was given, to the millisecond.
    pub(crate) fn time(self) -> Timestamp {
        let since = i64::try_from(self.0 >> 22).expect("42 bits fit");
        Timestamp::from_millisecond(EPOCH + since).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Compatible servers write some ids as numbers.
impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Number(u64),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => {
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no id of Discord"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_example_has_its_time() {
        let id = Snowflake::parse("175928847299117063").unwrap();
        assert_eq!(id.time().to_string(), "2016-04-30T11:18:25.796Z");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "-1", "+1", " 1", "1.0", "abc", "99999999999999999999999", "１"] {
            assert_eq!(Snowflake::parse(text), None, "{text}");
        }
        assert_eq!(serde_json::from_str::<Snowflake>("12").unwrap(), Snowflake(12));
        assert_eq!(serde_json::from_str::<Snowflake>("\"12\"").unwrap(), Snowflake(12));
        assert!(serde_json::from_str::<Snowflake>("null").is_err());
    }

    proptest! {
        #[test]
        fn ids_ascend_with_time(id: u64) {
            let first = Snowflake::at(Snowflake(id).time());
            prop_assert!(first <= Snowflake(id) && first.time() == Snowflake(id).time());
            prop_assert_eq!(Snowflake::parse(&Snowflake(id).to_string()), Some(Snowflake(id)));
        }
    }
}
