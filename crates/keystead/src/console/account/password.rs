//! The account's password.

use axum::extract::State;

use super::after;
use crate::console::{Answer, Console, Posted};

pub(super) async fn set(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let password = form.take("password");
    let people = console.people();
    let outcome = people.set_password(&person.signed_in, password).await;
    after(&console, &person, outcome, "changed", "password").await
}

pub(super) async fn remove(State(console): State<Console>, posted: Posted) -> Answer {
    let person = posted.person;
    let outcome = console.people().remove_password(&person.signed_in).await;
    after(&console, &person, outcome, "removed", "password").await
}
