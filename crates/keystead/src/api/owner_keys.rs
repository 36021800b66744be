//! `/organization/rotate-key`, `/account/rotate-key`: another key for those who own keys.

use axum::{Json, extract::State};

use crate::manage::{
    Manage, May, Problem,
    owner_keys::{self, RewrappedView},
    permission::right::{RotateAccountKey, RotateOrganizationKey},
};

/// Give the organization another key; calls go on meanwhile
#[utoipa::path(
    post,
    path = "/organization/rotate-key",
    operation_id = "organization.rotate_key",
    tag = "Organization",
    responses((status = 200, description = "Done", body = RewrappedView))
)]
pub(super) async fn rotate_of_organization(
    caller: May<RotateOrganizationKey>,
    State(manage): State<Manage>,
) -> Result<Json<RewrappedView>, Problem> {
    owner_keys::rotate_of_organization(&manage, &caller)
        .await
        .map(Json)
}

/// Give your account and your vault another key
#[utoipa::path(
    post,
    path = "/account/rotate-key",
    operation_id = "account.rotate_key",
    tag = "Account",
    responses((status = 200, description = "Done", body = RewrappedView))
)]
pub(super) async fn rotate_of_account(
    caller: May<RotateAccountKey>,
    State(manage): State<Manage>,
) -> Result<Json<RewrappedView>, Problem> {
    owner_keys::rotate_of_account(&manage, &caller)
        .await
        .map(Json)
}
