//! What may be used, and how much of it: rules, and the sums that hold them.
//!
//! | file | what it answers |
//! |---|---|
//! | `rate` | `50/s burst 100, 5000/d`: how such a rule is written |
//! | `budget` | `20 USD/month`: the same for amounts, and when a day and a month begin anew |
//! | `rule` | the same rate as the limiter adds it up, and what is left of it |
//! | `rules` | every rule that one object carries |
//! | `holding` | which of them hold for a call, and who set them |
//! | `limiter` | rates, tokens a minute, running calls: sums in this process |
//! | `admit` | may this call start? By these sums, and where processes share theirs by all of them |
//! | `sharing` | the same sums in a Redis that several processes name |
//! | `stock` | memory and the like: nobody takes all of it from the others |
//! | `counters` | budgets: amounts reserved before a call and settled after it, out of leases that the store grants |
//!
//! Nothing here asks the store or knows HTTP; only `sharing` leaves the process.

mod admit;
mod budget;
mod counters;
mod holding;
mod limiter;
mod rate;
mod rule;
mod rules;
pub mod sharing;
mod stock;

use std::sync::Arc;

pub(crate) use self::counters::LEASE;
use self::limiter::Verdict;
pub use self::{
    admit::{Full, Taken, Wants},
    budget::{Amounts, Budget, Period, Unit, Window},
    counters::{Counter, CounterName, Counters, Holder, LeaseUse, Leased, Past, Room},
    holding::{Carriers, Defaults, Holding, Preset, Says, SetBy, Who, address_id},
    limiter::{Bucket, Charge, Limiter, Place, Scope},
    rate::{Per, Rate, Rates},
    rule::{Left, Rule},
    rules::{RowLimits, Rules},
    sharing::Shared,
    stock::{Stock, Taker},
};
use crate::clock::Timestamp;

/// The sums of one process, shared by whoever asks or charges.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Rates and running calls.
    pub limiter: Arc<Limiter>,
    /// Budgets.
    pub counters: Arc<Counters>,
}

impl Limits {
    /// Those of a process that has carried no call yet.
    #[must_use]
    pub fn new(now: Timestamp, shared: Option<Arc<Shared>>) -> Self {
        Self {
            limiter: Arc::new(Limiter::new(shared)),
            counters: Arc::new(Counters::new(now)),
        }
    }
}
