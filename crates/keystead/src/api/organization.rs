//! `/organization`: the caller's own tenant.

use axum::{Json, extract::State};

use super::body::Body;
use crate::manage::{
    Manage, May, Problem,
    organization::{self, OrganizationView, Update},
    permission::right::{EditOrganization, SeeOrganization},
};

pub(super) async fn show(
    caller: May<SeeOrganization>,
    State(manage): State<Manage>,
) -> Result<Json<OrganizationView>, Problem> {
    organization::show(&manage, &caller).await.map(Json)
}

pub(super) async fn update(
    caller: May<EditOrganization>,
    State(manage): State<Manage>,
    Body(wanted): Body<Update>,
) -> Result<Json<OrganizationView>, Problem> {
    organization::update(&manage, &caller, wanted)
        .await
        .map(Json)
}
