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
    /// Days that sums by end user stay, no fewer than the attempts; none if they stay for ever.
    pub subjects: Option<NonZeroU16>,
    /// Days that sessions stay after they ended; none if they stay for ever.
    pub sessions: Option<NonZeroU16>,
    /// Days that a consent stays after it was given anew; none if it stays for ever.
    pub consents: Option<NonZeroU16>,
    /// Days that alerts stay that somebody acknowledged; none if they stay for ever.
    pub alerts: Option<NonZeroU16>,
}

/// A month's budget of an end user is held against their sums.
const LONGEST_MONTH: u16 = 32;

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
        let subjects = reader.read::<Days>(
            "retention.subjects",
            "400d",
            "How long it is kept what each end user used, by day, in whole days (UTC); `off` keeps all. \
             No less than `retention.usage`, whose attempts name them too, and than a month.",
        );
        let sessions = reader.read::<Days>(
            "retention.sessions",
            "1d",
            "How long it is kept that someone was signed in at the console, after the session ended; \
             `off` keeps all.",
        );
        let consents = reader.read::<Days>(
            "retention.consents",
            "1095d",
            "How long it is kept what somebody agreed to before they agreed anew; `off` keeps all. Their \
             last word stays until they are erased.",
        );
        let alerts = reader.read::<Days>(
            "retention.alerts",
            "400d",
            "How long an alert is kept that somebody acknowledged, after it was last found; `off` keeps \
             all. The audit log keeps that it was raised.",
        );
        let shortest = NonZeroU16::new(LONGEST_MONTH);
        Self {
            usage: usage.0,
            refusals: refusals.0,
            subjects: match (subjects.0, usage.0) {
                (Some(subjects), Some(usage)) => Some(subjects.max(usage)).max(shortest),
                _ => None,
            },
            sessions: sessions.0,
            consents: consents.0,
            alerts: alerts.0,
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
