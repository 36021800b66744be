//! One rule as the limiter adds it up: how much time a call or a token takes, and how much may be taken ahead.

use std::{fmt, time::Duration};

use super::Rate;

/// A rate with a burst, as the time that one takes up and the time that may be taken up ahead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    what: What,
    pub(super) interval_ns: i64,
    pub(super) burst_ns: i64,
}

/// Which of a bucket's sums a rule is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum What {
    Calls(Rate),
    Tokens(u32),
}

impl Rule {
    /// The rule that a rate is.
    #[must_use]
    pub fn calls(rate: Rate) -> Self {
        let (count, burst) = (rate.count.get(), rate.burst.get());
        Self::new(What::Calls(rate), count, rate.per.duration(), burst)
    }

    /// So many tokens a minute, and a minute's worth at once.
    #[must_use]
    pub fn tokens_per_minute(tokens: u32) -> Self {
        let minute = Duration::from_secs(60);
        Self::new(What::Tokens(tokens), tokens, minute, tokens)
    }

    fn new(what: What, count: u32, period: Duration, burst: u32) -> Self {
        let period = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
        let interval_ns = (period / i64::from(count.max(1))).max(1);
        Self {
            what,
            interval_ns,
            burst_ns: interval_ns.saturating_mul(i64::from(burst.max(1))),
        }
    }

    /// Which of a bucket's sums it is about: calls by their four periods, then tokens.
    pub(super) fn sum(self) -> usize {
        match self.what {
            What::Calls(rate) => rate.per as usize,
            What::Tokens(_) => 4,
        }
    }

    /// What is left of a whole burst when so much is owed.
    pub(super) fn left(self, owed_ns: i64) -> Left {
        let owed_ns = owed_ns.max(0);
        let of = |ns: i64| u64::try_from(ns / self.interval_ns).unwrap_or(0);
        Left {
            limit: of(self.burst_ns),
            remaining: of(self.burst_ns.saturating_sub(owed_ns)),
            reset: nanos(owed_ns),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Calls(rate) => write!(f, "{rate} requests"),
            What::Tokens(tokens) => write!(f, "{tokens} tokens a minute"),
        }
    }
}

/// What is left under a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Left {
    /// How much may be used at once, when nothing was.
    pub limit: u64,
    /// How much of it is left.
    pub remaining: u64,
    /// How long it is until all of it is there again.
    pub reset: Duration,
}

pub(super) fn nanos(ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}
