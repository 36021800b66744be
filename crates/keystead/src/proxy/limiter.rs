//! Rates: may this call start now?
//!
//! One interface, [`Limiter::admit`]: all of the charges or none. The sum is the generic cell rate
//! algorithm (GCRA, as ITU-T I.371 calls it): one integer a key, the theoretical arrival time of
//! the next call. A store shared by several processes can do the same sum in one script.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// What a rule counts by. The words appear in refusals and in the configuration.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// One access token.
    Token,
    /// One end user of one application.
    Subject,
    /// One AddOn.
    AddOn,
    /// One application.
    Application,
    /// One provider key.
    Key,
    /// One client address.
    Address,
}

impl Scope {
    /// The word for it in texts and settings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Subject => "subject",
            Self::AddOn => "addon",
            Self::Application => "application",
            Self::Key => "key",
            Self::Address => "address",
        }
    }
}

/// A rate with a burst, as the time one call takes up and the time that may be taken up ahead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rule {
    interval_ns: i64,
    burst_ns: i64,
}

impl Rule {
    /// `rate` calls in each `period`, and up to `burst` at once.
    #[must_use]
    pub fn new(rate: u32, period: Duration, burst: u32) -> Self {
        let period = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
        let interval_ns = period / i64::from(rate.max(1));
        Self {
            interval_ns,
            burst_ns: interval_ns.saturating_mul(i64::from(burst.max(1))),
        }
    }
}

/// The state of one key of one scope, shared by whoever charges it.
#[derive(Clone, Debug)]
pub struct Bucket {
    scope: Scope,
    arrival_ns: Arc<AtomicI64>,
}

/// A cost against a bucket under a rule.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    /// Whom it counts against.
    pub bucket: &'a Bucket,
    /// The rule that holds there.
    pub rule: Rule,
    /// How many calls it is worth.
    pub cost: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// All charges were taken.
    All,
    /// None was; this scope's rule would let it pass after `reset`.
    Refused {
        /// The rule that said no.
        scope: Scope,
        /// When it would say yes.
        reset: Duration,
    },
}

/// The limits of one process.
#[derive(Debug)]
pub struct Limiter {
    start: Instant,
    shards: [Mutex<Shard>; 16],
}

/// Arrival times by what they count.
type Shard = HashMap<(Scope, [u8; 16]), Arc<AtomicI64>>;

impl Default for Limiter {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            shards: Default::default(),
        }
    }
}

impl Limiter {
    /// The bucket of `id` in `scope`; the same one for everybody who asks while anyone holds it
    /// or it still counts against someone.
    pub fn bucket(&self, scope: Scope, id: [u8; 16]) -> Bucket {
        let shard = &self.shards[usize::from(id[15] & 15)];
        let arrival_ns = shard.lock().entry((scope, id)).or_default().clone();
        Bucket { scope, arrival_ns }
    }

    /// Takes all charges, or none and says which rule refused.
    ///
    /// Asynchronous because a shared store will be asked here; in one process it never waits.
    #[expect(
        clippy::unused_async,
        reason = "the interface is the one a shared store needs"
    )]
    pub async fn admit(&self, charges: &[Charge<'_>]) -> Verdict {
        self.admit_at(self.now_ns(), charges)
    }

    fn admit_at(&self, now_ns: i64, charges: &[Charge<'_>]) -> Verdict {
        for (taken, charge) in charges.iter().enumerate() {
            if let Err(wait_ns) = charge.take(now_ns) {
                charges[..taken].iter().for_each(Charge::give_back);
                let reset = Duration::from_nanos(u64::try_from(wait_ns).unwrap_or(0));
                return Verdict::Refused {
                    scope: charge.bucket.scope,
                    reset,
                };
            }
        }
        Verdict::All
    }

    /// Forgets buckets that nobody holds and that count against nobody any more.
    pub fn sweep(&self) {
        let now_ns = self.now_ns();
        for shard in &self.shards {
            shard.lock().retain(|_, arrival_ns| {
                Arc::strong_count(arrival_ns) > 1 || arrival_ns.load(Relaxed) > now_ns
            });
        }
    }

    fn now_ns(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }
}

impl Charge<'_> {
    fn take(&self, now_ns: i64) -> Result<(), i64> {
        let cost_ns = self.cost_ns();
        let latest = now_ns.saturating_add(self.rule.burst_ns);
        let step = |arrival: i64| {
            let next = arrival.max(now_ns).saturating_add(cost_ns);
            (next <= latest).then_some(next)
        };
        match self.bucket.arrival_ns.fetch_update(Relaxed, Relaxed, step) {
            Ok(_) => Ok(()),
            Err(arrival) => Err(arrival.max(now_ns).saturating_add(cost_ns) - latest),
        }
    }

    fn give_back(&self) {
        self.bucket.arrival_ns.fetch_sub(self.cost_ns(), Relaxed);
    }

    fn cost_ns(&self) -> i64 {
        self.rule.interval_ns.saturating_mul(i64::from(self.cost))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn per_second(rate: u32, burst: u32) -> Rule {
        Rule::new(rate, Duration::from_secs(1), burst)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let limiter = Limiter::default();
        let bucket = limiter.bucket(Scope::Token, [1; 16]);
        let charge = [Charge {
            bucket: &bucket,
            rule: per_second(10, 5),
            cost: 1,
        }];
        for _ in 0..5 {
            assert_eq!(limiter.admit_at(0, &charge), Verdict::All);
        }
        let reset = Duration::from_millis(100);
        assert_eq!(
            limiter.admit_at(0, &charge),
            Verdict::Refused {
                scope: Scope::Token,
                reset
            }
        );
        assert_eq!(limiter.admit_at(SECOND / 10, &charge), Verdict::All);
        assert_ne!(limiter.admit_at(SECOND / 10, &charge), Verdict::All);
    }

    #[test]
    fn a_refusal_costs_nothing_anywhere() {
        let limiter = Limiter::default();
        let (wide, narrow) = (
            limiter.bucket(Scope::Token, [1; 16]),
            limiter.bucket(Scope::Key, [2; 16]),
        );
        let charges = [
            Charge {
                bucket: &wide,
                rule: per_second(1, 3),
                cost: 1,
            },
            Charge {
                bucket: &narrow,
                rule: per_second(1, 1),
                cost: 1,
            },
        ];
        assert_eq!(limiter.admit_at(0, &charges), Verdict::All);
        for _ in 0..50 {
            let verdict = limiter.admit_at(0, &charges);
            assert!(
                matches!(
                    verdict,
                    Verdict::Refused {
                        scope: Scope::Key,
                        ..
                    }
                ),
                "{verdict:?}"
            );
        }
        // Two of the wide bucket's three are still there.
        assert_eq!(limiter.admit_at(0, &charges[..1]), Verdict::All);
        assert_eq!(limiter.admit_at(0, &charges[..1]), Verdict::All);
        assert_ne!(limiter.admit_at(0, &charges[..1]), Verdict::All);
    }

    #[test]
    fn a_swept_bucket_still_counts_while_it_owes() {
        let limiter = Limiter::default();
        let rule = Rule::new(1, Duration::from_secs(3_600), 1);
        let charge_once = || {
            let bucket = limiter.bucket(Scope::Key, [7; 16]);
            limiter.admit_at(
                limiter.now_ns(),
                &[Charge {
                    bucket: &bucket,
                    rule,
                    cost: 1,
                }],
            )
        };
        assert_eq!(charge_once(), Verdict::All);
        limiter.sweep();
        assert_ne!(
            charge_once(),
            Verdict::All,
            "sweeping must not give a second burst"
        );
    }

    proptest! {
        /// Never over: in any window of time no more than the burst and the rate's share pass.
        #[test]
        fn never_more_than_burst_and_rate(
            rate in 1u32..50, burst in 1u32..20,
            gaps in proptest::collection::vec(0i64..400_000_000, 1..200),
        ) {
            let limiter = Limiter::default();
            let bucket = limiter.bucket(Scope::Subject, [3; 16]);
            let charge = [Charge { bucket: &bucket, rule: per_second(rate, burst), cost: 1 }];
            let (mut now, mut passed) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                if limiter.admit_at(now, &charge) == Verdict::All {
                    passed.push(now);
                }
            }
            let interval = SECOND / i64::from(rate);
            for (i, first) in passed.iter().enumerate() {
                for (j, last) in passed.iter().enumerate().skip(i) {
                    let allowed = i64::from(burst) + (last - first) / interval + 1;
                    prop_assert!((j - i + 1) as i64 <= allowed);
                }
            }
        }
    }
}
