//! Budgets of one call: reserved before it is sent, settled by what it used.
//!
//! What is reserved comes out of leases that this process has ([`limits`](crate::limits)); only
//! when those run out is the store asked. What a call does not use comes back when its admission
//! ends, on every path.

use std::{cell::Cell, sync::Arc};

use keystead_providers::Usage;

use super::{decide::Permit, plane::Plane, refusal::Refusal, session::BudgetRule};
use crate::limits::{Amounts, Counter, CounterName, Holder, Room, Unit};

/// What a call reserved of its budgets.
#[derive(Debug, Default)]
pub(super) struct Reserved(Vec<Part>);

/// Of one budget.
#[derive(Debug)]
struct Part {
    counter: Arc<Counter>,
    unit: Unit,
    reserved: Cell<i64>,
}

/// What an attempt used of one budget; the counter is told when the ledger has it.
#[derive(Debug)]
pub(super) struct Settled {
    /// The budget.
    pub counter: Arc<Counter>,
    /// How much.
    pub amount: i64,
}

impl Reserved {
    /// Reserves the most that a call may use, of each of its budgets or of none.
    ///
    /// # Errors
    ///
    /// The budget that has no room for it; [`Refusal::PriceUnknown`] for a budget of money and a
    /// call that nobody knows a price for; [`Refusal::StoreUnavailable`].
    pub(super) async fn take(
        plane: &Plane,
        permit: &Permit,
        most: &Usage,
    ) -> Result<Self, Refusal> {
        let cost = plane.cost(permit, most, plane.clock.now());
        let amounts = Amounts::of_call(most, cost.micro_usd);
        let mut taken = Self::default();
        let limits = permit.session().limits.all();
        for rule in limits.iter().flat_map(|limits| &limits.budgets) {
            let unit = rule.budget.unit;
            if unit == Unit::Money && cost.micro_usd.is_none() {
                return Err(Refusal::PriceUnknown);
            }
            let counter = reserve(plane, permit, rule, amounts.of(unit)).await?;
            taken.0.push(Part {
                counter,
                unit,
                reserved: Cell::new(amounts.of(unit)),
            });
        }
        Ok(taken)
    }

    /// Turns what was reserved into what was used.
    pub(super) fn settle(&self, used: &Usage, cost: Option<u64>) -> Vec<Settled> {
        let amounts = Amounts::of_call(used, cost);
        let settle = |part: &Part| {
            let amount = amounts.of(part.unit);
            part.counter.settle(part.reserved.take(), amount);
            Settled {
                counter: part.counter.clone(),
                amount,
            }
        };
        self.0.iter().map(settle).collect()
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for part in &self.0 {
            part.counter.settle(part.reserved.take(), 0);
        }
    }
}

/// Reserves `amount` of one budget.
async fn reserve(
    plane: &Plane,
    permit: &Permit,
    rule: &BudgetRule,
    amount: i64,
) -> Result<Arc<Counter>, Refusal> {
    let now = plane.clock.now();
    if !plane.counters.holds(now) {
        return Err(Refusal::StoreUnavailable);
    }
    let (limit, period) = (rule.budget.amount, rule.budget.period);
    let window = period.window(now);
    let counter = plane.counters.counter(CounterName {
        organization: permit.session().application.organization,
        holder: rule.holder,
        unit: rule.budget.unit,
        period,
        window,
    });
    if counter.take(amount) {
        return Ok(counter);
    }
    // One asks the store; who waited behind it often finds that it asked for them as well.
    let asking = counter.asking.lock().await;
    loop {
        if counter.take(amount) {
            drop(asking);
            return Ok(counter);
        }
        match counter.room(amount, limit, now) {
            None => {}
            Some(Room::Enough) => continue,
            Some(Room::Exhausted) if is_of_free_tier(permit, rule) => {
                let reset = window.ends_at().since(now);
                return Err(Refusal::FreeTierUsed { reset });
            }
            Some(Room::Exhausted) => {
                if !is_of_own_key(permit, rule) {
                    plane.budget_is_used(&counter.name);
                }
                return Err(Refusal::BudgetExhausted {
                    scope: rule.scope,
                    budget: rule.budget,
                    reset: window.ends_at().since(now),
                });
            }
            Some(Room::Reserved) => {
                return Err(Refusal::BudgetReserved {
                    scope: rule.scope,
                    budget: rule.budget,
                });
            }
        }
        let need = counter.lacks(amount);
        plane.control.lease(&counter, limit, need, now).await?;
    }
}

/// Whether it is what an end user lets their own key be used for: whose it is sees it, and nobody else.
fn is_of_own_key(permit: &Permit, rule: &BudgetRule) -> bool {
    permit.session().own.is_some() && matches!(rule.holder, Holder::Key(_))
}

/// Whether it is what the AddOn gives each of its users who has no key of their own there.
fn is_of_free_tier(permit: &Permit, rule: &BudgetRule) -> bool {
    permit.session().has_free_tier() && matches!(rule.holder, Holder::AddOnSubject(..))
}
