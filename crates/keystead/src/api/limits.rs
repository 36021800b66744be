//! `/limits/check`: would a call pass?

use axum::{Json, extract::State};

use super::body::Body;
use crate::manage::{
    Manage, May, Problem,
    limit_check::{self, LimitCheckView, Meant},
    permission::right::SeeLimits,
};

/// See which rules hold for a call, who set them, and whether it would pass
#[utoipa::path(
    post,
    path = "/limits/check",
    operation_id = "limits.check",
    tag = "Limits",
    request_body = Meant,
    responses((status = 200, description = "Done", body = LimitCheckView))
)]
pub(super) async fn check(
    caller: May<SeeLimits>,
    State(manage): State<Manage>,
    Body(meant): Body<Meant>,
) -> Result<Json<LimitCheckView>, Problem> {
    limit_check::check(&manage, &caller, meant).await.map(Json)
}
