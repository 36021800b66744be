//! `/usage`: the sums of the ledger.

use axum::{Json, extract::State};

use super::body::{Body, Query};
use crate::manage::{
    List, Manage, May, Problem,
    permission::right::SeeUsage,
    refusals::{self, RefusedList},
    usage::{self, EndUser, EndUserUsageView, Filter, UsageView},
};

/// Sum up what was used, by day or hour
#[utoipa::path(
    get,
    path = "/usage",
    operation_id = "usage.list",
    tag = "Usage",
    params(Filter),
    responses((status = 200, description = "Done", body = List<UsageView>))
)]
pub(super) async fn list(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<UsageView>>, Problem> {
    usage::list(&manage, &caller, filter).await.map(Json)
}

/// Sum up what one end user used, by day and AddOn
#[utoipa::path(
    post,
    path = "/usage/subject",
    operation_id = "usage.of_subject",
    tag = "Usage",
    request_body = EndUser,
    responses((status = 200, description = "Done", body = List<EndUserUsageView>))
)]
// The uid is in the body: addresses are written down by those who pass them on.
pub(super) async fn of_subject(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Body(wanted): Body<EndUser>,
) -> Result<Json<List<EndUserUsageView>>, Problem> {
    usage::of_subject(&manage, &caller, wanted).await.map(Json)
}

/// Count what Keystead refused, by day, application and code
#[utoipa::path(
    get,
    path = "/usage/refused",
    operation_id = "usage.refused",
    tag = "Usage",
    params(refusals::Filter),
    responses((status = 200, description = "Done", body = RefusedList))
)]
pub(super) async fn refused(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Query(filter): Query<refusals::Filter>,
) -> Result<Json<RefusedList>, Problem> {
    refusals::list(&manage, &caller, filter).await.map(Json)
}
