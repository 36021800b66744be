//! `/security`: what of the set-up is weaker than it could be.

use axum::{Json, extract::State};

use crate::manage::{
    Manage, May, Problem,
    permission::right::SeeSystem,
    posture::{self, ReportView},
};

/// Report what of the set-up is weaker than it could be, the failing first
#[utoipa::path(
    get,
    path = "/security",
    operation_id = "security.report",
    tag = "System",
    responses((status = 200, description = "Done", body = ReportView))
)]
pub(super) async fn report(
    caller: May<SeeSystem>,
    State(manage): State<Manage>,
) -> Result<Json<ReportView>, Problem> {
    posture::report(&manage, &caller).await.map(Json)
}
