//! `/requests`: the latest calls, newest first.

use axum::{Json, extract::State};

use super::body::Query;
use crate::manage::{
    List, Manage, May, Problem,
    permission::right::SeeUsage,
    requests::{self, Filter, RequestView},
};

pub(super) async fn list(
    caller: May<SeeUsage>,
    State(manage): State<Manage>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<RequestView>>, Problem> {
    let found = requests::list(&manage, &caller, filter).await?;
    Ok(Json(found.list))
}
