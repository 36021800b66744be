//! `/requests`: the latest calls, newest first.

use axum::{Json, extract::State};

use super::body::Query;
use crate::manage::{
    List, Manage, May, Problem,
    permission::right::SeeUsage,
    requests::{self, Filter, RequestView},
};

/// List the latest calls, the newest first: what is known of them, and never what they said
#[utoipa::path(
    get,
    path = "/requests",
    operation_id = "requests.list",
    tag = "Usage",
    params(Filter),
    responses((status = 200, description = "Done", body = List<RequestView>))
)]
pub(super) async fn list(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<RequestView>>, Problem> {
    let found = requests::list(&manage, &caller, filter).await?;
    Ok(Json(found.list))
}
