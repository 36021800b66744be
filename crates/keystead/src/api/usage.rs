//! `/usage`: the sums of the ledger.

use axum::{Json, extract::State};

use super::body::{Body, Query};
use crate::manage::{
    List, Manage, May, Problem,
    permission::right::SeeUsage,
    usage::{self, EndUser, EndUserUsageView, Filter, UsageView},
};

pub(super) async fn list(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<UsageView>>, Problem> {
    usage::list(&manage, &caller, filter).await.map(Json)
}

/// The uid is in the body: addresses are written down by those who pass them on.
pub(super) async fn of_subject(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Body(wanted): Body<EndUser>,
) -> Result<Json<List<EndUserUsageView>>, Problem> {
    usage::of_subject(&manage, &caller, wanted).await.map(Json)
}
