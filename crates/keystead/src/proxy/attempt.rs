//! One attempt at a provider, from its begin to its row in the ledger.

use std::{rc::Rc, sync::atomic::Ordering::Relaxed, time::Duration};

use http::StatusCode;
use keystead_providers::{ObjectRef, Usage};

use super::{admit::Admission, live::Signal, plane::Thread};
use crate::{
    clock::Moment,
    store::{Units, UsageRow},
};

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

/// One attempt in the making; its row is written when it is closed, or as left by the client when
/// it is dropped.
#[derive(Debug)]
pub(super) struct Attempt {
    thread: Rc<Thread>,
    admission: Rc<Admission>,
    key_version: u64,
    number: u32,
    begun: Moment,
    first_byte_us: Option<u64>,
    settles: Option<Box<ObjectRef>>,
    is_sent: bool,
    is_open: bool,
}

impl Attempt {
    /// Begins attempt `number` (from 1) of a permitted call, with this version of its key.
    #[must_use]
    pub(super) fn begin(
        thread: &Rc<Thread>,
        admission: &Rc<Admission>,
        key_version: u64,
        number: u32,
        begun: Moment,
    ) -> Self {
        Self {
            thread: thread.clone(),
            admission: admission.clone(),
            key_version,
            number,
            begun,
            first_byte_us: None,
            settles: admission.permit.settles().cloned().map(Box::new),
            is_sent: false,
            is_open: true,
        }
    }

    /// From here on the provider may do work for it.
    pub(super) fn sent(&mut self) {
        self.is_sent = true;
    }

    /// The first byte of the answer has come.
    pub(super) fn answered(&mut self) {
        self.first_byte_us = Some(self.took_us());
    }

    /// What the answer reports is the usage of this object, which can be fetched again.
    pub(super) fn settles(&mut self, object: &ObjectRef) {
        self.settles = Some(Box::new(object.clone()));
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
        u64::try_from(self.begun.instant.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn count(&self, row: &UsageRow) {
        let metrics = &self.thread.plane.metrics;
        metrics.attempt(row.outcome);
        let call = &self.admission.metrics;
        if let Some(status) = row
            .status
            .and_then(|status| StatusCode::from_u16(status).ok())
        {
            call.answered(status);
        }
        let tokens = [row.units.input_tokens, row.units.output_tokens];
        for (sum, more) in call.tokens.iter().zip(tokens) {
            sum.fetch_add(more.unwrap_or(0), Relaxed);
        }
        if self.number > 1 {
            metrics.retried();
        }
        if let Some(first_byte) = row.first_byte_us {
            call.first_byte.observe(Duration::from_micros(first_byte));
        }
        call.duration
            .observe(Duration::from_micros(row.duration_us));
    }

    fn end(&mut self, outcome: Outcome, status: Option<StatusCode>, usage: Option<Usage>) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let permit = &self.admission.permit;
        let (used, is_estimated) = self.used(outcome, status, usage.as_ref());
        let cost = self.thread.plane.cost(permit, &used, self.begun.at);
        let row = UsageRow {
            outcome: outcome.word(),
            status: status.map(|status| status.as_u16()),
            duration_us: self.took_us(),
            first_byte_us: self.first_byte_us,
            settles: self.settles.take(),
            units: Units::from(used),
            is_estimated,
            cost_micro_usd: cost.micro_usd,
            is_priced: cost.is_priced,
            ..permit.usage_row(self.begun.at, self.key_version, self.number)
        };
        self.count(&row);
        // The provider did no work: what was reserved stays so for the next attempt.
        let settled = match outcome {
            Outcome::Refused | Outcome::Unreachable => Vec::new(),
            _ => self.admission.settle(&used, cost.micro_usd),
        };
        self.thread.desk.book(row, settled);
    }

    /// What it used, and whether that is an estimate: where the provider may have worked and does
    /// not say how much, what was reserved counts.
    fn used(
        &self,
        outcome: Outcome,
        status: Option<StatusCode>,
        usage: Option<&Usage>,
    ) -> (Usage, bool) {
        let did_work = self.is_sent
            && !matches!(outcome, Outcome::Refused | Outcome::Unreachable)
            && status.is_none_or(|status| status.is_success());
        match did_work {
            true => Usage::settled(usage, &self.admission.reserved),
            false => (Usage::default(), false),
        }
    }
}

impl From<Usage> for Units {
    fn from(usage: Usage) -> Self {
        Self {
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
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end(Outcome::ClientLeft, None, None);
    }
}
