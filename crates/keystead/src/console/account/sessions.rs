//! Ending the account's sessions.

use axum::extract::{Path, State};

use super::done;
use crate::{
    console::{Answer, Console, Posted, Refused},
    ids::SessionId,
    manage::{permission::right::EndSessions, sessions},
};

pub(super) async fn end(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let may = posted.person.may::<EndSessions>(&console).await?;
    let id: SessionId = id.parse().map_err(|_| Refused::NotFound)?;
    sessions::end(console.manage(), &may, id).await?;
    Ok(done("signed-out"))
}

pub(super) async fn end_others(State(console): State<Console>, posted: Posted) -> Answer {
    let may = posted.person.may::<EndSessions>(&console).await?;
    sessions::end_others(console.manage(), &may).await?;
    Ok(done("signed-out"))
}
