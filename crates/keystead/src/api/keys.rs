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

pub(super) async fn add(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Body(wanted): Body<Add>,
) -> Result<(StatusCode, Json<CheckedKeyView>), Problem> {
    let added = keys::add(&manage, &caller, wanted).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

pub(super) async fn list(
    caller: May<SeeKeys>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<KeyView>>, Problem> {
    keys::list(&manage, &caller, filter).await.map(Json)
}

pub(super) async fn show(
    caller: May<SeeKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyDetailView>, Problem> {
    keys::show(&manage, &caller, id).await.map(Json)
}

pub(super) async fn update(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
    Body(wanted): Body<Update>,
) -> Result<Json<KeyView>, Problem> {
    keys::update(&manage, &caller, id, wanted).await.map(Json)
}

pub(super) async fn rotate(
    caller: May<ReplaceKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
    Body(wanted): Body<Rotate>,
) -> Result<Json<CheckedKeyView>, Problem> {
    keys::rotate(&manage, &caller, id, wanted).await.map(Json)
}

pub(super) async fn check(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<CheckedKeyView>, Problem> {
    keys::check(&manage, &caller, id).await.map(Json)
}

pub(super) async fn disable(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    keys::set_disabled(&manage, &caller, id, true)
        .await
        .map(Json)
}

pub(super) async fn enable(
    caller: May<EditKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    keys::set_disabled(&manage, &caller, id, false)
        .await
        .map(Json)
}

pub(super) async fn remove(
    caller: May<ReplaceKeys>,
    State(manage): State<Manage>,
    Id(id): Id<KeyId>,
) -> Result<StatusCode, Problem> {
    keys::remove(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
