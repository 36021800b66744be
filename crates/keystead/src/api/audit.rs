//! `/audit`: who did what.

use axum::{Json, extract::State};

use super::body::Query;
use crate::manage::{
    List, Manage, May, Paging, Problem,
    audit::{self, AuditEventView},
    permission::right::SeeAudit,
};

/// Read the audit log, oldest first
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "audit.list",
    tag = "Audit",
    params(Paging),
    responses((status = 200, description = "Done", body = List<AuditEventView>))
)]
pub(super) async fn list(
    caller: May<SeeAudit>,
    State(manage): State<Manage>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<AuditEventView>>, Problem> {
    audit::list(&manage, &caller, &paging).await.map(Json)
}
