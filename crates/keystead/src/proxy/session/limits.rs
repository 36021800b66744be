//! What the calls of a session are charged to.

use std::sync::Arc;

use smallvec::SmallVec;

use super::SessionParts;
use crate::{
    limits::{
        Bucket, Budget, Carriers, Charge, Holder, Holding, Limiter, RowLimits, Rule, Rules, Says,
        Scope, Who,
    },
    store::{Authority, KeyGrant},
};

/// The limits that hold for the calls of a session.
#[derive(Debug)]
pub struct SessionLimits {
    /// Those of its token and its end user.
    pub own: Limits,
    /// Those of its application, AddOn and key: other sessions have the same, so they are kept once.
    pub common: Arc<Limits>,
}

/// Limits by their kinds.
#[derive(Debug, PartialEq)]
pub struct Limits {
    /// Rates of calls. A token and its end user have one each as a rule, and every call reads them.
    pub calls: SmallVec<[Charge; 2]>,
    /// Rates of tokens; what a call costs is known when it comes.
    pub tokens: Box<[Charge]>,
    /// How many calls may run.
    pub running: Box<[(Bucket, u32)]>,
    /// Amounts by day and month.
    pub budgets: Box<[BudgetRule]>,
    /// What is said of each client address.
    pub by_address: Box<[Holding]>,
}

/// A budget, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetRule {
    /// By what it counts, for texts.
    pub scope: Scope,
    /// Whose it is.
    pub holder: Holder,
    /// How much of what.
    pub budget: Budget,
}

impl SessionLimits {
    pub(super) fn new(authority: &Authority, parts: &SessionParts<'_>) -> Self {
        let (application, addon) = (&authority.application, &authority.addon);
        let own = authority.own.as_ref().map(|own| &own.grant);
        let own_limits = own.map(KeyGrant::limits);
        let key = match (own, &own_limits) {
            (Some(grant), Some(limits)) => Some((grant.booked_as(), limits)),
            _ => authority.key.as_ref().map(|key| (key.id, &key.limits)),
        };
        // What an AddOn gives each of its users is the application's to give: it is no limit of theirs who
        // pay for themselves.
        let without_each = own.map(|_| RowLimits {
            each_subject: Rules::default(),
            ..addon.limits.clone()
        });
        let of_addon = without_each.as_ref().unwrap_or(&addon.limits);
        let carriers = Carriers {
            organization: (application.organization, &authority.organization_limits),
            application: (application.id, &application.limits),
            addon: (addon.id, of_addon),
            key,
        };
        let who = Who {
            organization: application.organization,
            application: application.id,
            addon: addon.id,
            key: key.map(|(id, _)| id),
            token: Some(authority.token.id),
            subject: Some(*authority.token.subject.as_bytes()),
            address: None,
        };
        let (own, common) = parts
            .defaults
            .holdings(&carriers)
            .into_iter()
            .partition::<Vec<_>, _>(|held| matches!(held.scope, Scope::Token | Scope::Subject));
        let common = Limits::new(common, &who, parts.limiter);
        Self {
            own: Limits::new(own, &who, parts.limiter),
            common: parts.rows.limits((addon.id, who.key), common),
        }
    }

    /// Both.
    #[must_use]
    pub fn all(&self) -> [&Limits; 2] {
        [&self.own, &self.common]
    }

    /// How many calls may run.
    pub fn running(&self) -> impl Iterator<Item = &(Bucket, u32)> {
        self.own.running.iter().chain(&self.common.running)
    }
}

impl Limits {
    fn new(holdings: Vec<Holding>, who: &Who, limiter: &Limiter) -> Self {
        let (mut calls, mut tokens, mut running) = (SmallVec::new(), Vec::new(), Vec::new());
        let (mut budgets, mut by_address) = (Vec::new(), Vec::new());
        for held in holdings {
            let Some(place) = held.place(who) else {
                // What holds for all of an address's calls is charged by its connection.
                by_address.extend((held.within != [0; 16]).then_some(held));
                continue;
            };
            let bucket = || limiter.bucket(place);
            match held.says {
                Says::Concurrency(most) => running.push((bucket(), most)),
                Says::Budget(budget) => {
                    let scope = held.scope;
                    budgets.extend(held.holder(who).map(|holder| BudgetRule {
                        scope,
                        holder,
                        budget,
                    }));
                }
                Says::Requests(rate) => calls.push(Charge {
                    bucket: bucket(),
                    rule: Rule::calls(rate),
                    cost: 1,
                }),
                Says::TokensPerMinute(most) => tokens.push(Charge {
                    bucket: bucket(),
                    rule: Rule::tokens_per_minute(most),
                    cost: 0,
                }),
            }
        }
        Self {
            calls,
            tokens: tokens.into(),
            running: running.into(),
            budgets: budgets.into(),
            by_address: by_address.into(),
        }
    }
}
