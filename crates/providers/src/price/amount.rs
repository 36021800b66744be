//! Amounts of money. Integers, because money is never a float.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};

/// Millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct MicroUsd(pub u64);

/// A price for a million of something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PerMillion(MicroUsd);

impl MicroUsd {
    /// Millionths of a millionth of a dollar, for sums that are rounded at the end.
    pub(super) fn millionths(self) -> u128 {
        u128::from(self.0) * 1_000_000
    }

    /// Rounds half up; more than fits is cut.
    pub(super) fn from_millionths(sum: u128) -> Self {
        Self(u64::try_from((sum + 500_000) / 1_000_000).unwrap_or(u64::MAX))
    }

    /// Reads dollars: `0.035`, `12.50`, `25`.
    fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if part.len() > 6 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        let whole: u64 = whole.parse().ok()?;
        Some(Self(whole.checked_mul(1_000_000)?.checked_add(part)?))
    }
}

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
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not an amount")))
    }
}

impl<'de> Deserialize<'de> for PerMillion {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        MicroUsd::deserialize(source).map(Self)
    }
}
