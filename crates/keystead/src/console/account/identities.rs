//! Who the account is at OpenID providers.

use axum::extract::{Path, State};

use super::after;
use crate::{
    console::{Answer, Console, Posted, Refused},
    ids::IdentityId,
};

pub(super) async fn remove(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let person = posted.person;
    let id: IdentityId = id.parse().map_err(|_| Refused::NotFound)?;
    let people = console.people();
    let outcome = people.remove_identity(&person.signed_in, id).await;
    after(&console, &person, outcome, "removed", "identities").await
}
