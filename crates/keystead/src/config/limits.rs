//! `[limits]`: rates that hold from the first start.

use std::{num::NonZeroU32, time::Duration};

use super::{
    reader::Reader,
    value::{ByteSize, Value},
};

/// The `[limits]` table.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls with one access token.
    pub token: RateLimit,
    /// Calls of one end user or account.
    pub subject: RateLimit,
    /// Calls of one AddOn.
    pub addon: RateLimit,
    /// Calls of one application.
    pub application: RateLimit,
    /// Calls with one provider key.
    pub key: RateLimit,
    /// Calls from one client address.
    pub address: RateLimit,
    /// Calls with one provider key that may run at the same time; `None`: any number.
    pub key_concurrency: Option<NonZeroU32>,
    /// Bytes of request bodies that may be held at the same time.
    pub held_bytes: u64,
}

/// One rate, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// Calls are not counted.
    Lift,
    /// At most this many.
    Hold(Rate),
}

/// `count` calls in every `period`, and `burst` at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls a period.
    pub count: NonZeroU32,
    /// A second, a minute or an hour.
    pub period: Duration,
    /// Calls that may come at once.
    pub burst: NonZeroU32,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        const NARROW: &str = "50/s burst 100";
        const WIDE: &str = "500/s burst 1000";
        if reader.is_set("limits.shared_url") {
            reader.conflict(
                "limits.shared_url",
                "limits that several processes share are yet to come; leave it out, and each \
                 process counts for itself",
            );
        }
        Self {
            held_bytes: reader
                .read::<ByteSize>(
                    "limits.held_bytes",
                    "256MiB",
                    "Memory for the request bodies that must be seen whole before they are sent; \
                     past it calls are answered 503.",
                )
                .0,
            token: reader.read(
                "limits.default.token",
                NARROW,
                "Calls with one access token. A rate is `50/s burst 100` (also `/m` and `/h`; \
                 without `burst` as many at once as a period has); `off` lifts it.",
            ),
            subject: reader.read("limits.default.subject", NARROW, "Calls of one end user."),
            addon: reader.read("limits.default.addon", WIDE, "Calls of one AddOn."),
            application: reader.read(
                "limits.default.application",
                WIDE,
                "Calls of one application.",
            ),
            key: reader.read("limits.default.key", WIDE, "Calls with one provider key."),
            address: reader.read(
                "limits.default.address",
                WIDE,
                "Calls from one client address.",
            ),
            key_concurrency: reader
                .read::<Concurrency>(
                    "limits.default.key_concurrency",
                    "200",
                    "Calls with one provider key that may run at the same time; `off` lifts it.",
                )
                .0,
        }
    }
}

impl Value for RateLimit {
    const EXPECTED: &'static str = "a rate such as `50/s burst 100`, or `off`";

    fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::Lift);
        }
        let (count, rest) = text.split_once('/')?;
        let count: NonZeroU32 = count.trim().parse().ok()?;
        let mut words = rest.split_whitespace();
        let period = match words.next()? {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3_600),
            _ => return None,
        };
        let burst = match (words.next(), words.next(), words.next()) {
            (None, None, None) => count,
            (Some("burst"), Some(burst), None) => burst.parse().ok()?,
            _ => return None,
        };
        Some(Self::Hold(Rate {
            count,
            period,
            burst,
        }))
    }
}

struct Concurrency(Option<NonZeroU32>);

impl Value for Concurrency {
    const EXPECTED: &'static str = "a whole number from 1, or `off`";

    fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self(None));
        }
        text.parse().ok().map(|number| Self(Some(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_as_it_is_said() {
        let rate = |count, seconds, burst| {
            let number = |n| NonZeroU32::new(n).unwrap();
            let period = Duration::from_secs(seconds);
            Some(RateLimit::Hold(Rate {
                count: number(count),
                period,
                burst: number(burst),
            }))
        };
        for (text, expected) in [
            ("50/s burst 100", rate(50, 1, 100)),
            ("500/s", rate(500, 1, 500)),
            ("10/m burst 3", rate(10, 60, 3)),
            ("7/h", rate(7, 3_600, 7)),
            ("off", Some(RateLimit::Lift)),
            ("0/s", None),
            ("50", None),
            ("50/d", None),
            ("50/s burst", None),
            ("50/s burst 0", None),
            ("50/s burst 100 please", None),
            ("", None),
        ] {
            assert_eq!(RateLimit::parse(text), expected, "{text:?}");
        }
    }
}
