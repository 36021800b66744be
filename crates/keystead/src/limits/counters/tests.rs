//! The sums of one process, and of two that share a budget, against a plain model of the store.

use proptest::prelude::*;

use super::*;
use crate::clock::Clock;

fn name(clock: &Clock) -> CounterName {
    CounterName {
        organization: OrganizationId::from_bytes([1; 16]),
        holder: Holder::Organization,
        unit: Unit::Requests,
        period: Period::Day,
        window: Period::Day.window(clock.now()),
    }
}

fn clock() -> Clock {
    Clock::standing_at(Timestamp::from_micros(1_795_280_400_000_000))
}

#[test]
fn only_what_is_leased_can_be_taken() {
    let clock = clock();
    let counters = Counters::new(clock.now());
    let counter = counters.counter(name(&clock));
    assert!(!counter.take(1));
    assert_eq!(counter.lacks(3), 3);
    let leased = |extra| Leased {
        extra,
        ..Leased::default()
    };
    counter.leased(leased(5), 10, counter.past(), clock.now());
    assert!(counter.take(3) && counter.take(2) && !counter.take(1));
    assert_eq!(counters.reserved(), 5);
    // One call used less than it reserved, the other more.
    counter.settle(3, 1);
    assert_eq!((counter.reserved(), counter.unwritten()), (2, 1));
    assert!(counter.take(2) && !counter.take(1));
    counter.settle(2, 7);
    counter.settle(2, 0);
    counter.written(8);
    assert_eq!((counters.reserved(), counter.unwritten()), (0, 0));
    assert_eq!(counter.lacks(1), 1, "a lease is never less than nothing");
}

#[test]
fn it_is_told_apart_what_ends_by_itself() {
    let clock = clock();
    let counter = Counters::new(clock.now()).counter(name(&clock));
    assert_eq!(counter.room(1, 10, clock.now()), None, "ask the store");
    let leased = |extra, used| Leased {
        extra,
        used,
        elsewhere: 0,
    };
    counter.leased(leased(4, 6), 10, counter.past(), clock.now());
    assert!(counter.take(4));
    counter.leased(leased(0, 6), 10, counter.past(), clock.now());
    assert_eq!(counter.room(1, 10, clock.now()), Some(Room::Reserved));
    counter.settle(4, 4);
    assert_eq!(counter.room(1, 10, clock.now()), Some(Room::Exhausted));
    counter.written(4);
    assert_eq!(counter.room(1, 10, clock.now()), Some(Room::Exhausted));
    assert_eq!(
        counter.room(1, 11, clock.now()),
        None,
        "it may have more now"
    );
    clock.advance(DRY * 2);
    assert_eq!(
        counter.room(1, 10, clock.now()),
        None,
        "it may have changed"
    );
    counter.leased(leased(1, 9), 10, counter.past(), clock.now());
    assert_eq!(counter.room(1, 10, clock.now()), Some(Room::Enough));
}

#[test]
fn what_nobody_asks_for_goes_back() {
    let clock = clock();
    let counters = Counters::new(clock.now());
    let counter = counters.counter(name(&clock));
    counter.leased(
        Leased {
            extra: 10,
            ..Leased::default()
        },
        10,
        counter.past(),
        clock.now(),
    );
    assert!(counter.take(4));
    assert_eq!(counters.idle().len(), 0, "it was asked for");
    let idle = counters.idle();
    assert_eq!((idle.len(), idle[0].amount), (1, 6));
    assert!(!counter.take(1));
    assert_eq!(counters.lost()[0].amount, 4, "running calls keep theirs");
    counter.settle(4, 0);
    drop(counter);
    assert_eq!(counters.idle()[0].amount, 4);
    assert!(counters.counters.lock().is_empty(), "nothing is left of it");
}

/// An answer may come long after it was asked for; the leases may have ended in between.
#[test]
fn what_comes_after_the_leases_ended_is_no_ones_to_take() {
    let clock = clock();
    let counters = Counters::new(clock.now());
    let counter = counters.counter(name(&clock));
    let leased = Leased {
        extra: 5,
        ..Leased::default()
    };
    let before = counter.past();
    assert!(counters.lost().is_empty());
    counter.leased(leased, 10, before, clock.now());
    assert!(!counter.take(1));
    counter.leased(leased, 10, counter.past(), clock.now());
    assert!(counter.take(5));
}

#[test]
fn leases_end_a_little_before_the_store_says_so() {
    let clock = clock();
    let counters = Counters::new(clock.now());
    clock.advance(LEASE - MARGIN - Duration::from_secs(1));
    assert!(counters.holds(clock.now()));
    clock.advance(Duration::from_secs(1));
    assert!(!counters.holds(clock.now()));
    counters.renewed(clock.now());
    assert!(counters.holds(clock.now()));
}

/// What the store does with wishes, said plainly.
#[derive(Debug, Default)]
struct Books {
    used: i64,
    leases: [i64; 2],
}

impl Books {
    fn lease(&mut self, process: usize, need: i64, limit: i64) -> Leased {
        let left = limit - self.used - self.leases.iter().sum::<i64>();
        let extra = if need <= left { need.max(left / 8) } else { 0 };
        self.leases[process] += extra;
        Leased {
            extra,
            used: self.used,
            elsewhere: self.leases[1 - process],
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin {
        amount: i64,
    },
    End {
        which: prop::sample::Index,
        share: i64,
    },
    Write,
    GiveUp,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1i64..40).prop_map(|amount| Step::Begin { amount }),
        4 => (any::<prop::sample::Index>(), 0i64..=100)
            .prop_map(|(which, share)| Step::End { which, share }),
        2 => Just(Step::Write),
        1 => Just(Step::GiveUp),
    ]
}

proptest! {
    /// Two processes, one budget: never over at any moment, never refused while there is room that
    /// nobody has leased, and the books close to zero.
    #[test]
    fn the_books_close(
        limit in 1i64..300,
        steps in proptest::collection::vec((0usize..2, step()), 1..300),
    ) {
        let clock = clock();
        let sides = [0, 1].map(|_| Counters::new(clock.now()));
        let counters = [0, 1].map(|side: usize| sides[side].counter(name(&clock)));
        let mut books = Books::default();
        let mut running: [Vec<i64>; 2] = Default::default();
        let mut ended = [0, 0];
        for (side, step) in steps {
            let counter = &counters[side];
            match step {
                Step::Begin { amount } => {
                    let lacks = counter.lacks(amount);
                    if lacks > 0 {
                        let leased = books.lease(side, lacks, limit);
                        let past = counter.past();
                        counter.leased(leased, limit, past, clock.now());
                    }
                    let unleased = limit - books.used - books.leases.iter().sum::<i64>();
                    match counter.take(amount) {
                        true => running[side].push(amount),
                        false => prop_assert!(unleased < lacks),
                    }
                }
                Step::End { which, share } => if !running[side].is_empty() {
                    let at = which.index(running[side].len());
                    let reserved = running[side].swap_remove(at);
                    let used = reserved * share / 100;
                    counter.settle(reserved, used);
                    ended[side] += used;
                },
                Step::Write => {
                    let used = std::mem::take(&mut ended[side]);
                    books.used += used;
                    books.leases[side] -= used;
                    counter.written(used);
                }
                Step::GiveUp => for idle in sides[side].idle() {
                    books.leases[side] -= idle.amount;
                },
            }
            prop_assert!(books.used + books.leases.iter().sum::<i64>() <= limit, "{books:?}");
            prop_assert!(books.leases.iter().all(|lease| *lease >= 0), "{books:?}");
            let taken: i64 = running.iter().flatten().sum::<i64>() + ended.iter().sum::<i64>();
            prop_assert!(books.used + taken <= limit);
        }
        for side in [0, 1] {
            for reserved in running[side].drain(..) {
                counters[side].settle(reserved, 0);
            }
            books.used += ended[side];
            books.leases[side] -= ended[side];
            counters[side].written(ended[side]);
            prop_assert_eq!(sides[side].reserved(), 0);
            sides[side].idle();
            for idle in sides[side].lost() {
                books.leases[side] -= idle.amount;
            }
            prop_assert_eq!(counters[side].unwritten(), 0);
        }
    }
}
