//! `/console/sign-out`: this session, or all of them.

use axum::extract::State;

use super::entrance::signed_out;
use crate::console::{Answer, Console, Posted};

pub(super) async fn here(State(console): State<Console>, posted: Posted) -> Answer {
    let session = &posted.person.signed_in.session;
    console.store().sign_out(&session.hash).await?;
    Ok(signed_out(&console))
}

pub(super) async fn everywhere(State(console): State<Console>, posted: Posted) -> Answer {
    let signed_in = &posted.person.signed_in;
    let (actor, account) = (signed_in.actor(), signed_in.account.id);
    console
        .store()
        .revoke_sessions(actor, account, None)
        .await?;
    Ok(signed_out(&console))
}
