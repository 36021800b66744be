//! May this call start? Asked of this process's own sums first and then, where processes share
//! their limits, of all of them, in one question.

use std::{sync::Arc, time::Duration};

use super::{
    Bucket, Charge, Limiter, Verdict,
    limiter::give_back,
    sharing::{Answer, Pass, Shared},
};

/// What a call wants of limits: all of it, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Wants<'a> {
    /// What it is charged.
    pub charges: &'a [&'a [Charge]],
    /// The counts of running calls that it has entered in this process, and how many may run.
    pub running: &'a [&'a [(Bucket, u32)]],
}

/// A limit that said no.
#[derive(Clone, Copy, Debug)]
pub enum Full<'a> {
    /// A rate.
    Rate {
        /// Which one.
        charge: &'a Charge,
        /// When it would say yes.
        reset: Duration,
    },
    /// So many calls run already.
    Running {
        /// Of what.
        bucket: &'a Bucket,
        /// How many may.
        most: u32,
    },
}

/// How that which a call took is counted. When this is dropped the call runs no more, for those
/// who share its limits.
#[derive(Debug)]
pub struct Taken {
    /// How many times, in this process.
    weight: i64,
    /// In all processes.
    pass: Option<Pass>,
}

impl Limiter {
    /// Takes all that a call wants, or none of it and says what refused.
    ///
    /// In one process it never waits. Where several share their limits it asks and waits for the
    /// answer, but not for long: then it decides by itself, and counts each call as often as
    /// there are processes.
    ///
    /// # Errors
    ///
    /// The limit that is full.
    pub async fn admit<'a>(&self, wants: Wants<'a>) -> Result<Taken, Full<'a>> {
        self.take_here(wants, 1)?;
        match &self.shared {
            None => Ok(Taken::default()),
            Some(shared) => Box::pin(self.admit_by_all(shared, wants)).await,
        }
    }

    /// Gives back what was taken for a call that is refused after all.
    pub fn give_back(&self, charges: &[&[Charge]], taken: &Taken) {
        give_back(charges, taken.weight);
        if let Some(pass) = &taken.pass {
            let charges = charges.iter().copied().flatten();
            charges.for_each(|charge| pass.add(charge, -charge.cost_ns()));
        }
    }

    /// At the end: nothing of this process runs any more.
    pub async fn leave(&self) {
        if let Some(shared) = &self.shared {
            shared.leave().await;
        }
    }

    async fn admit_by_all<'a>(
        &self,
        shared: &Arc<Shared>,
        wants: Wants<'a>,
    ) -> Result<Taken, Full<'a>> {
        // A client may leave while it waits.
        let mut held = Held {
            charges: wants.charges,
            weight: 1,
        };
        match shared.ask(wants, self.now_ns()).await {
            Some(Answer::Pass(pass)) => {
                held.keep();
                let pass = Some(pass);
                Ok(Taken { weight: 1, pass })
            }
            Some(Answer::Full(full)) => Err(full),
            None => {
                drop(held);
                let weight = shared.processes();
                self.enter_alone(wants, weight)?;
                // What all had used is used, or each part would begin anew.
                let charges = wants.charges.iter().copied().flatten();
                charges.for_each(Charge::recall);
                self.take_here(wants, weight)?;
                Ok(Taken { weight, pass: None })
            }
        }
    }

    fn take_here<'a>(&self, wants: Wants<'a>, weight: i64) -> Result<(), Full<'a>> {
        match self.take(wants.charges, weight) {
            Verdict::All => Ok(()),
            Verdict::Refused {
                list,
                charge,
                reset,
            } => Err(Full::Rate {
                charge: &wants.charges[list][charge],
                reset,
            }),
        }
    }

    /// One of so many processes lets its part of the calls run, but one at least.
    fn enter_alone<'a>(&self, wants: Wants<'a>, weight: i64) -> Result<(), Full<'a>> {
        let mut running = wants.running.iter().copied().flatten();
        let is_over = |(bucket, most): &&(Bucket, u32)| {
            let part = (i64::from(*most) / weight).max(1);
            i64::from(bucket.running()) > part
        };
        match running.find(is_over) {
            Some((bucket, most)) => Err(Full::Running {
                bucket,
                most: *most,
            }),
            None => Ok(()),
        }
    }
}

impl Taken {
    /// Corrects what was taken of rates of tokens, now that it is known what was used.
    pub fn settle(&self, tokens: &[Charge], used: u64) {
        for charge in tokens {
            charge.settle(used, self.weight);
            if let Some(pass) = &self.pass {
                pass.add(charge, charge.more_ns(used));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn weight(&self) -> i64 {
        self.weight
    }

    /// Whether this process alone counts it, and once.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.pass.is_none() && self.weight == 1
    }
}

impl Default for Taken {
    /// By this process alone, and once.
    fn default() -> Self {
        Self {
            weight: 1,
            pass: None,
        }
    }
}

/// Charges that are given back unless they are kept.
struct Held<'a> {
    charges: &'a [&'a [Charge]],
    weight: i64,
}

impl Held<'_> {
    fn keep(&mut self) {
        self.charges = &[];
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        give_back(self.charges, self.weight);
    }
}
