//! What is written down of a call: one row an attempt, no prompt, no answer, no address.
//!
//! Rows are handed over here and written in batches by the control runtime ([`Ledger::run`]).
//! When the store is away they wait, up to a bound; past it calls are refused rather than lost
//! from the books.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use keystead_providers::{ObjectRef, Usage};
use parking_lot::Mutex;

use super::{decide::Permit, live::Signal, plane::Plane, refusal::Refusal};
use crate::store::{Store, Units, UsageRow};

/// How many rows may wait for the store.
const MOST_WAITING: usize = 100_000;
/// How often they are written; at most a second may be unwritten.
const INTERVAL: Duration = Duration::from_millis(250);
/// How many go into one transaction.
const BATCH: usize = 500;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The provider's answer went through whole.
    Answered,
    /// The provider answered that it did no work, and the call was tried again.
    Refused,
    /// No connection: nothing was sent.
    Unreachable,
    /// The provider or the connection broke off.
    BrokenOff,
    /// The client left before the end.
    ClientLeft,
    /// The provider was silent for too long.
    Silent,
    /// What the call stood on was revoked while it ran.
    Revoked,
    /// The program stopped.
    Stopped,
}

impl Outcome {
    /// The word in the ledger.
    #[must_use]
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::BrokenOff => "broken_off",
            Self::ClientLeft => "client_left",
            Self::Silent => "silent",
            Self::Revoked => "revoked",
            Self::Stopped => "stopped",
        }
    }
}

impl From<Signal> for Outcome {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Cut => Self::Revoked,
            Signal::Silent => Self::Silent,
            Signal::Stop => Self::Stopped,
        }
    }
}

/// The rows that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    waiting: Mutex<Vec<UsageRow>>,
    /// Those in `waiting` and those of a batch that is being written.
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
    /// known by request and attempt, so one that was written after all is not written twice.
    pub(super) async fn flush(&self, store: &Store) {
        loop {
            let batch = {
                let mut waiting = self.waiting.lock();
                let size = waiting.len().min(BATCH);
                waiting.drain(..size).collect::<Vec<_>>()
            };
            if batch.is_empty() {
                return;
            }
            match store.append_usage(&batch).await {
                Ok(()) => {
                    self.count.fetch_sub(batch.len(), Relaxed);
                }
                Err(error) => {
                    tracing::warn!(%error, rows = batch.len(), "Usage rows could not be written");
                    self.waiting.lock().splice(..0, batch);
                    return;
                }
            }
        }
    }
}

/// One attempt in the making; its row is written when it is closed, or as left by the client when
/// it is dropped.
#[derive(Debug)]
pub(super) struct Attempt {
    plane: Arc<Plane>,
    /// Boxed, because an attempt goes from hand to hand.
    row: Option<Box<UsageRow>>,
    begun: Instant,
}

impl Attempt {
    /// The first byte of the answer has come.
    pub(super) fn answered(&mut self) {
        let took = self.took_us();
        if let Some(row) = &mut self.row {
            row.first_byte_us = Some(took);
        }
    }

    /// Begins attempt `number` (from 1) of a permitted call, with this version of its key.
    #[must_use]
    pub(super) fn begin(
        plane: &Arc<Plane>,
        permit: &Permit,
        key_version: u64,
        number: u32,
    ) -> Self {
        let row = permit.usage_row(plane.clock.now(), key_version, number);
        Self {
            plane: plane.clone(),
            row: Some(Box::new(row)),
            begun: Instant::now(),
        }
    }

    /// What the answer reports is the usage of this object, which can be fetched again.
    pub(super) fn settles(&mut self, object: &ObjectRef) {
        if let Some(row) = &mut self.row {
            row.settles = Some(Box::new(object.clone()));
        }
    }

    /// Ends it.
    pub(super) fn close(
        mut self,
        outcome: Outcome,
        status: Option<StatusCode>,
        usage: Option<Usage>,
    ) {
        self.end(outcome, status, usage);
    }

    fn took_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn count(&self, row: &UsageRow) {
        let metrics = &self.plane.metrics;
        metrics.attempt(row.outcome);
        let call = metrics.call(row.provider, row.operation);
        if let Some(status) = row
            .status
            .and_then(|status| StatusCode::from_u16(status).ok())
        {
            call.answered(status);
        }
        if let Some(first_byte) = row.first_byte_us {
            call.first_byte.observe(Duration::from_micros(first_byte));
        }
        call.duration
            .observe(Duration::from_micros(row.duration_us));
    }

    fn end(&mut self, outcome: Outcome, status: Option<StatusCode>, usage: Option<Usage>) {
        let Some(mut row) = self.row.take() else {
            return;
        };
        row.outcome = outcome.word();
        row.status = status.map(|status| status.as_u16());
        if let Some(usage) = usage {
            row.units = Units {
                input_tokens: usage.input_tokens,
                cached_tokens: usage.cached_tokens,
                cache_write_tokens: usage.cache_write_tokens,
                output_tokens: usage.output_tokens,
                reasoning_tokens: usage.reasoning_tokens,
                characters: usage.characters,
                images: usage.images,
                seconds: usage.seconds,
                transactions: usage.transactions,
                credits_milli: usage.credits_milli,
            };
        } else {
            row.settles = None;
        }
        row.duration_us = self.took_us();
        self.count(&row);
        self.plane.ledger.push(*row);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end(Outcome::ClientLeft, None, None);
    }
}
