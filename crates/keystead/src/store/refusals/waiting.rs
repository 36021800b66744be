//! What was refused, on its way into the table: counted at once, written down now and then.

use std::{collections::HashMap, mem};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::Refused;
use crate::ids::{ApplicationId, OrganizationId};

/// Whose, and why.
type Name = (Option<(OrganizationId, ApplicationId)>, &'static str);

/// Counts what was refused since it was last taken.
#[derive(Debug, Default)]
pub(in crate::store) struct Waiting(Mutex<HashMap<Name, u64, RandomState>>);

impl Waiting {
    /// Counts one.
    pub(super) fn add(&self, of: Option<(OrganizationId, ApplicationId)>, code: &'static str) {
        self.add_many(of, code, 1);
    }

    fn add_many(
        &self,
        of: Option<(OrganizationId, ApplicationId)>,
        code: &'static str,
        count: u64,
    ) {
        let mut counts = self.0.lock();
        // Applications are made by hand and codes are ours, so this many are never reached but by a
        // store that has been away for long; what is beyond counts for nobody in particular.
        let of = of.filter(|_| counts.len() < MOST || counts.contains_key(&(of, code)));
        *counts.entry((of, code)).or_default() += count;
    }

    /// What was counted; it begins anew.
    pub(super) fn take(&self) -> Vec<Refused> {
        let counts = mem::take(&mut *self.0.lock());
        let refused = |((of, code), count)| Refused { of, code, count };
        counts.into_iter().map(refused).collect()
    }

    /// Takes back what could not be written.
    pub(super) fn give_back(&self, refused: Vec<Refused>) {
        for one in refused {
            self.add_many(one.of, one.code, one.count);
        }
    }
}

/// How many different counts are kept.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn nothing_is_lost_and_nothing_grows_without_end() {
        let (waiting, clock) = (Waiting::default(), Clock::system());
        let known = Some((OrganizationId::new(&clock), ApplicationId::new(&clock)));
        waiting.add(known, "rate_limited");
        waiting.add(None, "unauthenticated");
        waiting.add(known, "rate_limited");
        let taken = waiting.take();
        assert!(waiting.take().is_empty());
        waiting.add(known, "rate_limited");
        waiting.give_back(taken);
        let mut again = waiting.take();
        again.sort_by_key(|one| one.count);
        let counts: Vec<_> = again.iter().map(|one| (one.code, one.count)).collect();
        assert_eq!(counts, [("unauthenticated", 1), ("rate_limited", 3)]);

        for _ in 0..MOST + 100 {
            let of = Some((OrganizationId::new(&clock), ApplicationId::new(&clock)));
            waiting.add(of, "rate_limited");
        }
        let taken = waiting.take();
        assert!(taken.len() <= MOST + 1, "{}", taken.len());
        assert_eq!(taken.iter().map(|one| one.count).sum::<u64>(), 10_100);
    }
}
