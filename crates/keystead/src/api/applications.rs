//! `/applications`: host applications.

use axum::{Json, extract::State};

use super::{
    answer::Made,
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::ApplicationId,
    manage::{
        List, Manage, May, Problem, Search,
        applications::{self, ApplicationView, BelongingsView, Create, NewApplicationView, Update},
        erasure::ReceiptView,
        permission::right::{DeleteApplications, EditApplications, SeeApplications},
    },
};

/// Make an application
#[utoipa::path(
    post,
    path = "/applications",
    operation_id = "applications.create",
    tag = "Applications",
    request_body = Create,
    responses((status = 201, description = "Made", body = NewApplicationView))
)]
pub(super) async fn create(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Body(wanted): Body<Create>,
) -> Result<Made<NewApplicationView>, Problem> {
    let view = applications::create(&manage, &caller, wanted).await?;
    let holds_secret = view.client_secret.is_some();
    Ok(Made { view, holds_secret })
}

/// List the applications
#[utoipa::path(
    get,
    path = "/applications",
    operation_id = "applications.list",
    tag = "Applications",
    params(Search),
    responses((status = 200, description = "Done", body = List<ApplicationView>))
)]
pub(super) async fn list(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Query(search): Query<Search>,
) -> Result<Json<List<ApplicationView>>, Problem> {
    applications::list(&manage, &caller, &search)
        .await
        .map(Json)
}

/// Show an application
#[utoipa::path(
    get,
    path = "/applications/{id}",
    operation_id = "applications.show",
    tag = "Applications",
    params(("id" = ApplicationId, Path)),
    responses((status = 200, description = "Done", body = ApplicationView))
)]
pub(super) async fn show(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<ApplicationView>, Problem> {
    applications::show(&manage, &caller, id).await.map(Json)
}

/// Change an application; what is left out stays
#[utoipa::path(
    patch,
    path = "/applications/{id}",
    operation_id = "applications.update",
    tag = "Applications",
    params(("id" = ApplicationId, Path)),
    request_body = Update,
    responses((status = 200, description = "Done", body = ApplicationView))
)]
pub(super) async fn update(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
    Body(wanted): Body<Update>,
) -> Result<Json<ApplicationView>, Problem> {
    applications::update(&manage, &caller, id, wanted)
        .await
        .map(Json)
}

/// Refuse every call of an application and end its streams
#[utoipa::path(
    post,
    path = "/applications/{id}/disable",
    operation_id = "applications.disable",
    tag = "Applications",
    params(("id" = ApplicationId, Path)),
    responses((status = 200, description = "Done", body = ApplicationView))
)]
pub(super) async fn disable(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<ApplicationView>, Problem> {
    applications::set_disabled(&manage, &caller, id, true)
        .await
        .map(Json)
}

/// Undo `disable`
#[utoipa::path(
    post,
    path = "/applications/{id}/enable",
    operation_id = "applications.enable",
    tag = "Applications",
    params(("id" = ApplicationId, Path)),
    responses((status = 200, description = "Done", body = ApplicationView))
)]
pub(super) async fn enable(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<ApplicationView>, Problem> {
    applications::set_disabled(&manage, &caller, id, false)
        .await
        .map(Json)
}

/// Count what would go with an application
#[utoipa::path(
    get,
    path = "/applications/{id}/belongings",
    operation_id = "applications.belongings",
    tag = "Applications",
    params(("id" = ApplicationId, Path)),
    responses((status = 200, description = "Done", body = BelongingsView))
)]
pub(super) async fn belongings(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<BelongingsView>, Problem> {
    applications::belongings(&manage, &caller, id)
        .await
        .map(Json)
}

/// Delete an application with everything that belongs to it
#[utoipa::path(
    delete,
    path = "/applications/{id}",
    operation_id = "applications.remove",
    tag = "Applications",
    params(("id" = ApplicationId, Path)),
    responses((status = 200, description = "Done", body = ReceiptView))
)]
pub(super) async fn remove(
    caller: May<DeleteApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<ReceiptView>, Problem> {
    applications::remove(&manage, &caller, id).await.map(Json)
}
