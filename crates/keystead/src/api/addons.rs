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

pub(super) async fn install(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Body(wanted): Body<Install>,
) -> Result<(StatusCode, Json<AddOnView>), Problem> {
    let installed = addons::install(&manage, &caller, wanted).await?;
    Ok((StatusCode::CREATED, Json(installed)))
}

pub(super) async fn list(
    caller: May<SeeAddOns>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<AddOnView>>, Problem> {
    addons::list(&manage, &caller, filter).await.map(Json)
}

pub(super) async fn show(
    caller: May<SeeAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<Json<AddOnView>, Problem> {
    addons::show(&manage, &caller, id).await.map(Json)
}

pub(super) async fn update(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
    Body(wanted): Body<Update>,
) -> Result<Json<AddOnView>, Problem> {
    addons::update(&manage, &caller, id, wanted).await.map(Json)
}

pub(super) async fn disable(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<Json<AddOnView>, Problem> {
    addons::set_disabled(&manage, &caller, id, true)
        .await
        .map(Json)
}

pub(super) async fn enable(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<Json<AddOnView>, Problem> {
    addons::set_disabled(&manage, &caller, id, false)
        .await
        .map(Json)
}

pub(super) async fn remove(
    caller: May<EditAddOns>,
    State(manage): State<Manage>,
    Id(id): Id<AddOnId>,
) -> Result<StatusCode, Problem> {
    addons::remove(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
