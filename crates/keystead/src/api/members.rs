//! `/members`: who belongs to the organization.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::AccountId,
    manage::{
        ByRole, List, Manage, May, Problem,
        members::{self, MemberView, Update},
        permission::right::{EditMembers, SeeMembers},
    },
};

/// List the members, with their e-mail addresses
#[utoipa::path(
    get,
    path = "/members",
    operation_id = "members.list",
    tag = "Members",
    params(ByRole),
    responses((status = 200, description = "Done", body = List<MemberView>))
)]
pub(super) async fn list(
    caller: May<SeeMembers>,
    State(manage): State<Manage>,
    Query(wanted): Query<ByRole>,
) -> Result<Json<List<MemberView>>, Problem> {
    members::list(&manage, &caller, &wanted).await.map(Json)
}

/// Show a member
#[utoipa::path(
    get,
    path = "/members/{id}",
    operation_id = "members.show",
    tag = "Members",
    params(("id" = AccountId, Path)),
    responses((status = 200, description = "Done", body = MemberView))
)]
pub(super) async fn show(
    caller: May<SeeMembers>,
    State(manage): State<Manage>,
    Id(id): Id<AccountId>,
) -> Result<Json<MemberView>, Problem> {
    members::show(&manage, &caller, id).await.map(Json)
}

/// Give a member another role
#[utoipa::path(
    patch,
    path = "/members/{id}",
    operation_id = "members.update",
    tag = "Members",
    params(("id" = AccountId, Path)),
    request_body = Update,
    responses((status = 200, description = "Done", body = MemberView))
)]
pub(super) async fn update(
    caller: May<EditMembers>,
    State(manage): State<Manage>,
    Id(id): Id<AccountId>,
    Body(wanted): Body<Update>,
) -> Result<Json<MemberView>, Problem> {
    members::update(&manage, &caller, id, wanted)
        .await
        .map(Json)
}

/// End a membership, and the API tokens that go with it
#[utoipa::path(
    delete,
    path = "/members/{id}",
    operation_id = "members.remove",
    tag = "Members",
    params(("id" = AccountId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn remove(
    caller: May<EditMembers>,
    State(manage): State<Manage>,
    Id(id): Id<AccountId>,
) -> Result<StatusCode, Problem> {
    members::remove(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
