//! `[retention]`: how long what was written down is kept.

use std::num::NonZeroU16;

use super::{reader::Reader, value::Value};

/// The `[retention]` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days that single attempts stay in the ledger; none if they stay for ever.
    pub usage: Option<NonZeroU16>,
    /// Days that counts of refused calls stay; none if they stay for ever.
    pub refusals: Option<NonZeroU16>,
}

impl Retention {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let usage = reader.read::<Days>(
            "retention.usage",
            "400d",
            "How long each attempt at a provider stays in the usage ledger, in whole days (UTC); \
             `off` keeps all. Sums by hour and day stay in any case.",
        );
        let refusals = reader.read::<Days>(
            "retention.refusals",
            "90d",
            "How long it is kept how many calls and sign-ins were refused in each minute, and why; \
             `off` keeps all.",
        );
        Self {
            usage: usage.0,
            refusals: refusals.0,
        }
    }
}

/// A number of days, or none at all.
struct Days(Option<NonZeroU16>);

impl Value for Days {
    const EXPECTED: &'static str = "days, such as `400d`, or `off`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self(None)),
            days => days
                .strip_suffix('d')?
                .parse()
                .ok()
                .map(|days| Self(Some(days))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_at_least_one() {
        let days = |text| Days::parse(text).map(|days| days.0.map(NonZeroU16::get));
        for (text, expected) in [
            ("400d", Some(Some(400))),
            ("1d", Some(Some(1))),
            ("off", Some(None)),
            ("0d", None),
            ("400", None),
            ("24h", None),
            ("-1d", None),
            ("70000d", None),
            ("", None),
        ] {
            assert_eq!(days(text), expected, "{text:?}");
        }
    }
}
