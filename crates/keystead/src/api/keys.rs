//! `/keys`: provider keys.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::KeyId,
    manage::{
        List, Manage, May, Problem,
        keys::{self, Add, CheckedKeyView, Filter, KeyDetailView, KeyView, Rotate, Update},
        permission::right::{EditKeys, ReplaceKeys, SeeKeys},
    },
};

/// Seal a provider key; one that the provider refuses is not stored
#[utoipa::path(
    post,
    path = "/keys",
    operation_id = "keys.add",
    tag = "Keys",
    request_body = Add,
    responses((status = 201, description = "Made", body = CheckedKeyView))
)]
pub(super) async fn add(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Body(wanted): Body<Add>,
) -> Result<(StatusCode, Json<CheckedKeyView>), Problem> {
    let added = keys::add(&manage, &caller, wanted).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// List the keys
#[utoipa::path(
    get,
    path = "/keys",
    operation_id = "keys.list",
    tag = "Keys",
    params(Filter),
    responses((status = 200, description = "Done", body = List<KeyView>))
)]
pub(super) async fn list(
    caller: May<SeeKeys>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<KeyView>>, Problem> {
    keys::list(&manage, &caller, filter).await.map(Json)
}

/// Show a key with its versions
#[utoipa::path(
    get,
    path = "/keys/{id}",
    operation_id = "keys.show",
    tag = "Keys",
    params(("id" = KeyId, Path)),
    responses((status = 200, description = "Done", body = KeyDetailView))
)]
pub(super) async fn show(
    caller: May<SeeKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyDetailView>, Problem> {
    keys::show(&manage, &caller, id).await.map(Json)
}

/// Change a key's name or limits; what is left out stays
#[utoipa::path(
    patch,
    path = "/keys/{id}",
    operation_id = "keys.update",
    tag = "Keys",
    params(("id" = KeyId, Path)),
    request_body = Update,
    responses((status = 200, description = "Done", body = KeyView))
)]
pub(super) async fn update(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
    Body(wanted): Body<Update>,
) -> Result<Json<KeyView>, Problem> {
    keys::update(&manage, &caller, id, wanted).await.map(Json)
}

/// Put a new key in a key's place; no call fails meanwhile
#[utoipa::path(
    post,
    path = "/keys/{id}/rotate",
    operation_id = "keys.rotate",
    tag = "Keys",
    params(("id" = KeyId, Path)),
    request_body = Rotate,
    responses((status = 200, description = "Done", body = CheckedKeyView))
)]
pub(super) async fn rotate(
    caller: May<ReplaceKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
    Body(wanted): Body<Rotate>,
) -> Result<Json<CheckedKeyView>, Problem> {
    keys::rotate(&manage, &caller, id, wanted).await.map(Json)
}

/// Ask the provider whether a key works
#[utoipa::path(
    post,
    path = "/keys/{id}/check",
    operation_id = "keys.check",
    tag = "Keys",
    params(("id" = KeyId, Path)),
    responses((status = 200, description = "Done", body = CheckedKeyView))
)]
pub(super) async fn check(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<CheckedKeyView>, Problem> {
    keys::check(&manage, &caller, id).await.map(Json)
}

/// Refuse every call with a key and end its streams
#[utoipa::path(
    post,
    path = "/keys/{id}/disable",
    operation_id = "keys.disable",
    tag = "Keys",
    params(("id" = KeyId, Path)),
    responses((status = 200, description = "Done", body = KeyView))
)]
pub(super) async fn disable(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    keys::set_disabled(&manage, &caller, id, true)
        .await
        .map(Json)
}

/// Undo `disable`
#[utoipa::path(
    post,
    path = "/keys/{id}/enable",
    operation_id = "keys.enable",
    tag = "Keys",
    params(("id" = KeyId, Path)),
    responses((status = 200, description = "Done", body = KeyView))
)]
pub(super) async fn enable(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    keys::set_disabled(&manage, &caller, id, false)
        .await
        .map(Json)
}

/// Destroy a key for good
#[utoipa::path(
    delete,
    path = "/keys/{id}",
    operation_id = "keys.remove",
    tag = "Keys",
    params(("id" = KeyId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn remove(
    caller: May<ReplaceKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<StatusCode, Problem> {
    keys::remove(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
