//! What is written down of a call: one row an attempt, no prompt, no answer, no address.
//!
//! Rows are handed over here and written in batches by the control runtime ([`Ledger::run`]).
//! When the store is away they wait, up to a bound; past it calls are refused rather than lost
//! from the books.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;

use super::refusal::Refusal;
use crate::store::{Store, UsageRow};

/// How many rows may wait for the store.
const MOST_WAITING: usize = 100_000;
/// How often they are written; at most a second may be unwritten.
const INTERVAL: Duration = Duration::from_millis(250);
/// How many go into one transaction.
const BATCH: usize = 5_000;

/// The rows that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    waiting: Mutex<Vec<UsageRow>>,
    /// Those that are being written. They stay here until the store has them, whatever becomes of
    /// the task that writes.
    writing: tokio::sync::Mutex<Vec<UsageRow>>,
    /// How many there are of both.
    count: AtomicUsize,
}

impl Ledger {
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

    /// Hands over a row.
    pub(super) fn push(&self, row: UsageRow) {
        self.count.fetch_add(1, Relaxed);
        self.waiting.lock().push(row);
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

    /// Writes what waits now. A batch that can't be written waits for the next time; rows are
    /// known by request and attempt, so one that was written after all counts once.
    pub(super) async fn flush(&self, store: &Store) {
        let mut writing = self.writing.lock().await;
        if writing.is_empty() {
            std::mem::swap(&mut *writing, &mut *self.waiting.lock());
        } else {
            writing.append(&mut self.waiting.lock());
        }
        while !writing.is_empty() {
            let size = writing.len().min(BATCH);
            if let Err(error) = store.append_usage(&writing[..size]).await {
                tracing::warn!(%error, rows = writing.len(), "Usage rows could not be written");
                return;
            }
            self.count.fetch_sub(size, Relaxed);
            writing.drain(..size);
        }
    }
}
