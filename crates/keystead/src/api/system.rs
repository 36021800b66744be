//! `/system`: how the installation is.

use axum::{Json, extract::State};

use crate::manage::{
    Manage, May, Problem,
    permission::right::SeeSystem,
    system::{self, SystemView},
};

/// Show how the installation is
#[utoipa::path(
    get,
    path = "/system",
    operation_id = "system.show",
    tag = "System",
    responses((status = 200, description = "Done", body = SystemView))
)]
pub(super) async fn show(
    caller: May<SeeSystem>,
    State(manage): State<Manage>,
) -> Result<Json<SystemView>, Problem> {
    system::show(&manage, &caller).await.map(Json)
}
