//! What is written down of a call: one row an attempt, no prompt, no answer, no address.
//!
//! Each core books its attempts at a [`Desk`] of its own, where they become pages and sums at once; the
//! control runtime writes those in batches ([`Ledger::run`]). When the store is away they wait, up to a
//! bound; past it calls are refused rather than lost from the books.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::timeout;

use super::{budget::Settled, refusal::Refusal};
use crate::{
    limits::LeaseUse,
    store::{Batch, Booked, ProcessId, Store, UsageRow},
};

/// How many rows may wait for the store.
const MOST_WAITING: usize = 100_000;
/// How often they are written; at most a second may be unwritten.
const INTERVAL: Duration = Duration::from_millis(250);
/// How long the store may take for a batch the first time.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many go into one batch.
const MOST_AT_ONCE: usize = 25_000;

/// The rows that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    desks: Mutex<Vec<Arc<Desk>>>,
    /// The batch that is being written. It stays as it is until the store has it, whatever becomes of the
    /// task that writes: only what is sent again unchanged counts once.
    writing: tokio::sync::Mutex<Option<Writing>>,
    /// How many rows there are at all desks and in the batch.
    count: Arc<AtomicUsize>,
    process: ProcessId,
}

/// Where the calls of one core are booked.
#[derive(Debug)]
pub(super) struct Desk {
    /// As they came, each no more than a batch may be.
    waiting: Mutex<VecDeque<Waiting>>,
    count: Arc<AtomicUsize>,
}

/// Rows, and what they used of budgets.
#[derive(Debug, Default)]
struct Waiting {
    rows: Booked,
    settled: Vec<Settled>,
}

/// A batch, and the budgets that are to be told when the store has it.
#[derive(Debug)]
struct Writing {
    batch: Batch,
    count: usize,
    settled: Vec<Settled>,
    patience: Duration,
}

impl Ledger {
    /// The ledger of one process.
    pub(super) fn new(process: ProcessId) -> Self {
        Self {
            process,
            ..Self::default()
        }
    }

    /// Another desk, for as long as the process runs.
    pub(super) fn desk(&self) -> Arc<Desk> {
        let desk = Arc::new(Desk {
            waiting: Mutex::default(),
            count: self.count.clone(),
        });
        self.desks.lock().push(desk.clone());
        desk
    }

    /// Whether another call can still be written down.
    ///
    /// # Errors
    ///
    /// [`Refusal::LedgerFull`] when too many rows wait already.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.count.load(Relaxed) < MOST_WAITING {
            Ok(())
        } else {
            Err(Refusal::LedgerFull)
        }
    }

    /// How many rows wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Writes what waits, again and again, until the task is ended.
    pub(super) async fn run(&self, store: &Store) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.flush(store).await;
        }
    }

    /// Writes what waits now. A batch that can't be written waits for the next time, and all that
    /// came after it as well.
    pub(super) async fn flush(&self, store: &Store) {
        let mut writing = self.writing.lock().await;
        if !self.write(&mut writing, store).await {
            return;
        }
        // What comes meanwhile waits for the next time.
        let mut left = self.waiting();
        while left > 0 {
            *writing = self.collect();
            let Some(Writing { count, .. }) = &*writing else {
                return;
            };
            left = left.saturating_sub(*count);
            if !self.write(&mut writing, store).await {
                return;
            }
        }
    }

    /// What waits at all desks, as one batch if it is not more than that may be: an end user's sums are
    /// added to once.
    fn collect(&self) -> Option<Writing> {
        let (mut parts, mut settled, mut count) = (Vec::new(), Vec::new(), 0);
        for desk in self.desks.lock().iter() {
            let mut waiting = desk.waiting.lock();
            while let Some(piece) =
                waiting.pop_front_if(|piece| count + piece.rows.count() <= MOST_AT_ONCE)
            {
                count += piece.rows.count();
                parts.push(piece.rows);
                settled.extend(piece.settled);
            }
        }
        (!parts.is_empty()).then(|| Writing::of(parts, settled, self.process))
    }

    /// Writes the batch, if there is one; false if it could not be written.
    async fn write(&self, writing: &mut Option<Writing>, store: &Store) -> bool {
        let Some(Writing {
            batch,
            count,
            settled,
            patience,
        }) = writing
        else {
            return true;
        };
        let rows = self.count.load(Relaxed);
        match timeout(*patience, store.append_usage(batch)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, rows, "Usage rows could not be written");
                return false;
            }
            Err(_) => {
                // Mostly a line that died in between; a store that is slow gets more time.
                *patience *= 2;
                tracing::warn!(rows, "Usage rows could not be written in time");
                return false;
            }
        }
        self.count.fetch_sub(*count, Relaxed);
        for part in settled {
            part.counter.written(part.amount);
        }
        *writing = None;
        true
    }
}

impl Desk {
    /// Books a row, and what it used of budgets.
    pub(super) fn book(&self, row: UsageRow, settled: Vec<Settled>) {
        self.count.fetch_add(1, Relaxed);
        let mut waiting = self.waiting.lock();
        let last = waiting.back_mut();
        match last.filter(|piece| piece.rows.count() < MOST_AT_ONCE) {
            Some(piece) => piece.add(row, settled),
            None => {
                let mut piece = Waiting::default();
                piece.add(row, settled);
                waiting.push_back(piece);
            }
        }
    }
}

impl Waiting {
    fn add(&mut self, row: UsageRow, settled: Vec<Settled>) {
        self.rows.add(row);
        self.settled.extend(settled);
    }
}

impl Writing {
    fn of(parts: Vec<Booked>, settled: Vec<Settled>, process: ProcessId) -> Self {
        // In one order, so that two processes never wait for each other.
        let mut used: BTreeMap<_, i64> = BTreeMap::new();
        for part in &settled {
            *used.entry(part.counter.name).or_default() += part.amount;
        }
        let leases = used.into_iter();
        let leases = leases.map(|(name, amount)| LeaseUse { name, amount });
        Self {
            count: parts.iter().map(Booked::count).sum(),
            batch: Batch {
                parts,
                process,
                leases: leases.collect(),
            },
            settled,
            patience: PATIENCE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::attempt::Outcome;

    #[test]
    fn what_is_booked_at_any_desk_is_in_a_batch_and_none_is_too_large() {
        let row = |number| UsageRow {
            attempt: number,
            ..UsageRow::blank([0; 16].into())
        };
        let ledger = Ledger::default();
        let desks = [ledger.desk(), ledger.desk(), ledger.desk()];
        (0..30_000).for_each(|number| desks[0].book(row(number), Vec::new()));
        desks[2].book(row(7), Vec::new());

        for parts in [vec![25_000], vec![5_000, 1]] {
            let writing = ledger.collect().unwrap();
            let counts = writing.batch.parts.iter().map(Booked::count);
            assert_eq!(counts.collect::<Vec<_>>(), parts);
            assert_eq!(writing.count, parts.iter().sum::<usize>());
        }
        assert!(ledger.collect().is_none());
        assert_eq!(ledger.waiting(), 30_001);
    }

    /// The store counts by the words that attempts end with.
    #[test]
    fn how_an_attempt_ended_says_whether_it_worked_and_whether_it_failed() {
        for (outcome, status, has_worked, has_failed) in [
            (Outcome::Answered, Some(200), true, false),
            (Outcome::Answered, Some(302), true, false),
            (Outcome::Answered, Some(400), true, true),
            (Outcome::Refused, Some(429), false, true),
            (Outcome::Unreachable, None, false, true),
            (Outcome::BrokenOff, Some(200), true, true),
            (Outcome::ClientLeft, None, true, true),
            (Outcome::Silent, Some(200), true, true),
            (Outcome::Revoked, None, true, true),
            (Outcome::Stopped, None, true, true),
        ] {
            let row = UsageRow {
                outcome: outcome.word(),
                status,
                ..UsageRow::blank([0; 16].into())
            };
            let told = (row.may_have_worked(), row.has_failed());
            assert_eq!(told, (has_worked, has_failed), "{outcome:?} {status:?}");
        }
    }
}
