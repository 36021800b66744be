//! `/applications`: host applications.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    body::{Body, Query},
    path::Id,
};
use crate::{
    ids::ApplicationId,
    manage::{
        List, Manage, May, Problem, Search,
        applications::{self, ApplicationView, Create, NewApplicationView, Update},
        permission::right::{EditApplications, SeeApplications},
    },
};

pub(super) async fn create(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Body(wanted): Body<Create>,
) -> Result<(StatusCode, Json<NewApplicationView>), Problem> {
    let made = applications::create(&manage, &caller, wanted).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn list(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Query(search): Query<Search>,
) -> Result<Json<List<ApplicationView>>, Problem> {
    applications::list(&manage, &caller, &search)
        .await
        .map(Json)
}

pub(super) async fn show(
    caller: May<SeeApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<ApplicationView>, Problem> {
    applications::show(&manage, &caller, id).await.map(Json)
}

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

pub(super) async fn disable(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<ApplicationView>, Problem> {
    applications::set_disabled(&manage, &caller, id, true)
        .await
        .map(Json)
}

pub(super) async fn enable(
    caller: May<EditApplications>,
    State(manage): State<Manage>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<ApplicationView>, Problem> {
    applications::set_disabled(&manage, &caller, id, false)
        .await
        .map(Json)
}
