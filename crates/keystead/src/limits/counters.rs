//! Budgets in this process: what was leased of them, and what running calls hold of that.
//!
//! The store knows what was used, as the ledger's sums, and what each process has leased. A process
//! takes from its leases without asking; what a call took is reserved until it ends, then counted
//! as used until the ledger has it. In the store, leases and sums change in one transaction, so at
//! every moment
//!
//! ```text
//! used, as the ledger has it + all leases <= the budget
//! ```
//!
//! A lease lives for a minute unless it is renewed: what a process that was killed held is free
//! again after that.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::{Period, Unit, Window};
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId},
};

/// Whose budget it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Holder {
    /// The organization's.
    Organization,
    /// An application's.
    Application(ApplicationId),
    /// An AddOn's.
    AddOn(AddOnId),
    /// A provider key's.
    Key(KeyId),
    /// One end user's of an application.
    Subject(ApplicationId, [u8; 32]),
    /// One end user's of an AddOn.
    AddOnSubject(AddOnId, [u8; 32]),
}

/// One budget in one day or month.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CounterName {
    /// The tenant.
    pub organization: OrganizationId,
    /// Whose it is.
    pub holder: Holder,
    /// What it counts.
    pub unit: Unit,
    /// Whether it is of a day or of a month.
    pub period: Period,
    /// Which one.
    pub window: Window,
}

/// What the store said to a wish for more.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Leased {
    /// How much more this process may take; nothing when that would not do.
    pub extra: i64,
    /// What the ledger has.
    pub used: i64,
    /// What other processes have leased.
    pub elsewhere: i64,
}

/// What was used of a budget and goes into the ledger now.
#[derive(Clone, Copy, Debug)]
pub struct LeaseUse {
    /// The budget.
    pub name: CounterName,
    /// How much.
    pub amount: i64,
}

/// Why there is no room in a budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Room {
    /// There is room.
    Enough,
    /// There is not, but there would be if no other call were running.
    Reserved,
    /// There is not.
    Exhausted,
}

/// One budget of this process.
#[derive(Debug)]
pub struct Counter {
    /// Which one.
    pub name: CounterName,
    sums: Mutex<Sums>,
    /// Held by the one call that asks the store for more.
    pub asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Sums {
    /// Leased, less what the ledger has of it.
    granted: i64,
    /// Of that, what running calls reserved and what ended ones used.
    taken: i64,
    /// Of that, what ended ones used.
    used: i64,
    /// The last wish that the store did not fulfil.
    dry: Option<Dry>,
    past: Past,
    was_used: bool,
}

/// What has become of a counter so far, in numbers: told when the store is asked for more, and compared
/// when it answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Past {
    /// How often the ledger took something over.
    written: u64,
    /// How often the leases ended before they were renewed.
    lost: u64,
}

/// When the store had nothing to give, of a budget of this size, and why.
#[derive(Clone, Copy, Debug)]
struct Dry {
    at: Timestamp,
    limit: i64,
    used: i64,
}

/// All budgets of this process.
#[derive(Debug)]
pub struct Counters {
    /// Found by a quick hash: the names are ours, so nobody can choose some that collide.
    counters: Mutex<HashMap<CounterName, Arc<Counter>, RandomState>>,
    /// Until when the leases hold, in Unix microseconds.
    leased_until: AtomicI64,
}

impl Counter {
    /// Reserves `amount` if this process has leased as much.
    pub fn take(&self, amount: i64) -> bool {
        let mut sums = self.sums.lock();
        sums.was_used = true;
        let has_room = sums.granted - sums.taken >= amount;
        if has_room {
            sums.taken += amount;
        }
        has_room
    }

    /// Turns what was reserved into what was used; an end without use reserves no longer.
    pub fn settle(&self, reserved: i64, used: i64) {
        let mut sums = self.sums.lock();
        sums.taken += used - reserved;
        sums.used += used;
    }

    /// The ledger has it now, and the lease is so much smaller. A lease is never less than
    /// nothing, or what one call used too much could be leased a second time.
    pub fn written(&self, used: i64) {
        let mut sums = self.sums.lock();
        sums.granted = (sums.granted - used).max(0);
        sums.taken -= used;
        sums.used -= used;
        sums.past.written += 1;
        if let Some(dry) = &mut sums.dry {
            dry.used += used;
        }
    }

    /// How much more must be leased before `amount` can be taken.
    pub fn lacks(&self, amount: i64) -> i64 {
        let sums = self.sums.lock();
        (amount + sums.taken - sums.granted).max(0)
    }

    /// What has become of it, to be told with the store's answer to a wish.
    pub fn past(&self) -> Past {
        self.sums.lock().past
    }

    /// The store's answer to a wish, by a budget of `limit`, that was asked after this `past`. Did the
    /// ledger take something over since, then what the answer says was used may be without it, and tells
    /// nothing about why there is no more. Did the leases end since, then others may have this one too.
    pub fn leased(&self, leased: Leased, limit: i64, past: Past, now: Timestamp) {
        let mut sums = self.sums.lock();
        if sums.past.lost != past.lost {
            return;
        }
        sums.granted += leased.extra;
        let is_dry = leased.extra == 0 && sums.past == past;
        sums.dry = is_dry.then_some(Dry {
            at: now,
            limit,
            used: leased.used,
        });
    }

    /// Whether `amount` fits into a budget of `limit`, by what the store last said; `None` when
    /// it should be asked.
    pub fn room(&self, amount: i64, limit: i64, now: Timestamp) -> Option<Room> {
        let sums = self.sums.lock();
        if sums.granted - sums.taken >= amount {
            return Some(Room::Enough);
        }
        let dry = sums.dry.filter(|dry| dry.limit == limit)?;
        if now.since(dry.at) > DRY {
            return None;
        }
        Some(match dry.used + sums.used + amount > limit {
            true => Room::Exhausted,
            false => Room::Reserved,
        })
    }

    /// What running calls hold.
    pub fn reserved(&self) -> i64 {
        let sums = self.sums.lock();
        sums.taken - sums.used
    }

    /// What was used and is not in the ledger yet.
    pub fn unwritten(&self) -> i64 {
        self.sums.lock().used
    }

    /// What is leased and not taken.
    pub fn idle(&self) -> i64 {
        let sums = self.sums.lock();
        (sums.granted - sums.taken).max(0)
    }

    /// Gives up what is leased and not taken, if nobody asked since the last time or the leases ended.
    fn give_up(&self, is_lost: bool) -> i64 {
        let mut sums = self.sums.lock();
        sums.past.lost += u64::from(is_lost);
        if std::mem::take(&mut sums.was_used) && !is_lost {
            return 0;
        }
        let idle = (sums.granted - sums.taken).max(0);
        sums.granted -= idle;
        idle
    }
}

impl Counters {
    /// None yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            counters: Mutex::default(),
            leased_until: AtomicI64::new((now + LEASE).as_micros()),
        }
    }

    /// The counter of a budget.
    pub fn counter(&self, name: CounterName) -> Arc<Counter> {
        let mut counters = self.counters.lock();
        let make = || {
            Arc::new(Counter {
                name,
                sums: Mutex::default(),
                asking: tokio::sync::Mutex::default(),
            })
        };
        counters.entry(name).or_insert_with(make).clone()
    }

    /// The counter of a budget, if this process has one.
    pub fn find(&self, name: &CounterName) -> Option<Arc<Counter>> {
        self.counters.lock().get(name).cloned()
    }

    /// Whether this process may still take from its leases. A little before their end it may not:
    /// clocks differ.
    pub fn holds(&self, now: Timestamp) -> bool {
        now + MARGIN < Timestamp::from_micros(self.leased_until.load(Relaxed))
    }

    /// The leases were renewed at `now`.
    pub fn renewed(&self, now: Timestamp) {
        self.leased_until.store((now + LEASE).as_micros(), Relaxed);
    }

    /// What nobody asked for since the last time: it is taken back here and should be given back
    /// to the store.
    pub fn idle(&self) -> Vec<LeaseUse> {
        self.taken_back(false)
    }

    /// The leases ended before they were renewed, and others may have what was in them: what
    /// running calls hold is all that is left, and should be leased anew.
    pub fn lost(&self) -> Vec<LeaseUse> {
        self.taken_back(true);
        let counters = self.counters.lock();
        let held = |counter: &Arc<Counter>| LeaseUse {
            name: counter.name,
            amount: counter.sums.lock().granted,
        };
        let held = counters.values().map(held);
        held.filter(|lease| lease.amount > 0).collect()
    }

    fn taken_back(&self, is_lost: bool) -> Vec<LeaseUse> {
        let mut counters = self.counters.lock();
        let mut idle = Vec::new();
        counters.retain(|name, counter| {
            let amount = counter.give_up(is_lost);
            if amount != 0 {
                idle.push(LeaseUse {
                    name: *name,
                    amount,
                });
            }
            let sums = counter.sums.lock();
            Arc::strong_count(counter) > 1 || sums.granted != 0 || sums.taken != 0 || sums.was_used
        });
        idle
    }

    /// The sum of what running calls hold, in whatever units: zero when none runs.
    pub fn reserved(&self) -> i64 {
        let counters = self.counters.lock();
        counters.values().map(|counter| counter.reserved()).sum()
    }
}

/// How long a lease lives unless it is renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(60);
/// How much earlier than the store this process takes its leases to be over.
const MARGIN: Duration = Duration::from_secs(5);
/// How long the store is not asked again after it had nothing to give.
const DRY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
