//! `/organization`: the caller's own tenant.

use axum::{Json, extract::State};

use super::body::Body;
use crate::manage::{
    Manage, May, Problem,
    organization::{self, OrganizationView, Update},
    permission::right::{EditOrganization, SeeOrganization},
};

/// Show the organization
#[utoipa::path(
    get,
    path = "/organization",
    operation_id = "organization.show",
    tag = "Organization",
    responses((status = 200, description = "Done", body = OrganizationView))
)]
pub(super) async fn show(
    caller: May<SeeOrganization>,
    State(manage): State<Manage>,
) -> Result<Json<OrganizationView>, Problem> {
    organization::show(&manage, &caller).await.map(Json)
}

/// Set the rules that hold for all of the organization
#[utoipa::path(
    patch,
    path = "/organization",
    operation_id = "organization.update",
    tag = "Organization",
    request_body = Update,
    responses((status = 200, description = "Done", body = OrganizationView))
)]
pub(super) async fn update(
    caller: May<EditOrganization>,
    State(manage): State<Manage>,
    Body(wanted): Body<Update>,
) -> Result<Json<OrganizationView>, Problem> {
    organization::update(&manage, &caller, wanted)
        .await
        .map(Json)
}
