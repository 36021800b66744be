//! `/invitations`: who is asked to belong to the organization.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    answer::Made,
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::LinkId,
    manage::{
        ByRole, List, Manage, May, Problem,
        invitations::{self, Create, InvitationView, NewInvitationView},
        permission::right::{EditMembers, SeeMembers},
    },
};

/// List the invitations that may still be used
#[utoipa::path(
    get,
    path = "/invitations",
    operation_id = "invitations.list",
    tag = "Members",
    params(ByRole),
    responses((status = 200, description = "Done", body = List<InvitationView>))
)]
pub(super) async fn list(
    caller: May<SeeMembers>,
    State(manage): State<Manage>,
    Query(wanted): Query<ByRole>,
) -> Result<Json<List<InvitationView>>, Problem> {
    invitations::list(&manage, &caller, &wanted).await.map(Json)
}

/// Invite someone, by a link that is shown this once
#[utoipa::path(
    post,
    path = "/invitations",
    operation_id = "invitations.create",
    tag = "Members",
    request_body = Create,
    responses((status = 201, description = "Made", body = NewInvitationView))
)]
pub(super) async fn create(
    caller: May<EditMembers>,
    State(manage): State<Manage>,
    Body(wanted): Body<Create>,
) -> Result<Made<NewInvitationView>, Problem> {
    let view = invitations::create(&manage, &caller, wanted).await?;
    Ok(Made {
        view,
        holds_secret: true,
    })
}

/// Take an invitation back
#[utoipa::path(
    delete,
    path = "/invitations/{id}",
    operation_id = "invitations.withdraw",
    tag = "Members",
    params(("id" = LinkId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn withdraw(
    caller: May<EditMembers>,
    State(manage): State<Manage>,
    Id(id): Id<LinkId>,
) -> Result<StatusCode, Problem> {
    invitations::withdraw(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
