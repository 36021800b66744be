//! Limits that several processes share, through a Redis or Valkey.
//!
//! ```text
//! a call ──> the sums of this process ──> one script in Redis ──> all of it, or nothing
//!                                             │ no answer in 50 ms
//!                                             └──> the sums of this process, at an Nth of each rule
//! ```
//!
//! | file | what |
//! |---|---|
//! | `mod` | what calls ask; nothing here waits for more than [`PATIENCE`] |
//! | `link` | the connection, on the control runtime: made, watched, made anew; and what nobody waits for |
//! | `key` | what things are called in Redis |
//! | `url` | where it is |
//! | `sum.lua` and beside it | the sums themselves, as Redis does them |
//!
//! After [`MOST_FAILURES`] questions in a row without an answer, or when the connection has ended, no
//! call asks any more until `link` has had an answer. What Redis holds ends by itself: a sum when nobody owes anything any more, a
//! running call when its process has not been heard of for half a minute.

mod key;
mod link;
mod url;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use keystead_vault::{MacKey, random};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, mpsc};

use super::{Charge, Full, Place, Wants, rule::nanos};
use crate::management::Metrics;

use self::{
    key::{Key, hex},
    link::Live,
};
pub use self::{
    link::{Away, Link, look},
    url::{BadSharedUrl, SharedUrl},
};

/// What this process and its calls are to those it shares limits with.
pub struct Shared {
    names: MacKey,
    /// This process.
    me: String,
    /// The connection, while there is one that answers.
    live: RwLock<Option<Arc<Live>>>,
    /// How many processes there were when it was last known, this one included.
    processes: AtomicU32,
    /// The running calls of this process, and where each of them counts.
    running: Mutex<HashMap<u64, Vec<Key>>>,
    calls: AtomicU64,
    errands: mpsc::UnboundedSender<Errand>,
    /// Told when calls have given the connection up.
    given_up: Notify,
    metrics: Metrics,
}

/// What Redis said.
pub(super) enum Answer<'a> {
    /// All was taken.
    Pass(Pass),
    /// Nothing was.
    Full(Full<'a>),
}

/// What is sent to Redis and not waited for.
enum Errand {
    /// A sum is to be so many nanoseconds more.
    Add(Key, i64),
    /// A call runs no more.
    Leave(u64, Vec<Key>),
}

/// A call that all processes count. When it is dropped it is counted as running no more.
pub(super) struct Pass {
    shared: Arc<Shared>,
    call: u64,
    running: Vec<Key>,
}

impl Shared {
    /// What is shared by those who have the same `names` key; and the link, which must run for
    /// anything to be shared.
    #[must_use]
    pub fn new(
        names: MacKey,
        place: SharedUrl,
        connector: crate::net::Connector,
        metrics: Metrics,
    ) -> (Arc<Self>, Link) {
        let (errands, waiting) = mpsc::unbounded_channel();
        metrics.shared_limits(false);
        let shared = Arc::new(Self {
            names,
            me: hex(&random::<16>()),
            live: RwLock::default(),
            processes: AtomicU32::new(1),
            running: Mutex::default(),
            calls: AtomicU64::default(),
            errands,
            given_up: Notify::new(),
            metrics,
        });
        let link = Link::new(shared.clone(), place, connector, waiting);
        (shared, link)
    }

    /// What a thing is called among those who share limits. A keyed hash: neither who a person is
    /// nor what an address is can be read in Redis.
    pub(super) fn name(&self, place: &Place) -> [u8; 16] {
        key::name(&self.names, place)
    }

    /// How many processes there were when it was last known.
    pub(super) fn processes(&self) -> i64 {
        i64::from(self.processes.load(Relaxed)).max(1)
    }

    /// Asks for all that a call wants; `None` when there is no answer in time.
    pub(super) async fn ask<'a>(
        self: &Arc<Self>,
        wants: Wants<'a>,
        now_ns: i64,
    ) -> Option<Answer<'a>> {
        let answer = match self.live() {
            Some(live) => self.ask_over(&live, wants, now_ns).await,
            None => None,
        };
        if answer.is_none() {
            self.metrics.shared_limits_fallback();
        }
        answer
    }

    async fn ask_over<'a>(
        self: &Arc<Self>,
        live: &Arc<Live>,
        wants: Wants<'a>,
        now_ns: i64,
    ) -> Option<Answer<'a>> {
        let running = wants.running.iter().copied().flatten();
        let keys = running.clone().map(|(bucket, _)| Key::running(bucket));
        let mut pass = Pass {
            shared: self.clone(),
            call: self.calls.fetch_add(1, Relaxed),
            running: keys.collect(),
        };
        let name = self.call_name(pass.call);
        let asked = live.admit(wants, &name, &pass.running);
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        let said = match answer.unwrap_or(Err(Away::Silent)) {
            Ok(answer) => answer,
            // What was asked may be done all the same: dropping the pass takes that back.
            Err(away) => {
                let failures = live.failures.fetch_add(1, AcqRel) + 1;
                if failures >= MOST_FAILURES || away == Away::Unreachable {
                    self.give_up(live, away);
                }
                return None;
            }
        };
        live.failures.store(0, Release);
        let mut charges = wants.charges.iter().copied().flatten();
        let Some(refused) = said.refused.checked_sub(1) else {
            let owed = charges.zip(said.owed_ns);
            owed.for_each(|(charge, owed_ns)| charge.learn(now_ns, owed_ns));
            pass.runs();
            return Some(Answer::Pass(pass));
        };
        pass.running.clear();
        let count = charges.clone().count();
        let rate = charges.nth(refused).map(|charge| {
            charge.learn(now_ns, said.wait_ns + charge.burst_ns() - charge.cost_ns());
            Full::Rate {
                charge,
                reset: nanos(said.wait_ns),
            }
        });
        let full = rate.or_else(|| {
            let (bucket, most) = running.clone().nth(refused.checked_sub(count)?)?;
            let most = *most;
            Some(Full::Running { bucket, most })
        });
        full.map(Answer::Full)
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.live.read().clone()
    }

    /// From now on calls are decided by this process alone, until the link has found back.
    fn give_up(&self, live: &Arc<Live>, away: Away) {
        let mut current = self.live.write();
        if current.as_ref().is_some_and(|now| Arc::ptr_eq(now, live)) {
            *current = None;
            drop(current);
            self.metrics.shared_limits(false);
            self.tell_away(away);
            self.given_up.notify_one();
        }
    }

    fn take_up(&self, live: &Arc<Live>) {
        *self.live.write() = Some(live.clone());
        self.metrics.shared_limits(true);
        let processes = self.processes();
        tracing::info!(processes, "Limits are shared with all processes");
    }

    fn tell_away(&self, away: Away) {
        let processes = self.processes();
        tracing::warn!(
            reason = %away,
            processes,
            "Limits can't be shared: this process holds its own part of each"
        );
    }

    fn call_name(&self, call: u64) -> String {
        format!("{}:{call:x}", self.me)
    }

    fn run_errand(&self, errand: Errand) {
        // Nobody would take it, and nobody could who has been away for so long.
        if self.live.read().is_some() {
            drop(self.errands.send(errand));
        }
    }
}

impl Pass {
    /// From now on the link says again and again that it runs.
    fn runs(&self) {
        if !self.running.is_empty() {
            let running = self.running.clone();
            self.shared.running.lock().insert(self.call, running);
        }
    }

    /// Adds to what is owed, or takes from it.
    pub(super) fn add(&self, charge: &Charge, more_ns: i64) {
        if more_ns != 0 {
            let errand = Errand::Add(Key::sum(charge), more_ns);
            self.shared.run_errand(errand);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.running.is_empty() {
            let running = std::mem::take(&mut self.running);
            self.shared.running.lock().remove(&self.call);
            self.shared.run_errand(Errand::Leave(self.call, running));
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("processes", &self.processes.load(Acquire))
            .finish_non_exhaustive()
    }
}

/// How long a call waits for an answer.
pub const PATIENCE: Duration = Duration::from_millis(50);
/// After so many questions in a row without an answer no call asks any more.
const MOST_FAILURES: u32 = 3;

#[cfg(test)]
mod tests;
