//! Rates, tokens a minute and running calls: may this call start now?
//!
//! One interface, [`Limiter::admit`]: all of the charges or none. The sum is the generic cell rate
//! algorithm (GCRA, as ITU-T I.371 calls it): one integer a key, the theoretical arrival time of
//! the next call. Processes that share their limits do the same sum in one script
//! ([`sharing`](super::sharing)).

use std::{
    collections::HashMap,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Left, Rule, Shared, rule::nanos};

/// What a rule counts by. The words appear in refusals and in the configuration.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// One access token.
    Token,
    /// One end user of one application.
    Subject,
    /// One AddOn.
    AddOn,
    /// One application.
    Application,
    /// One organization.
    Organization,
    /// One provider key.
    Key,
    /// One client address.
    Address,
}

impl Scope {
    /// What people call it.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Token => "access token",
            Self::Subject => "end user",
            Self::AddOn => "AddOn",
            Self::Application => "application",
            Self::Organization => "organization",
            Self::Key => "provider key",
            Self::Address => "client address",
        }
    }

    /// The stable word for it, in settings and answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Subject => "subject",
            Self::AddOn => "addon",
            Self::Application => "application",
            Self::Organization => "organization",
            Self::Key => "key",
            Self::Address => "address",
        }
    }
}

/// One thing that is counted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    /// What kind of thing.
    pub scope: Scope,
    /// Within which AddOn or application it is counted apart; zeros for none.
    pub within: [u8; 16],
    /// Which one.
    pub id: [u8; 16],
}

impl Place {
    /// A thing that is counted as a whole.
    #[must_use]
    pub const fn of(scope: Scope, id: [u8; 16]) -> Self {
        Self {
            scope,
            within: [0; 16],
            id,
        }
    }
}

/// The sums of one thing: a call of a user who was away brings one line of memory for them, and not two.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Sums {
    /// Theoretical arrival times: calls by their four periods, then tokens.
    arrivals_ns: [AtomicI64; 5],
    running: AtomicU32,
    /// Where processes share limits.
    shared: Option<Box<SharedSums>>,
}

/// What is known of the sums of one thing over all processes that share limits.
#[derive(Debug, Default)]
struct SharedSums {
    /// What the thing is called among them.
    name: [u8; 16],
    /// Their arrival times, when that was last known.
    arrivals_ns: [AtomicI64; 5],
}

/// The state of one thing, shared by whoever charges it. Equal is what has the same state.
#[derive(Clone, Debug)]
pub struct Bucket {
    scope: Scope,
    sums: Arc<Sums>,
}

/// A cost against a bucket under a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// Whom it counts against.
    pub bucket: Bucket,
    /// The rule that holds there.
    pub rule: Rule,
    /// How many calls or tokens it is worth.
    pub cost: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// All charges were taken.
    All,
    /// None was.
    Refused {
        /// In which of the lists is the charge that said no.
        list: usize,
        /// Which of it.
        charge: usize,
        /// When it would say yes.
        reset: Duration,
    },
}

/// The limits of one process.
#[derive(Debug)]
pub struct Limiter {
    start: Instant,
    shards: [Mutex<Shard>; 16],
    pub(super) shared: Option<Arc<Shared>>,
}

type Shard = HashMap<Place, Arc<Sums>>;

impl Default for Limiter {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Limiter {
    /// The limits of a process that has carried no call yet.
    #[must_use]
    pub fn new(shared: Option<Arc<Shared>>) -> Self {
        Self {
            start: Instant::now(),
            shards: Default::default(),
            shared,
        }
    }

    /// The bucket of a thing; the same one for everybody who asks while anyone holds it or it
    /// still counts against someone.
    pub fn bucket(&self, place: Place) -> Bucket {
        let shard = &self.shards[usize::from(place.id[15] & 15)];
        let make = || {
            let shared = self.shared.as_ref().map(|shared| SharedSums {
                name: shared.name(&place),
                ..SharedSums::default()
            });
            Arc::new(Sums {
                shared: shared.map(Box::new),
                ..Sums::default()
            })
        };
        let sums = shard.lock().entry(place).or_insert_with(make).clone();
        Bucket {
            scope: place.scope,
            sums,
        }
    }

    /// How long it is until [`admit`](Self::admit) would take a charge; takes nothing.
    pub fn look(&self, charge: &Charge) -> Duration {
        let step = charge.look(self.now_ns(), 1);
        step.map_or_else(nanos, |_| Duration::ZERO)
    }

    /// What is left under the rule of a charge, by the sums of this process; `None` where processes
    /// share their limits, of which this one alone can't tell.
    pub fn left(&self, charge: &Charge) -> Option<Left> {
        let owed_ns = charge.arrival_ns().load(Relaxed) - self.now_ns();
        self.shared.is_none().then(|| charge.rule.left(owed_ns))
    }

    /// Takes all charges by the sums of this process, each counted `weight` times, or none and
    /// says which one refused.
    pub(super) fn take(&self, lists: &[&[Charge]], weight: i64) -> Verdict {
        take_at(self.now_ns(), lists, weight)
    }

    /// Forgets buckets that nobody holds and that count against nobody any more.
    pub fn sweep(&self) {
        let now_ns = self.now_ns();
        let owes = |sums: &Sums| {
            let mut arrivals = sums.arrivals_ns.iter();
            arrivals.any(|arrival| arrival.load(Relaxed) > now_ns)
        };
        for shard in &self.shards {
            shard
                .lock()
                .retain(|_, sums| Arc::strong_count(sums) > 1 || owes(sums));
        }
    }

    pub(super) fn now_ns(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }
}

/// The sum itself: a pure function of the buckets and a moment.
///
/// Every bucket is looked at before anything is taken of one: what is full then costs nothing, and the
/// buckets of a user who was away come from memory all at once.
pub(super) fn take_at(now_ns: i64, lists: &[&[Charge]], weight: i64) -> Verdict {
    let look = |charge: &Charge| charge.look(now_ns, weight).map(drop);
    if let Some(refusal) = first_refusal(lists, look) {
        return refusal;
    }
    let refusal = first_refusal(lists, |charge| charge.take(now_ns, weight));
    if let Some(Verdict::Refused { list, charge, .. }) = refusal {
        give_back(&[&lists[list][..charge]], weight);
        give_back(&lists[..list], weight);
    }
    refusal.unwrap_or(Verdict::All)
}

fn first_refusal(
    lists: &[&[Charge]],
    mut ask: impl FnMut(&Charge) -> Result<(), i64>,
) -> Option<Verdict> {
    for (list, charges) in lists.iter().enumerate() {
        for (charge, asked) in charges.iter().enumerate() {
            if let Err(wait_ns) = ask(asked) {
                return Some(Verdict::Refused {
                    list,
                    charge,
                    reset: nanos(wait_ns),
                });
            }
        }
    }
    None
}

/// Gives back what was taken for a call that is refused after all.
pub(super) fn give_back(lists: &[&[Charge]], weight: i64) {
    for charge in lists.iter().copied().flatten() {
        charge.give_back(weight);
    }
}

impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.sums, &other.sums)
    }
}

impl Bucket {
    /// What kind of thing it counts.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Counts a call as running, unless `most` run already.
    #[must_use]
    pub fn enter(&self, most: u32) -> bool {
        let enter = |now: u32| (now < most).then_some(now + 1);
        let entered = self.sums.running.fetch_update(Relaxed, Relaxed, enter);
        entered.is_ok()
    }

    /// Counts it no more.
    pub fn leave(&self) {
        self.sums.running.fetch_sub(1, Relaxed);
    }

    /// How many run.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.sums.running.load(Relaxed)
    }

    /// What processes that share limits call it; zeros where none do.
    pub(super) fn name(&self) -> &[u8; 16] {
        let shared = self.sums.shared.as_ref();
        shared.map_or(&[0; 16], |shared| &shared.name)
    }
}

impl Charge {
    /// The same charge at another cost.
    #[must_use]
    pub fn worth(&self, cost: u32) -> Self {
        Self {
            cost,
            ..self.clone()
        }
    }

    /// Looks at its sum for nothing but to have it near when it is charged: that of a user who was away
    /// comes from far.
    pub fn fetch(&self) {
        black_box(self.arrival_ns().load(Relaxed));
    }

    /// Corrects what was taken to `cost`, now that it is known. More than was taken may put the
    /// bucket into debt, which later calls wait for.
    pub(super) fn settle(&self, cost: u64, weight: i64) {
        let more_ns = self.more_ns(cost).saturating_mul(weight);
        self.arrival_ns().fetch_add(more_ns, Relaxed);
    }

    /// How much more than what was taken a cost is.
    pub(super) fn more_ns(&self, cost: u64) -> i64 {
        self.ns_of(cost) - self.cost_ns()
    }

    /// Notes what all processes together owed at a moment.
    pub(super) fn learn(&self, at_ns: i64, owed_ns: i64) {
        if let Some(shared) = &self.bucket.sums.shared {
            let known = &shared.arrivals_ns[self.sum()];
            known.store(at_ns.saturating_add(owed_ns), Relaxed);
        }
    }

    /// What is owed at a moment, by this process's own sum.
    #[cfg(test)]
    pub(super) fn owed_at(&self, now_ns: i64) -> i64 {
        self.arrival_ns().load(Relaxed) - now_ns
    }

    /// From now on this process's own sum counts what all had used when that was last known.
    pub(super) fn recall(&self) {
        if let Some(shared) = &self.bucket.sums.shared {
            let known_ns = shared.arrivals_ns[self.sum()].load(Relaxed);
            self.arrival_ns().fetch_max(known_ns, Relaxed);
        }
    }

    /// What [`step`](Self::step) says now.
    fn look(&self, now_ns: i64, weight: i64) -> Result<i64, i64> {
        self.step(now_ns, self.arrival_ns().load(Relaxed), weight)
    }

    fn take(&self, now_ns: i64, weight: i64) -> Result<(), i64> {
        let mut wait_ns = 0;
        let step = |arrival: i64| match self.step(now_ns, arrival, weight) {
            Ok(next) => Some(next),
            Err(wait) => {
                wait_ns = wait;
                None
            }
        };
        let taken = self.arrival_ns().fetch_update(Relaxed, Relaxed, step);
        taken.map(drop).map_err(|_| wait_ns)
    }

    /// The next arrival time, or how long it is until there is one. One of so many processes that
    /// can't ask each other counts a call that often, and so holds its part of the rule; where
    /// that part is less than one call, single calls pass.
    fn step(&self, now_ns: i64, arrival_ns: i64, weight: i64) -> Result<i64, i64> {
        let cost_ns = self.cost_ns().saturating_mul(weight);
        let next = arrival_ns.max(now_ns).saturating_add(cost_ns);
        let latest = now_ns.saturating_add(self.rule.burst_ns);
        if next <= latest || arrival_ns <= now_ns {
            Ok(next)
        } else {
            Err((next - latest).min(arrival_ns - now_ns))
        }
    }

    fn give_back(&self, weight: i64) {
        let cost_ns = self.cost_ns().saturating_mul(weight);
        self.arrival_ns().fetch_sub(cost_ns, Relaxed);
    }

    fn arrival_ns(&self) -> &AtomicI64 {
        &self.bucket.sums.arrivals_ns[self.sum()]
    }

    /// Which of the bucket's sums it is about.
    pub(super) fn sum(&self) -> usize {
        self.rule.sum()
    }

    pub(super) fn burst_ns(&self) -> i64 {
        self.rule.burst_ns
    }

    /// A call that is worth more than a whole burst takes all of it, and so passes alone.
    pub(super) fn cost_ns(&self) -> i64 {
        self.ns_of(u64::from(self.cost)).min(self.rule.burst_ns)
    }

    fn ns_of(&self, cost: u64) -> i64 {
        let cost = i64::try_from(cost).unwrap_or(i64::MAX);
        self.rule.interval_ns.saturating_mul(cost).min(A_DAY_NS)
    }
}

/// The longest debt: whatever a provider reports, a bucket is free again after a day.
const A_DAY_NS: i64 = 86_400_000_000_000;

#[cfg(test)]
mod tests;
