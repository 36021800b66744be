//! To another organization of the same person.

use axum::extract::State;

use crate::{
    console::{
        Answer, Console, Posted, Refused,
        sign_in::{Local, signed_in},
    },
    ids::OrganizationId,
};

pub(super) async fn turn(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, form } = posted;
    let id = form.value("organization").parse();
    let id: OrganizationId = id.map_err(|_| Refused::NotFound)?;
    let hash = person.signed_in.session.hash;
    let (_, token) = console.store().move_session(&hash, id).await?;
    Ok(signed_in(
        &console,
        &token,
        &Local::of("/console?done=turned"),
    ))
}
