//! Slows guessing down and locks nobody out.
//!
//! Each try counts against whoever is tried and against where it comes from; a try that succeeds does
//! not. After some tries one must wait, twice as long each time, up to a bound: a minute for one
//! address range and account, a few seconds for an account as a whole, so that strangers can't keep its
//! owner out. Waiting is per process and kept in memory: what a restart forgets is a minute's worth.

use std::{collections::HashMap, fmt, net::IpAddr, time::Duration};

use parking_lot::Mutex;

use crate::{clock::Timestamp, ids::AccountId};

/// What tries are counted by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Counted {
    /// An e-mail address, by its keyed hash, whether it has an account or not.
    Account([u8; 32]),
    /// The same from one address range.
    AccountFrom([u8; 32], Range),
    /// An address range.
    From(Range),
    /// The codes of an account: whoever is asked for one has given the password.
    Code(AccountId),
}

/// Where a request comes from, as wide as one customer of a provider usually has: /24 or /48.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct Range([u8; 6]);

/// It is most of an address, so it does not print.
impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Range(..)")
    }
}

impl Range {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [first, second, third, _] = address.octets();
                Self([4, first, second, third, 0, 0])
            }
            IpAddr::V6(address) => {
                let mut range = [0; 6];
                range.copy_from_slice(&address.octets()[..6]);
                Self(range)
            }
        }
    }
}

impl Counted {
    /// How many tries are free, and how long one waits at most after that.
    const fn rule(self) -> (u32, Duration) {
        match self {
            Self::Account(_) => (10, Duration::from_secs(5)),
            Self::AccountFrom(..) => (5, Duration::from_secs(60)),
            Self::From(_) => (50, Duration::from_secs(60)),
            Self::Code(_) => (5, Duration::from_secs(300)),
        }
    }
}

/// Tries that are remembered.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<Counted, Tries>>);

#[derive(Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

/// After this long without a try, none is remembered.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// More are not remembered: the oldest go.
const MOST: usize = 20_000;

impl Throttle {
    /// Counts a try, unless one must wait: then says how long.
    pub(super) fn admit(&self, counted: &[Counted], now: Timestamp) -> Result<(), Duration> {
        let mut tries = self.0.lock();
        let wait = counted
            .iter()
            .filter_map(|one| Some(tries.get(one)?.wait(*one, now)))
            .max()
            .unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        if tries.len() + counted.len() > MOST {
            forget(&mut tries, now);
        }
        for one in counted {
            let entry = tries.entry(*one).or_insert(Tries {
                count: 0,
                last: now,
            });
            if now.since(entry.last) >= REMEMBERED {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
        }
        Ok(())
    }

    /// The try was right: it does not count, and the account's earlier ones are forgotten.
    pub(super) fn succeeded(&self, counted: &[Counted]) {
        let mut tries = self.0.lock();
        for one in counted {
            match one {
                Counted::From(_) => {
                    if let Some(entry) = tries.get_mut(one) {
                        entry.count = entry.count.saturating_sub(1);
                    }
                }
                _ => {
                    tries.remove(one);
                }
            }
        }
    }
}

impl Tries {
    fn wait(self, counted: Counted, now: Timestamp) -> Duration {
        let (free, most) = counted.rule();
        let passed = now.since(self.last);
        if self.count < free || passed >= REMEMBERED {
            return Duration::ZERO;
        }
        let doubled = Duration::from_secs(1 << (self.count - free).min(16));
        doubled.min(most).saturating_sub(passed)
    }
}

fn forget(tries: &mut HashMap<Counted, Tries>, now: Timestamp) {
    tries.retain(|_, entry| now.since(entry.last) < REMEMBERED);
    if tries.len() < MOST / 2 {
        return;
    }
    let mut times: Vec<Timestamp> = tries.values().map(|entry| entry.last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    tries.retain(|_, entry| entry.last > median);
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttle(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    fn from(text: &str) -> Range {
        Range::of(text.parse().unwrap())
    }

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    #[test]
    fn one_waits_longer_after_each_try_and_never_for_long() {
        let throttle = Throttle::default();
        let keys = [Counted::AccountFrom([1; 32], from("192.0.2.1"))];
        for _ in 0..5 {
            assert_eq!(throttle.admit(&keys, at(0)), Ok(()));
        }
        let mut now = START;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let wait = throttle.admit(&keys, now).unwrap_err();
            waits.push(wait.as_secs());
            now = now + wait;
            assert_eq!(throttle.admit(&keys, now), Ok(()));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.admit(&keys, now + REMEMBERED), Ok(()), "forgotten");
        assert_eq!(throttle.admit(&keys, now + REMEMBERED), Ok(()));
    }

    #[test]
    fn strangers_cannot_keep_an_owner_out() {
        let throttle = Throttle::default();
        let strangers = [
            Counted::Account([1; 32]),
            Counted::AccountFrom([1; 32], from("198.51.100.1")),
        ];
        let mut now = START;
        for _ in 0..1_000 {
            if let Err(wait) = throttle.admit(&strangers, now) {
                now = now + wait;
                throttle.admit(&strangers, now).unwrap();
            }
        }
        let owner = [
            Counted::Account([1; 32]),
            Counted::AccountFrom([1; 32], from("192.0.2.1")),
        ];
        let wait = throttle.admit(&owner, now).expect_err("a moment");
        assert!(wait <= Duration::from_secs(5), "{wait:?}");
        assert_eq!(throttle.admit(&owner, now + wait), Ok(()));
    }

    #[test]
    fn what_succeeds_does_not_count() {
        let throttle = Throttle::default();
        let office = from("192.0.2.1");
        for person in 0..100 {
            let keys = [
                Counted::AccountFrom([person; 32], office),
                Counted::From(office),
            ];
            assert_eq!(throttle.admit(&keys, START), Ok(()), "{person}");
            throttle.succeeded(&keys);
        }
    }

    #[test]
    fn a_range_is_a_network_and_what_is_remembered_has_a_bound() {
        assert_eq!(from("192.0.2.1"), from("192.0.2.200"));
        assert_eq!(from("192.0.2.1"), from("::ffff:192.0.2.7"));
        assert_ne!(from("192.0.2.1"), from("192.0.3.1"));
        assert_eq!(from("2001:db8:1:2::1"), from("2001:db8:1:ffff::9"));
        assert_ne!(from("2001:db8:1::1"), from("2001:db8:2::1"));
        let throttle = Throttle::default();
        for number in 0..50_000_u64 {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            let now = START + Duration::from_micros(number);
            _ = throttle.admit(&[Counted::Account(hash)], now);
        }
        assert!(throttle.0.lock().len() <= MOST);
    }
}
