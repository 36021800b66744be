//! `/sessions`: where the caller's own account is signed in.

use axum::{Json, extract::State};
use http::StatusCode;

use super::path::Id;
use crate::{
    ids::SessionId,
    manage::{
        List, Manage, May, Problem,
        permission::right::{EndSessions, SeeSessions},
        sessions::{self, SessionView},
    },
};

/// List where your account is signed in at the console
#[utoipa::path(
    get,
    path = "/sessions",
    operation_id = "sessions.list",
    tag = "Sessions",
    responses((status = 200, description = "Done", body = List<SessionView>))
)]
pub(super) async fn list(
    caller: May<SeeSessions>,
    State(manage): State<Manage>,
) -> Result<Json<List<SessionView>>, Problem> {
    sessions::list(&manage, &caller).await.map(Json)
}

/// Sign out everywhere else: end every session but the one that asks
#[utoipa::path(
    delete,
    path = "/sessions",
    operation_id = "sessions.end_others",
    tag = "Sessions",
    responses((status = 204, description = "Done"))
)]
pub(super) async fn end_others(
    caller: May<EndSessions>,
    State(manage): State<Manage>,
) -> Result<StatusCode, Problem> {
    sessions::end_others(&manage, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one session of your account
#[utoipa::path(
    delete,
    path = "/sessions/{id}",
    operation_id = "sessions.end",
    tag = "Sessions",
    params(("id" = SessionId, Path)),
    responses((status = 204, description = "Done"))
)]
pub(super) async fn end(
    caller: May<EndSessions>,
    State(manage): State<Manage>,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, Problem> {
    sessions::end(&manage, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
