//! Amounts of money. Integers, because money is never a float.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};

/// Millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct MicroUsd(pub u64);

/// A price for a million of something.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct PerMillion(pub(super) MicroUsd);

impl MicroUsd {
    /// Millionths of a millionth of a dollar, for sums that are rounded at the end.
    pub(super) fn millionths(self) -> u128 {
        u128::from(self.0) * MILLION
    }

    /// Rounds up, so that what costs something is never nothing; more than fits is cut.
    pub(super) fn from_millionths(sum: u128) -> Self {
        Self(u64::try_from(sum.div_ceil(MILLION)).unwrap_or(u64::MAX))
    }

    /// Reads dollars: `0.035`, `12.50`, `25`.
    fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if part.len() > 6 || !is_plain(whole) || !is_plain(part) {
            return None;
        }
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        let whole: u64 = whole.parse().ok()?;
        Some(Self(whole.checked_mul(1_000_000)?.checked_add(part)?))
    }
}

const MILLION: u128 = 1_000_000;

impl PerMillion {
    /// The price of one, in millionths of a millionth of a dollar.
    pub(super) fn millionths(self) -> u128 {
        u128::from(self.0.0)
    }
}

impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} USD", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl<'de> Deserialize<'de> for MicroUsd {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        let bad = || format!("`{text}` is not an amount; one is written `12.50`");
        Self::parse(&text).ok_or_else(|| D::Error::custom(bad()))
    }
}

impl<'de> Deserialize<'de> for PerMillion {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        MicroUsd::deserialize(source).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, expected) in [
            ("25", Some(25_000_000)),
            ("12.50", Some(12_500_000)),
            ("0.035", Some(35_000)),
            ("0.000001", Some(1)),
            ("0", Some(0)),
            ("1.0000001", None),
            ("1.", None),
            (".5", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1,5", None),
            ("", None),
            ("18446744073709.551616", None),
        ] {
            assert_eq!(
                MicroUsd::parse(text).map(|amount| amount.0),
                expected,
                "{text}"
            );
        }
        assert_eq!(MicroUsd(1_234_567).to_string(), "1.234567 USD");
    }

    #[test]
    fn the_smallest_cost_is_not_nothing() {
        for (sum, expected) in [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(MicroUsd::from_millionths(sum), MicroUsd(expected), "{sum}");
        }
        assert_eq!(MicroUsd::from_millionths(u128::MAX), MicroUsd(u64::MAX));
    }
}
