//! Ending the account's sessions.

use axum::extract::{Path, State};

use super::done;
use crate::{
    console::{Answer, Console, Posted, Refused},
    ids::SessionId,
};

pub(super) async fn end(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let signed_in = &posted.person.signed_in;
    let id: SessionId = id.parse().map_err(|_| Refused::NotFound)?;
    let store = console.store();
    store
        .revoke_session(signed_in.actor(), signed_in.account.id, id)
        .await?;
    Ok(done("signed-out"))
}

pub(super) async fn end_others(State(console): State<Console>, posted: Posted) -> Answer {
    let signed_in = &posted.person.signed_in;
    let kept = Some(signed_in.session.id);
    let store = console.store();
    store
        .revoke_sessions(signed_in.actor(), signed_in.account.id, kept)
        .await?;
    Ok(done("signed-out"))
}
