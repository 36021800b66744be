//! The account's passkeys.

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::header::SET_COOKIE;

use super::after;
use crate::{
    console::{
        Answer, Console, Posted, Refused,
        sign_in::{asked, session_cookie},
    },
    ids::PasskeyId,
    store::SignInMethod,
};

/// What a new passkey is asked, for the page's script.
pub(super) async fn ask(State(console): State<Console>, posted: Posted) -> Response {
    let people = console.people();
    asked(people.ask_for_new_passkey(&posted.person.signed_in).await)
}

pub(super) async fn add(State(console): State<Console>, posted: Posted) -> Answer {
    let Posted { person, mut form } = posted;
    let answer = form.take("answer");
    let (ticket, name) = (form.value("ticket"), form.value("name"));
    let people = console.people();
    let signed_in = &person.signed_in;
    let outcome = people.add_passkey(signed_in, ticket, &answer, name).await;
    let is_added = outcome.is_ok();
    let mut response = after(&console, &person, outcome, "added", "passkey-name").await?;
    if is_added {
        // Whoever has just used one has shown that they hold it.
        let hash = signed_in.session.hash;
        let proved = console.store().prove_session(&hash, SignInMethod::Passkey);
        let (_, token) = proved.await?;
        let cookie = session_cookie(&console, &token);
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(super) async fn rename(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let Posted { person, form } = posted;
    let id = read(&id)?;
    let people = console.people();
    let outcome = people
        .rename_passkey(&person.signed_in, id, form.value("name"))
        .await;
    after(&console, &person, outcome, "changed", "passkey-name").await
}

pub(super) async fn remove(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Answer {
    let person = posted.person;
    let id = read(&id)?;
    let outcome = console.people().remove_passkey(&person.signed_in, id).await;
    after(&console, &person, outcome, "removed", "passkey-name").await
}

fn read(id: &str) -> Result<PasskeyId, Refused> {
    id.parse().map_err(|_| Refused::NotFound)
}
