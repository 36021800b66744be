//! The caller's own tenant.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Manage, May, Problem,
    fields::Fields,
    limits::Wanted,
    permission::right::{EditOrganization, SeeOrganization},
    time::Moment,
};
use crate::{
    alerts::{AlertKind, AlertRules, Freezes},
    ids::OrganizationId,
    limits::RowLimits,
    store::{Organization, OrganizationChange},
};

/// What is to be different about the organization; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrganizationUpdate)]
pub struct Update {
    /// What people call it.
    pub name: Option<String>,
    /// The rules that hold for all of it, in place of those it has.
    pub limits: Option<Wanted>,
    /// Whether members must sign in with more than a password.
    pub require_second_factor: Option<bool>,
    /// What is said of its alerts, in place of what was said before.
    pub alert_rules: Option<AlertRules>,
}

/// An organization.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrganizationView {
    /// Its id.
    pub organization_id: OrganizationId,
    /// What people call it.
    pub name: String,
    /// The rules that hold for all of it.
    pub limits: RowLimits,
    /// Whether members must sign in with more than a password.
    pub require_second_factor: bool,
    /// What it says of its alerts.
    pub alert_rules: AlertRules,
    /// When it was made.
    pub created_at: Moment,
}

/// The organization of the caller.
pub async fn show(
    manage: &Manage,
    caller: &May<SeeOrganization>,
) -> Result<OrganizationView, Problem> {
    let organization = manage.store().organization(caller.organization).await?;
    Ok(organization.into())
}

/// Changes it.
pub async fn update(
    manage: &Manage,
    caller: &May<EditOrganization>,
    wanted: Update,
) -> Result<OrganizationView, Problem> {
    let mut fields = Fields::default();
    let change = OrganizationChange {
        name: wanted.name.map(|name| fields.title("name", &name)),
        limits: wanted.limits.map(|limits| limits.read(&mut fields)),
        require_second_factor: wanted.require_second_factor,
        alert_rules: wanted.alert_rules.map(|rules| checked(rules, &mut fields)),
    };
    fields.finish()?;
    let organization = manage
        .store()
        .update_organization(caller.actor, caller.organization, change)
        .await?;
    Ok(organization.into())
}

/// Only of what there is to freeze.
fn checked(mut rules: AlertRules, fields: &mut Fields) -> AlertRules {
    rules.freeze_on.sort();
    rules.freeze_on.dedup();
    let is_empty_word = |kind: &AlertKind| kind.freezes() == Freezes::Nothing;
    if rules.freeze_on.iter().any(is_empty_word) {
        fields.wrong(
            "alert_rules/freeze_on",
            "names a kind of alert that has nothing to freeze",
        );
    }
    rules
}

impl From<Organization> for OrganizationView {
    fn from(organization: Organization) -> Self {
        Self {
            organization_id: organization.id,
            name: organization.name,
            limits: organization.limits,
            require_second_factor: organization.require_second_factor,
            alert_rules: organization.alert_rules,
            created_at: Moment(organization.created_at),
        }
    }
}
