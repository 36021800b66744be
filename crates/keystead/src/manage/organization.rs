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
use crate::{ids::OrganizationId, limits::RowLimits, store::Organization};

/// What is to be different about the organization.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrganizationUpdate)]
pub struct Update {
    /// The rules that hold for all of it, in place of those it has.
    pub limits: Wanted,
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

/// Sets the rules that hold for all of it.
pub async fn update(
    manage: &Manage,
    caller: &May<EditOrganization>,
    wanted: Update,
) -> Result<OrganizationView, Problem> {
    let mut fields = Fields::default();
    let limits = wanted.limits.read(&mut fields);
    fields.finish()?;
    let organization = manage
        .store()
        .limit_organization(caller.actor, caller.organization, limits)
        .await?;
    Ok(organization.into())
}

impl From<Organization> for OrganizationView {
    fn from(organization: Organization) -> Self {
        Self {
            organization_id: organization.id,
            name: organization.name,
            limits: organization.limits,
            created_at: Moment(organization.created_at),
        }
    }
}
