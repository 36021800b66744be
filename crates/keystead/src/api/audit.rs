//! `/audit`: who did what.

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header;

use super::{answer::KeptByNobody, body::Query};
use crate::manage::{
    List, Manage, May, Paging, Problem,
    audit::{self, AuditEventView},
    permission::right::{ExportAudit, SeeAudit},
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

/// Take the audit log away as lines of JSON, oldest first
///
/// The log says that it was taken. An answer that breaks off did not come to the last line.
#[utoipa::path(
    post,
    path = "/audit/export",
    operation_id = "audit.export",
    tag = "Audit",
    responses((
        status = 200,
        description = "Lines, each an `AuditEventView`",
        content_type = "application/jsonl",
        body = String,
    ))
)]
pub(super) async fn export(
    caller: May<ExportAudit>,
    State(manage): State<Manage>,
) -> Result<Response, Problem> {
    let lines = audit::export(&manage, caller).await?;
    let kind = [(header::CONTENT_TYPE, "application/jsonl")];
    let mut response = (kind, Body::new(lines)).into_response();
    // Too long to be remembered for a second answer of the same name.
    response.extensions_mut().insert(KeptByNobody);
    Ok(response)
}
