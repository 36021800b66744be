//! The limiter against what is promised of it, and against a plain model.

use std::{collections::VecDeque, num::NonZeroU32};

use proptest::prelude::*;

use super::*;
use crate::limits::{Per, Rate};

const SECOND: i64 = 1_000_000_000;

fn per_second(count: u32, burst: u32) -> Rule {
    let number = |n| NonZeroU32::new(n).unwrap();
    Rule::calls(Rate {
        count: number(count),
        per: Per::Second,
        burst: number(burst),
    })
}

fn charge(limiter: &Limiter, scope: Scope, rule: Rule) -> Charge {
    Charge {
        bucket: limiter.bucket(Place::of(scope, [scope as u8; 16])),
        rule,
        cost: 1,
    }
}

#[test]
fn a_burst_passes_and_then_the_rate_holds() {
    let limiter = Limiter::default();
    let charge = [charge(&limiter, Scope::Token, per_second(10, 5))];
    for _ in 0..5 {
        assert_eq!(take_at(0, &[&charge], 1), Verdict::All);
    }
    let reset = Duration::from_millis(100);
    let refused = Verdict::Refused {
        list: 0,
        charge: 0,
        reset,
    };
    assert_eq!(take_at(0, &[&charge], 1), refused);
    assert_eq!(take_at(SECOND / 10, &[&charge], 1), Verdict::All);
    assert_ne!(take_at(SECOND / 10, &[&charge], 1), Verdict::All);
}

#[test]
fn a_refusal_costs_nothing_anywhere() {
    let limiter = Limiter::default();
    let charges = [
        charge(&limiter, Scope::Token, per_second(1, 3)),
        charge(&limiter, Scope::Key, per_second(1, 1)),
    ];
    assert_eq!(take_at(0, &[&charges], 1), Verdict::All);
    for _ in 0..50 {
        let verdict = take_at(0, &[&charges], 1);
        let is_of_key = matches!(
            verdict,
            Verdict::Refused {
                list: 0,
                charge: 1,
                ..
            }
        );
        assert!(is_of_key, "{verdict:?}");
    }
    // Two of the wide bucket's three are still there.
    assert_eq!(take_at(0, &[&charges[..1]], 1), Verdict::All);
    assert_eq!(take_at(0, &[&charges[..1]], 1), Verdict::All);
    assert_ne!(take_at(0, &[&charges[..1]], 1), Verdict::All);
}

#[test]
fn a_swept_bucket_still_counts_while_it_owes() {
    let limiter = Limiter::default();
    let rule = Rule::calls("1/h".parse().unwrap());
    let charge_once = || {
        let charge = [charge(&limiter, Scope::Key, rule)];
        take_at(limiter.now_ns(), &[&charge], 1)
    };
    assert_eq!(charge_once(), Verdict::All);
    limiter.sweep();
    let again = charge_once();
    assert_ne!(again, Verdict::All, "sweeping must not give a second burst");
}

#[test]
fn periods_are_counted_apart() {
    let limiter = Limiter::default();
    let rules = ["2/s", "3/h"].map(|rate| Rule::calls(rate.parse().unwrap()));
    let charges = rules.map(|rule| charge(&limiter, Scope::AddOn, rule));
    assert_eq!(take_at(0, &[&charges], 1), Verdict::All);
    assert_eq!(take_at(0, &[&charges], 1), Verdict::All);
    let verdict = take_at(0, &[&charges], 1);
    assert!(matches!(
        verdict,
        Verdict::Refused {
            list: 0,
            charge: 0,
            ..
        }
    ));
    assert_eq!(take_at(SECOND, &[&charges], 1), Verdict::All);
    let verdict = take_at(2 * SECOND, &[&charges], 1);
    assert!(matches!(
        verdict,
        Verdict::Refused {
            list: 0,
            charge: 1,
            ..
        }
    ));
}

#[test]
fn tokens_are_settled_when_they_are_known() {
    let limiter = Limiter::default();
    let reserved = |cost| {
        let one = charge(&limiter, Scope::Key, Rule::tokens_per_minute(600));
        [Charge { cost, ..one }]
    };
    // Worth more than a minute has: it takes the whole minute, and no other passes beside it.
    let large = reserved(10_000);
    assert_eq!(take_at(0, &[&large], 1), Verdict::All);
    assert_ne!(take_at(0, &[&reserved(1)], 1), Verdict::All);
    // It used 100: the other 500 are there again.
    large[0].settle(100, 1);
    assert_eq!(take_at(0, &[&reserved(500)], 1), Verdict::All);
    assert_ne!(take_at(0, &[&reserved(1)], 1), Verdict::All);
    // More than was reserved: later calls wait for it, a day at most.
    reserved(0)[0].settle(u64::MAX, 1);
    let Verdict::Refused { reset, .. } = take_at(0, &[&reserved(1)], 1) else {
        panic!("it is in debt");
    };
    assert!(reset <= Duration::from_secs(86_400 + 61), "{reset:?}");
}

/// One of three processes that can't ask each other.
#[test]
fn a_part_of_a_rule_is_held() {
    let limiter = Limiter::default();
    let minute = |burst| {
        let number = |n| NonZeroU32::new(n).unwrap();
        Rule::calls(Rate {
            count: number(1),
            per: Per::Minute,
            burst: number(burst),
        })
    };
    let (wide, narrow) = (
        [charge(&limiter, Scope::Token, minute(9))],
        [charge(&limiter, Scope::Key, minute(1))],
    );
    for _ in 0..3 {
        assert_eq!(take_at(1, &[&wide], 3), Verdict::All);
    }
    assert_ne!(take_at(1, &[&wide], 3), Verdict::All);
    assert_ne!(take_at(1 + 60 * SECOND, &[&wide], 3), Verdict::All);
    assert_eq!(take_at(1 + 180 * SECOND, &[&wide], 3), Verdict::All);
    // Less than one call is one call, and then none for as long as it is worth.
    assert_eq!(take_at(1, &[&narrow], 3), Verdict::All);
    let Verdict::Refused { reset, .. } = take_at(1, &[&narrow], 3) else {
        panic!("it was all there was");
    };
    assert_eq!(reset, Duration::from_secs(180));
    assert_eq!(take_at(1 + 180 * SECOND, &[&narrow], 3), Verdict::All);
}

#[test]
fn running_calls_are_counted_and_come_back() {
    let bucket = Limiter::default().bucket(Place::of(Scope::Key, [1; 16]));
    assert!(bucket.enter(2) && bucket.enter(2) && !bucket.enter(2));
    bucket.leave();
    assert!(bucket.enter(2));
    assert_eq!(bucket.running(), 2);
}

/// GCRA said plainly: a queue of theoretical departures, one every interval, at most a burst long.
#[derive(Default)]
struct Model(VecDeque<i64>);

impl Model {
    fn admit(&mut self, now: i64, rule: Rule) -> bool {
        while self.0.front().is_some_and(|departure| *departure <= now) {
            self.0.pop_front();
        }
        let last = self.0.back().copied().unwrap_or(now).max(now);
        let fits = last + rule.interval_ns <= now + rule.burst_ns;
        if fits {
            self.0.push_back(last + rule.interval_ns);
        }
        fits
    }
}

proptest! {
    /// Never over: in any window of time no more than the burst and the rate's share pass.
    #[test]
    fn never_more_than_burst_and_rate(
        rate in 1u32..50, burst in 1u32..20,
        gaps in proptest::collection::vec(0i64..400_000_000, 1..200),
    ) {
        let limiter = Limiter::default();
        let charge = [charge(&limiter, Scope::Subject, per_second(rate, burst))];
        let (mut now, mut passed) = (0, Vec::new());
        for gap in gaps {
            now += gap;
            if take_at(now, &[&charge], 1) == Verdict::All {
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

    /// Never starved, and all or nothing: several charges pass exactly when the plain model of
    /// each would let the call pass, and the reset that a refusal names is when it does.
    #[test]
    fn it_does_what_the_plain_model_does(
        rules in proptest::collection::vec((1u32..50, 1u32..20), 1..4),
        gaps in proptest::collection::vec(0i64..400_000_000, 1..150),
    ) {
        let limiter = Limiter::default();
        let scopes = [Scope::Token, Scope::Subject, Scope::Key];
        let charges: Vec<_> = rules.iter().zip(scopes)
            .map(|((rate, burst), scope)| charge(&limiter, scope, per_second(*rate, *burst)))
            .collect();
        let mut models: Vec<Model> = charges.iter().map(|_| Model::default()).collect();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            let would: Vec<bool> = models.iter_mut().zip(&charges)
                .map(|(model, charge)| {
                    let mut copy = Model(model.0.clone());
                    copy.admit(now, charge.rule)
                })
                .collect();
            let verdict = take_at(now, &[&charges], 1);
            prop_assert_eq!(verdict == Verdict::All, would.iter().all(|would| *would));
            match verdict {
                Verdict::All => for (model, charge) in models.iter_mut().zip(&charges) {
                    prop_assert!(model.admit(now, charge.rule));
                },
                Verdict::Refused { charge, reset, .. } => {
                    prop_assert!(!would[charge]);
                    let later = now + i64::try_from(reset.as_nanos()).unwrap();
                    let one = &charges[charge];
                    let arrival = one.arrival_ns().load(Relaxed);
                    prop_assert!(one.step(later, arrival, 1).is_ok());
                    prop_assert!(one.step(later - 1, arrival, 1).is_err());
                }
            }
        }
    }
}
