//! `/addons`: what an application's users may do with a key.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::AddOnId,
    manage::{
        List, Manage, May, Problem,
        addons::{self, AddOnView, Filter, Install, Update},
        permission::right::{EditAddOns, SeeAddOns},
    },
};

/// Activate an AI capability for an application
#[utoipa::path(
    post,
    path = "/addons",
    operation_id = "addons.install",
    tag = "AddOns",
    request_body = Install,
    responses((status = 201, description = "Made", body = AddOnView))
)]
pub(super) async fn install(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Body(wanted): Body<Install>,
) -> Result<(StatusCode, Json<AddOnView>), Problem> {
    let installed = addons::install(&manage, &caller, wanted).await?;
    Ok((StatusCode::CREATED, Json(installed)))
}

/// List the AddOns
#[utoipa::path(
    get,
    path = "/addons",
    operation_id = "addons.list",
    tag = "AddOns",
    params(Filter),
    responses((status = 200, description = "Done", body = List<AddOnView>))
)]
pub(super) async fn list(
    caller: May<SeeAddOns>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<AddOnView>>, Problem> {
    addons::list(&manage, &caller, filter).await.map(Json)
}

/// Show an AddOn
#[utoipa::path(
    get,
    path = "/addons/{id}",
    operation_id = "addons.show",
    tag = "AddOns",
    params(("id" = AddOnId, Path)),
    responses((status = 200, description = "Done", body = AddOnView))
)]
pub(super) async fn show(
    caller: May<SeeAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<Json<AddOnView>, Problem> {
    addons::show(&manage, &caller, id).await.map(Json)
}

/// Change an AddOn; what is left out stays
#[utoipa::path(
    patch,
    path = "/addons/{id}",
    operation_id = "addons.update",
    tag = "AddOns",
    params(("id" = AddOnId, Path)),
    request_body = Update,
    responses((status = 200, description = "Done", body = AddOnView))
)]
pub(super) async fn update(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
    Body(wanted): Body<Update>,
) -> Result<Json<AddOnView>, Problem> {
    addons::update(&manage, &caller, id, wanted).await.map(Json)
}

/// Refuse every call of an AddOn and end its streams
#[utoipa::path(
    post,
    path = "/addons/{id}/disable",
    operation_id = "addons.disable",
    tag = "AddOns",
    params(("id" = AddOnId, Path)),
    responses((status = 200, description = "Done", body = AddOnView))
)]
pub(super) async fn disable(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<Json<AddOnView>, Problem> {
    addons::set_disabled(&manage, &caller, id, true)
        .await
        .map(Json)
}

/// Undo `disable`
#[utoipa::path(
    post,
    path = "/addons/{id}/enable",
    operation_id = "addons.enable",
    tag = "AddOns",
    params(("id" = AddOnId, Path)),
    responses((status = 200, description = "Done", body = AddOnView))
)]
pub(super) async fn enable(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<Json<AddOnView>, Problem> {
    addons::set_disabled(&manage, &caller, id, false)
        .await
        .map(Json)
}

/// Remove an AddOn
#[utoipa::path(
    delete,
    path = "/addons/{id}",
    operation_id = "addons.remove",
    tag = "AddOns",
    params(("id" = AddOnId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn remove(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<StatusCode, Problem> {
    addons::remove(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
