//! Stage 4: admit. [`Permit`] in, [`Admission`] out: the call fits into every limit that holds.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use super::{
    authenticate::Lane,
    decide::Permit,
    limiter::{Charge, Rule, Verdict},
    plane::Plane,
    refusal::Refusal,
};
use crate::management::{Metrics, Running};

/// The rules that hold without any of an AddOn's own; `None` is "off".
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Of one access token.
    pub token: Option<Rule>,
    /// Of one end user.
    pub subject: Option<Rule>,
    /// Of one AddOn.
    pub addon: Option<Rule>,
    /// Of one application.
    pub application: Option<Rule>,
    /// Of one provider key.
    pub key: Option<Rule>,
    /// Of one client address.
    pub address: Option<Rule>,
    /// How many calls may run with one key at once.
    pub key_concurrency: Option<u32>,
}

/// A call that may run. What it took of the limits that count running calls comes back when this
/// is dropped, however the call ends.
#[derive(Debug)]
pub(super) struct Admission {
    running: Arc<AtomicU32>,
    _counted: Running,
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
    permit: &Permit,
) -> Result<Admission, Refusal> {
    let session = permit.session();
    let key = permit.key();
    let rules = &plane.settings.rules;
    plane.ledger.check()?;
    let admission = Admission::enter(&key.running, rules.key_concurrency, &plane.metrics)?;
    let [token, subject, addon, application] = &session.buckets;
    let address = lane.address_bucket(plane, client);
    let wanted = [
        (token, rules.token),
        (subject, rules.subject),
        (addon, rules.addon),
        (application, rules.application),
        (&key.bucket, rules.key),
        (&address, rules.address),
    ];
    let unused = Rule::new(1, std::time::Duration::ZERO, 1);
    let mut charges = wanted.map(|(bucket, _)| Charge {
        bucket,
        rule: unused,
        cost: 1,
    });
    let mut count = 0;
    for (bucket, rule) in wanted {
        if let Some(rule) = rule {
            charges[count] = Charge {
                bucket,
                rule,
                cost: 1,
            };
            count += 1;
        }
    }
    match plane.limiter.admit(&charges[..count]).await {
        Verdict::All => Ok(admission),
        Verdict::Refused { scope, reset } => Err(Refusal::RateLimited { scope, reset }),
    }
}

impl Admission {
    fn enter(
        running: &Arc<AtomicU32>,
        most: Option<u32>,
        metrics: &Metrics,
    ) -> Result<Self, Refusal> {
        let most = most.unwrap_or(u32::MAX);
        let enter = |now: u32| (now < most).then_some(now + 1);
        running
            .fetch_update(Relaxed, Relaxed, enter)
            .map_err(|_| Refusal::ConcurrencyFull)?;
        Ok(Self {
            running: running.clone(),
            _counted: metrics.running_call(),
        })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Relaxed);
    }
}
