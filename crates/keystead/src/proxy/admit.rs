//! Stage 4: admit. [`Permit`] in, [`Admission`] out: the call fits into every limit that holds.

use std::{cell::Cell, net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use keystead_providers::Usage;

use super::{
    authenticate::Lane,
    body::Received,
    budget::{Reserved, Settled},
    decide::Permit,
    plane::Plane,
    refusal::Refusal,
};
use crate::{
    limits::{Bucket, Charge, Limiter, Place, Rule, Says, Scope, Taken, Wants, address_id},
    management::{CallMetrics, Metrics, Running},
};

/// A call that may run. What it took of the limits that count running calls comes back when this
/// is dropped, and so does what it reserved and did not use, however the call ends.
#[derive(Debug)]
pub(super) struct Admission {
    /// What it may do.
    pub permit: Rc<Permit>,
    /// The most that it may use.
    pub reserved: Usage,
    /// Where such calls are counted.
    pub metrics: Arc<CallMetrics>,
    /// What few calls have.
    extra: Option<Box<Extra>>,
    _counted: Running,
}

#[derive(Debug, Default)]
struct Extra {
    /// Rates of tokens, charged with what was reserved.
    tokens: Vec<Charge>,
    is_settled: Cell<bool>,
    budgets: Reserved,
    /// Counts of running calls by the client's address, and how many may run.
    running: Vec<(Bucket, u32)>,
    /// How others count it, where limits are shared.
    taken: Taken,
}

/// Charges the call to every limit, or to none.
///
/// # Errors
///
/// The rule that refused, and when it would pass.
pub(super) async fn admit(
    plane: &Plane,
    lane: &Lane,
    client: IpAddr,
    permit: &Rc<Permit>,
    received: &Received,
) -> Result<Rc<Admission>, Refusal> {
    plane.ledger.check()?;
    let limits = permit.session().limits.all();
    let mut admission = Admission::enter(permit, received, &plane.metrics)?;
    let address = lane.address_charges(plane, client);
    let (mut by_address, mut tokens) = (Vec::new(), Vec::new());
    if limits.iter().any(|limits| !limits.by_address.is_empty()) {
        by_address = admission.enter_address(plane, client)?;
    }
    if limits.iter().any(|limits| !limits.tokens.is_empty()) {
        let cost = u32::try_from(admission.reserved.tokens()).unwrap_or(u32::MAX);
        let rates = limits.iter().flat_map(|limits| &limits.tokens);
        tokens.extend(rates.map(|one| one.worth(cost)));
    }
    let [own, common] = limits;
    let charges = [&*own.calls, &common.calls, &address, &by_address, &tokens];
    let running = [
        &*own.running,
        &common.running,
        admission.running_by_address(),
    ];
    let taken = Charged::all(&plane.limiter, &charges, &running).await;
    let taken = taken.map_err(|refusal| of_free_tier(permit, refusal))?;
    if limits.iter().any(|limits| !limits.budgets.is_empty()) {
        let budgets = Box::pin(Reserved::take(plane, permit, &admission.reserved)).await?;
        admission.extra().budgets = budgets;
    }
    let taken = taken.keep();
    if !taken.is_plain() {
        admission.extra().taken = taken;
    }
    if !tokens.is_empty() {
        admission.extra().tokens = tokens;
    }
    Ok(Rc::new(admission))
}

/// A rate of the AddOn's for each of its users that passes again hours later is what they are given, and a
/// key of their own has no such limit.
fn of_free_tier(permit: &Permit, refusal: Refusal) -> Refusal {
    let session = permit.session();
    let each = &session.addon.limits.each_subject;
    match refusal {
        Refusal::RateLimited {
            scope: Scope::Subject,
            reset,
            ..
        } if reset > A_WHILE && session.has_free_tier() && each.requests.is_some() => {
            Refusal::FreeTierUsed { reset }
        }
        refusal => refusal,
    }
}

const A_WHILE: Duration = Duration::from_secs(60);

/// What a call was charged; given back unless it passes everything.
struct Charged<'a> {
    limiter: &'a Limiter,
    charges: &'a [&'a [Charge]],
    taken: Taken,
}

impl<'a> Charged<'a> {
    async fn all(
        limiter: &'a Limiter,
        charges: &'a [&'a [Charge]],
        running: &[&[(Bucket, u32)]],
    ) -> Result<Self, Refusal> {
        let taken = limiter.admit(Wants { charges, running }).await?;
        Ok(Self {
            limiter,
            charges,
            taken,
        })
    }

    fn keep(mut self) -> Taken {
        self.charges = &[];
        std::mem::take(&mut self.taken)
    }
}

impl Drop for Charged<'_> {
    fn drop(&mut self) {
        self.limiter.give_back(self.charges, &self.taken);
    }
}

impl Admission {
    /// Counts the call as running wherever that is limited.
    fn enter(permit: &Rc<Permit>, received: &Received, metrics: &Metrics) -> Result<Self, Refusal> {
        let running = || permit.session().limits.running();
        for (entered, (bucket, most)) in running().enumerate() {
            if !bucket.enter(*most) {
                let entered = running().take(entered);
                entered.for_each(|(bucket, _)| bucket.leave());
                return Err(Refusal::concurrency_full(bucket, *most));
            }
        }
        Ok(Self {
            permit: permit.clone(),
            reserved: permit.reservation(&received.facts, received.body.most_bytes()),
            metrics: metrics.call(permit.provider().about().name, permit.operation().name),
            extra: None,
            _counted: metrics.running_call(),
        })
    }

    /// Counts it as running for its client's address, and says what else that is charged.
    fn enter_address(&mut self, plane: &Plane, client: IpAddr) -> Result<Vec<Charge>, Refusal> {
        let permit = self.permit.clone();
        let mut charges = Vec::new();
        let id = address_id(client);
        let limits = permit.session().limits.all();
        for held in limits.iter().flat_map(|limits| &limits.by_address) {
            let (scope, within) = (held.scope, held.within);
            let bucket = plane.limiter.bucket(Place { scope, within, id });
            let (rule, cost) = match held.says {
                Says::Requests(rate) => (Rule::calls(rate), 1),
                Says::TokensPerMinute(most) => (Rule::tokens_per_minute(most), 0),
                Says::Concurrency(most) if bucket.enter(most) => {
                    self.extra().running.push((bucket, most));
                    continue;
                }
                Says::Concurrency(most) => return Err(Refusal::concurrency_full(&bucket, most)),
                Says::Budget(_) => continue,
            };
            charges.push(Charge { bucket, rule, cost });
        }
        Ok(charges)
    }

    fn running_by_address(&self) -> &[(Bucket, u32)] {
        self.extra.as_ref().map_or(&[], |extra| &extra.running)
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Books what an attempt used against everything that was reserved for the call; gives what
    /// the ledger is to be told of budgets.
    pub(super) fn settle(&self, used: &Usage, cost: Option<u64>) -> Vec<Settled> {
        let Some(extra) = &self.extra else {
            return Vec::new();
        };
        extra.settle_tokens(used.tokens());
        extra.budgets.settle(used, cost)
    }
}

impl Extra {
    /// Once: an attempt that used something is the last one.
    fn settle_tokens(&self, used: u64) {
        if !self.is_settled.replace(true) {
            self.taken.settle(&self.tokens, used);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let running = self.permit.session().limits.running();
        running.for_each(|(bucket, _)| bucket.leave());
        if let Some(extra) = &self.extra {
            extra.running.iter().for_each(|(bucket, _)| bucket.leave());
            extra.settle_tokens(0);
        }
    }
}
