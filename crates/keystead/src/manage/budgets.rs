//! Budgets, and what is left of them: those that objects carry for themselves.

use super::{Manage, May, Problem, limit_check::LeftView, permission::right::SeeUsage};
use crate::{
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId},
    limits::{Budget, CounterName, Holder},
};

/// Whose budgets are wanted besides the organization's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Of {
    /// An application's.
    pub application: Option<ApplicationId>,
    /// An AddOn's.
    pub addon: Option<AddOnId>,
    /// A key's.
    pub key: Option<KeyId>,
}

/// A budget and how it stands.
#[derive(Clone, Debug)]
pub struct BudgetView {
    /// What carries it: `Organization`, or what kind of object and how people call it.
    pub whose: String,
    /// What it says: `20 USD/month`.
    pub rule: String,
    /// How it stands.
    pub left: LeftView,
    /// How many hundredths of it are gone, used or held for calls that run; 100 at most.
    pub gone_percent: i64,
}

/// The budgets of the organization and of these objects.
pub async fn list(
    manage: &Manage,
    caller: &May<SeeUsage>,
    of: Of,
) -> Result<Vec<BudgetView>, Problem> {
    let (store, organization) = (manage.store(), caller.organization);
    let own = store.organization(organization).await?;
    let mut budgets = Vec::new();
    let carried = own.limits.own.budgets;
    budgets.push(("Organization".to_owned(), Holder::Organization, carried));
    if let Some(id) = of.application {
        let found = store.application(organization, id).await?;
        let whose = format!("Application {}", found.name);
        budgets.push((whose, Holder::Application(id), found.limits.own.budgets));
    }
    if let Some(id) = of.addon {
        let found = store.addon(organization, id).await?;
        let whose = format!("AddOn {}", found.handle);
        budgets.push((whose, Holder::AddOn(id), found.limits.own.budgets));
    }
    if let Some(id) = of.key {
        let found = store.key(organization, id).await?;
        let whose = format!("Key {}", found.name);
        budgets.push((whose, Holder::Key(id), found.limits.own.budgets));
    }
    let mut views = Vec::new();
    for (whose, holder, carried) in budgets {
        for budget in carried {
            views.push(manage.view(organization, &whose, holder, budget).await?);
        }
    }
    Ok(views)
}

impl Manage {
    async fn view(
        &self,
        organization: OrganizationId,
        whose: &str,
        holder: Holder,
        budget: Budget,
    ) -> Result<BudgetView, Problem> {
        let name = CounterName {
            organization,
            holder,
            unit: budget.unit,
            period: budget.period,
            window: budget.period.window(self.store().clock().now()),
        };
        let state = self.budget_state(&name).await?;
        let gone = i128::from(budget.amount - state.left(budget.amount)) * 100;
        let gone_percent = gone.checked_div(i128::from(budget.amount)).unwrap_or(100);
        Ok(BudgetView {
            whose: whose.to_owned(),
            rule: budget.to_string(),
            left: state.shown(&name, budget.amount),
            gone_percent: i64::try_from(gone_percent).unwrap_or(100),
        })
    }
}
