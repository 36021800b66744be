//! What is written down of a call: one row an attempt, no prompt, no answer, no address.
//!
//! Rows are handed over here and written in batches by the control runtime ([`Ledger::run`]).
//! When the store is away they wait, up to a bound; past it calls are refused rather than lost
//! from the books.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::timeout;

use super::{budget::Settled, refusal::Refusal};
use crate::{
    limits::LeaseUse,
    store::{Batch, ProcessId, Store, UsageRow},
};

/// How many rows may wait for the store.
const MOST_WAITING: usize = 100_000;
/// How often they are written; at most a second may be unwritten.
const INTERVAL: Duration = Duration::from_millis(250);
/// How long the store may take for a batch the first time.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many go into one batch: all of an interval, so that an end user's sums are added to once.
const MOST_AT_ONCE: usize = 25_000;

/// The rows that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    waiting: Mutex<Waiting>,
    /// Batches that are being written. A batch stays as it is until the store has it, whatever
    /// becomes of the task that writes: only what is sent again unchanged counts once.
    writing: tokio::sync::Mutex<VecDeque<Writing>>,
    /// How many rows there are in both.
    count: AtomicUsize,
    process: ProcessId,
}

/// What is not being written yet.
#[derive(Debug, Default)]
struct Waiting {
    /// In the pieces that will be batches.
    pieces: Vec<Piece>,
    /// The room of rows that were written. To ask the system for as much anew takes longer than to write
    /// a row there.
    room: Vec<UsageRow>,
}

/// Rows, and what they used of budgets.
#[derive(Debug, Default)]
struct Piece {
    rows: Vec<UsageRow>,
    settled: Vec<Settled>,
}

/// A batch, and the budgets that are to be told when the store has it.
#[derive(Debug)]
struct Writing {
    batch: Batch,
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

    /// Hands over a row, and what it used of budgets.
    pub(super) fn push(&self, row: UsageRow, settled: Vec<Settled>) {
        self.count.fetch_add(1, Relaxed);
        let Waiting { pieces, room } = &mut *self.waiting.lock();
        match pieces.last_mut() {
            Some(last) if last.rows.len() < MOST_AT_ONCE => {
                last.rows.push(row);
                last.settled.extend(settled);
            }
            _ => {
                let mut rows = std::mem::take(room);
                rows.push(row);
                pieces.push(Piece { rows, settled });
            }
        }
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
        if self.write(&mut writing, store).await {
            let pieces = self.take();
            let batches = pieces.into_iter();
            *writing = batches
                .map(|piece| Writing::of(piece, self.process))
                .collect();
            self.write(&mut writing, store).await;
        }
    }

    fn take(&self) -> Vec<Piece> {
        let Waiting { pieces, room } = &mut *self.waiting.lock();
        if pieces.is_empty() {
            // Nothing is going on.
            *room = Vec::new();
        }
        std::mem::take(pieces)
    }

    /// Keeps the room of a batch, unless it is much more than the batch took.
    fn keep(&self, mut rows: Vec<UsageRow>) {
        if rows.capacity() <= 4 * rows.len() {
            rows.clear();
            self.waiting.lock().room = rows;
        }
    }

    /// Writes batches until none is left; false if one could not be written.
    async fn write(&self, batches: &mut VecDeque<Writing>, store: &Store) -> bool {
        while let Some(Writing {
            batch,
            settled,
            patience,
        }) = batches.front_mut()
        {
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
            self.count.fetch_sub(batch.rows.len(), Relaxed);
            for part in settled {
                part.counter.written(part.amount);
            }
            self.keep(std::mem::take(&mut batch.rows));
            batches.pop_front();
        }
        true
    }
}

impl Writing {
    fn of(Piece { rows, settled }: Piece, process: ProcessId) -> Self {
        // In one order, so that two processes never wait for each other.
        let mut used: BTreeMap<_, i64> = BTreeMap::new();
        for part in &settled {
            *used.entry(part.counter.name).or_default() += part.amount;
        }
        let leases = used.into_iter();
        let leases = leases.map(|(name, amount)| LeaseUse { name, amount });
        let batch = Batch {
            rows,
            process,
            leases: leases.collect(),
        };
        Self {
            batch,
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
    fn a_batch_is_no_larger_than_it_may_be_and_no_row_is_lost() {
        for count in [0, 1, 24_999, 25_000, 25_001, 50_000, 62_345] {
            let row = |number| UsageRow {
                attempt: number,
                ..UsageRow::blank([0; 16].into())
            };
            let ledger = Ledger::default();
            (0..count).for_each(|number| ledger.push(row(number), Vec::new()));

            let batches = ledger.take();

            let sizes = batches.iter().map(|piece| piece.rows.len());
            assert!(sizes.clone().all(|size| (1..=MOST_AT_ONCE).contains(&size)));
            assert_eq!(
                sizes.len(),
                usize::try_from(count).unwrap().div_ceil(25_000)
            );
            let numbers = batches.iter().flat_map(|piece| &piece.rows);
            assert!(numbers.map(|row| row.attempt).eq(0..count), "{count}");
        }
    }

    #[test]
    fn room_is_used_again_while_there_is_use_for_it() {
        let row = || UsageRow::blank([0; 16].into());
        let ledger = Ledger::default();
        let write = |count| {
            (0..count).for_each(|_| ledger.push(row(), Vec::new()));
            let mut pieces = ledger.take();
            let rows = pieces.remove(0).rows;
            let place = rows.as_ptr();
            ledger.keep(rows);
            (place, ledger.waiting.lock().room.capacity())
        };
        let (first, room) = write(1_000);
        assert!(room >= 1_000);
        assert_eq!(write(900), (first, room));
        assert_eq!(write(100).1, 0, "far more than is used now");

        assert_ne!(write(100).1, 0);
        assert!(ledger.take().is_empty());
        assert_eq!(ledger.waiting.lock().room.capacity(), 0, "nothing goes on");
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
