//! What the account lets applications do, to be taken back.

use axum::extract::{Path, State};

use super::done;
use crate::{
    console::{Answer, Console, Posted, Refused},
    ids::GrantId,
};

pub(super) async fn withdraw(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let id: GrantId = id.parse().map_err(|_| Refused::NotFound)?;
    let signed_in = &posted.person.signed_in;
    let (store, account) = (console.store(), signed_in.account.id);
    store.withdraw_grant(signed_in.actor(), account, id).await?;
    Ok(done("taken-back"))
}
