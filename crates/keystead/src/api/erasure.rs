//! `/subjects`, `/account`, `/organization/…`: what is known about somebody, and its erasure.

use axum::{Json, extract::State};

use super::body::Body;
use crate::manage::{
    Manage, May, Problem,
    erasure::{self, Confirm, ExportView, OrganizationBelongingsView, ReceiptView, Wanted},
    permission::right::{
        DeleteOrganization, EraseAccount, EraseSubjects, ExportAccount, ExportSubjects,
        SeeOrganization,
    },
};

/// Give what is known about an end user
#[utoipa::path(
    post,
    path = "/subjects/export",
    operation_id = "subjects.export",
    tag = "Privacy",
    request_body = Wanted,
    responses((status = 200, description = "Done", body = ExportView))
)]
pub(super) async fn export_subject(
    caller: May<ExportSubjects>,
    State(manage): State<Manage>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<ExportView>, Problem> {
    erasure::export_subject(&manage, &caller, wanted)
        .await
        .map(Json)
}

/// Erase an end user
#[utoipa::path(
    post,
    path = "/subjects/erase",
    operation_id = "subjects.erase",
    tag = "Privacy",
    request_body = Wanted,
    responses((status = 200, description = "Done", body = ReceiptView))
)]
pub(super) async fn erase_subject(
    caller: May<EraseSubjects>,
    State(manage): State<Manage>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<ReceiptView>, Problem> {
    erasure::erase_subject(&manage, &caller, wanted)
        .await
        .map(Json)
}

/// Give what is known about your own account
#[utoipa::path(
    get,
    path = "/account/export",
    operation_id = "account.export",
    tag = "Account",
    responses((status = 200, description = "Done", body = ExportView))
)]
pub(super) async fn export_account(
    caller: May<ExportAccount>,
    State(manage): State<Manage>,
) -> Result<Json<ExportView>, Problem> {
    erasure::export_account(&manage, &caller).await.map(Json)
}

/// Erase your own account, everywhere
#[utoipa::path(
    post,
    path = "/account/erase",
    operation_id = "account.erase",
    tag = "Account",
    request_body = Confirm,
    responses((status = 200, description = "Done", body = ReceiptView))
)]
pub(super) async fn erase_account(
    caller: May<EraseAccount>,
    State(manage): State<Manage>,
    Body(wanted): Body<Confirm>,
) -> Result<Json<ReceiptView>, Problem> {
    erasure::erase_account(&manage, &caller, &wanted)
        .await
        .map(Json)
}

/// Count what would go with the organization
#[utoipa::path(
    get,
    path = "/organization/belongings",
    operation_id = "organization.belongings",
    tag = "Organization",
    responses((status = 200, description = "Done", body = OrganizationBelongingsView))
)]
pub(super) async fn organization_belongings(
    caller: May<SeeOrganization>,
    State(manage): State<Manage>,
) -> Result<Json<OrganizationBelongingsView>, Problem> {
    erasure::organization_belongings(&manage, &caller)
        .await
        .map(Json)
}

/// Delete the organization with everything that belongs to it
#[utoipa::path(
    post,
    path = "/organization/delete",
    operation_id = "organization.delete",
    tag = "Organization",
    request_body = Confirm,
    responses((status = 200, description = "Done", body = ReceiptView))
)]
pub(super) async fn delete_organization(
    caller: May<DeleteOrganization>,
    State(manage): State<Manage>,
    Body(wanted): Body<Confirm>,
) -> Result<Json<ReceiptView>, Problem> {
    erasure::delete_organization(&manage, &caller, &wanted)
        .await
        .map(Json)
}
