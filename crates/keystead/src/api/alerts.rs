//! `/alerts`: what was found that someone must look at.

use axum::{Json, extract::State};

use super::{body::Query, path::Id};
use crate::{
    ids::AlertId,
    manage::{
        List, Manage, May, Problem,
        alerts::{self, AlertView, Filter},
        permission::right::{EditAlerts, SeeAlerts},
    },
};

/// List alerts, the latest made first
#[utoipa::path(
    get,
    path = "/alerts",
    operation_id = "alerts.list",
    tag = "Alerts",
    params(Filter),
    responses((status = 200, description = "Done", body = List<AlertView>))
)]
pub(super) async fn list(
    caller: May<SeeAlerts>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<AlertView>>, Problem> {
    alerts::list(&manage, &caller, &filter).await.map(Json)
}

/// Say that you saw an alert; it opens again when the same is found again
#[utoipa::path(
    post,
    path = "/alerts/{id}/acknowledge",
    operation_id = "alerts.acknowledge",
    tag = "Alerts",
    params(("id" = AlertId, Path)),
    responses((status = 200, description = "Done", body = AlertView))
)]
pub(super) async fn acknowledge(
    caller: May<EditAlerts>,
    State(manage): State<Manage>,
    Id(id): Id<AlertId>,
) -> Result<Json<AlertView>, Problem> {
    alerts::acknowledge(&manage, &caller, id).await.map(Json)
}
